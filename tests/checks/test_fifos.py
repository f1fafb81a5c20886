"""Named pipes as files: what the supervisor sees of their readers."""

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from racecourse.checks import Fifos, NotMeasurable, Submission
from racecourse.checks import fifos as module
from racecourse.model.exercise import Limits
from racecourse.sandbox.handle import Worker
from racecourse.sandbox.launch import LoadOptions
from racecourse.sandbox.launcher import Lane, Zygote
from racecourse.sandbox.payload import Payload

_CONTENTS = [b"first", b"", b"third" * 100]
_SCENARIOS = """
import threading

def read(paths, at_once):
    texts = [None] * len(paths)
    free = threading.Semaphore(at_once)

    def one(number, path):
        with free, open(path, "rb") as file:
            texts[number] = file.read().decode()

    threads = [threading.Thread(target=one, args=each) for each in enumerate(paths)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
    return texts
"""


@pytest.fixture
def pipes(tmp_path: Path) -> Iterator[Fifos]:
    with Fifos(tmp_path, _CONTENTS) as made:
        yield made


class _Reader(threading.Thread):
    """Somebody who reads a whole file."""

    def __init__(self, path: str) -> None:
        super().__init__(daemon=True)
        self.path, self.text = path, None
        self.start()

    def run(self) -> None:
        self.text = Path(self.path).read_bytes()


def test_nobody_reads_what_nobody_has_opened(pipes: Fifos):
    assert pipes.reading() == frozenset()
    assert pipes.fed == frozenset()


def test_who_reads_is_seen_and_is_held_until_it_is_fed(pipes: Fifos):
    reader = _Reader(pipes.paths[2])
    assert pipes.until(1, within_s=20) == {2}
    assert pipes.reading() == {2}
    assert reader.is_alive()
    pipes.feed()
    reader.join(20)
    assert reader.text == _CONTENTS[2]
    assert pipes.reading() == frozenset()
    assert pipes.fed == {2}


def test_who_reads_once_gets_the_first_piece_only(pipes: Fifos):
    end = os.open(pipes.paths[2], os.O_RDONLY | os.O_NONBLOCK)
    with os.fdopen(end, "rb", buffering=0) as file:
        os.set_blocking(end, True)
        assert pipes.reading() == {2}
        feeding = threading.Thread(target=pipes.feed)
        feeding.start()
        assert file.read(1000) == pipes.first_piece(_CONTENTS[2])
        feeding.join(20)
        assert file.read(1000) == _CONTENTS[2][len(pipes.first_piece(_CONTENTS[2])) :]
        assert file.read(1000) == b""


def test_who_has_a_file_open_and_does_not_read_is_not_waited_for(
    pipes: Fifos, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(module, "_TAKEN_WITHIN_S", 0.01)
    end = os.open(pipes.paths[2], os.O_RDONLY | os.O_NONBLOCK)
    with os.fdopen(end, "rb") as file:
        pipes.feed()
        assert pipes.fed == {2}
        assert file.read() == _CONTENTS[2]


def test_who_leaves_in_the_middle_is_not_waited_for(
    pipes: Fifos, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(module, "_TAKEN_WITHIN_S", 60)
    end = os.open(pipes.paths[2], os.O_RDONLY | os.O_NONBLOCK)
    os.set_blocking(end, True)
    assert pipes.reading() == {2}
    feeding = threading.Thread(target=pipes.feed)
    feeding.start()
    assert os.read(end, 1) == _CONTENTS[2][:1]
    os.close(end)
    feeding.join(20)
    assert not feeding.is_alive()
    assert pipes.fed == {2}


def test_an_empty_content_is_the_end_of_the_file_at_once(pipes: Fifos):
    reader = _Reader(pipes.paths[1])
    assert pipes.feed_until(lambda: not reader.is_alive(), within_s=20)
    assert reader.text == b""


def test_a_reader_that_has_gone_is_no_reader(pipes: Fifos):
    reader = os.open(pipes.paths[0], os.O_RDONLY | os.O_NONBLOCK)
    assert pipes.reading() == {0}
    os.close(reader)
    assert pipes.reading() == frozenset()
    pipes.feed()
    assert pipes.fed == frozenset()


def test_what_never_ends_is_not_waited_for(pipes: Fifos):
    assert pipes.until(1, within_s=0.0) == frozenset()
    assert not pipes.feed_until(lambda: False, within_s=0.0)


def test_the_end_of_the_block_lets_readers_go_with_nothing(tmp_path: Path):
    with Fifos(tmp_path, _CONTENTS) as pipes:
        reader = _Reader(pipes.paths[0])
        pipes.until(1, within_s=20)
    reader.join(20)
    assert reader.text == b""
    assert list(tmp_path.iterdir()) == []


def test_a_content_that_a_pipe_might_not_take_at_once_is_refused(tmp_path: Path):
    with pytest.raises(ValueError, match="4096"):
        Fifos(tmp_path, [b"x" * (module.MOST_BYTES + 1)])


def test_a_machine_without_pipes_cannot_decide(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delattr(os, "mkfifo")
    with pytest.raises(NotMeasurable):
        Fifos(tmp_path, _CONTENTS)


def test_a_folder_without_pipes_cannot_decide(tmp_path: Path):
    with pytest.raises(NotMeasurable):
        Fifos(tmp_path / "missing", _CONTENTS)


@pytest.fixture(scope="module")
def lane() -> Iterator[Lane]:
    zygote = Zygote(lanes=1, preload=["threading"])
    yield zygote.first_lane()
    assert zygote.close()


@pytest.fixture
def worker(lane: Lane) -> Iterator[Worker]:
    started = lane.launch(
        Payload(solution="", hidden={"scenarios.py": _SCENARIOS}), Limits()
    )
    started.load(LoadOptions(seed=1, scenarios="scenarios"), within_s=20)
    yield started
    started.close()


class _Submission(Submission):
    """A submission whose worker has been started already."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker


def test_a_worker_reads_as_many_as_it_dares_and_gets_everything(worker: Worker):
    """The folder for files is one that the worker can reach, and it ends with it."""
    folder = _Submission(worker).folder
    with Fifos(folder, _CONTENTS) as pipes:
        number = worker.begin("read", {"paths": pipes.paths, "at_once": 2})
        assert len(pipes.until(2, within_s=20)) == 2
        assert len(pipes.reading()) == 2
        assert pipes.feed_until(lambda: len(pipes.fed) == 3, within_s=20)
        assert worker.answer(number, within_s=20) == [c.decode() for c in _CONTENTS]
    assert folder.exists()
    worker.close()
    assert not folder.exists()
