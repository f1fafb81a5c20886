"""Questions of a worker that the grader answers itself."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from racecourse.checks import Submission
from racecourse.sandbox import protocol, stage
from racecourse.sandbox.stage_host import StageHost


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StageHost]:
    """A stage, and this thread as its worker."""
    monkeypatch.setattr(stage, "_local", threading.local())
    monkeypatch.setenv(stage.ADDRESS_VARIABLE, str(tmp_path / "stage"))
    with contextlib.closing(StageHost(str(tmp_path / "stage"))) as host:
        yield host


def test_a_question_is_answered_by_the_grader(host: StageHost):
    host.answer_by("sum", lambda data: sum(data["numbers"]))
    assert stage.ask("sum", numbers=[1, 2, 3]) == 6


def test_the_last_answer_for_a_name_counts(host: StageHost):
    host.answer_by("word", lambda _: "first")
    host.answer_by("other", lambda _: "other")
    host.answer_by("word", lambda _: "last")
    assert stage.ask("word") == "last"


def test_a_question_that_nobody_answers_ends_the_conversation(host: StageHost):
    with pytest.raises(protocol.ChannelClosed):
        stage.ask("nothing")


def test_a_question_is_no_event(host: StageHost):
    host.answer_by("quiet", lambda _: None)
    stage.ask("quiet")
    assert host.log() == []


def test_the_stage_is_behind_while_it_deals_with_a_question(host: StageHost):
    seen: list[bool] = []
    host.answer_by("look", lambda _: seen.append(host.is_behind()))
    stage.ask("look")
    assert seen == [True]
    while host.is_behind():  # the answer was on its way before the work was done
        pass


@pytest.mark.parametrize("holds", ["gate", "meeting"])
def test_the_stage_is_not_behind_while_it_holds_somebody(host: StageHost, holds: str):
    hold = {
        "gate": lambda: stage.wait("go"),
        "meeting": lambda: stage.meet("two", parties=2),
    }
    held = threading.Thread(target=hold[holds])
    held.start()
    assert host.until(lambda host: bool(host.log()), within_s=10)
    assert not host.is_behind()
    with host._changed:  # noqa: SLF001 - so that nobody can go on
        host.open_all()
        assert host.is_behind()
    held.join()


def test_the_stage_is_behind_while_a_question_is_unread(host: StageHost):
    stage.note("here")
    with host._changed:  # noqa: SLF001 - so that nobody can deal with it
        asking = threading.Thread(target=stage.note, args=("unread",))
        asking.start()
        while not host.is_behind():  # it is on its way to us
            pass
        assert host.count("unread") == 0
    asking.join()


def test_nothing_is_settled_before_a_question_is_dealt_with(host: StageHost):
    worker = SimpleNamespace(is_asleep=lambda: True)
    submission = cast("Submission", SimpleNamespace(worker=worker, stage=host))
    come, go = threading.Event(), threading.Event()
    host.answer_by("slow", lambda _: (come.set(), go.wait())[1])
    asking = threading.Thread(target=stage.ask, args=("slow",))
    asking.start()
    come.wait()
    assert not Submission.settle(submission, within_s=0.3)
    go.set()
    asking.join()
    assert Submission.settle(submission, within_s=10)


def test_a_stage_may_be_closed_while_somebody_comes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Where its socket was not looked after, a third of 200 left a traceback."""
    complaints: list[object] = []
    monkeypatch.setattr(threading, "excepthook", complaints.append)
    for number in range(200):
        host = StageHost(str(tmp_path / f"stage {number}"))
        with socket.socket(socket.AF_UNIX) as caller:
            caller.connect(host.address)
            host.is_behind()
        host.is_behind()
        host.close()
    assert not complaints
