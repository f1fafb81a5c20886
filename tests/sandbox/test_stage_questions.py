"""Questions of a worker that the grader answers itself."""

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

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
