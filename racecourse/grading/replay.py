"""Repeating the one schedule that a token of `grade replay` names.

An order of threads or tasks is executed once by the engine, in a worker like any other.
A stall is tried by its check's own grader, which alone knows what must come of it.

A schedule is a schedule of one text. If the submission has changed so that the token
fits it no more, the search that found the schedule is made again, with the same budget:
that is what somebody who has mended the file wants to know.
"""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from racecourse.checks import NotMeasurable
from racecourse.checks.submission import Submission
from racecourse.grading import confinement, intake
from racecourse.grading.catalogue import Content, payload_of
from racecourse.grading.judge import judge
from racecourse.model.replay_token import ReplayToken
from racecourse.model.result import CheckResult
from racecourse.model.submission import SubmissionProblem
from racecourse.report.failure import Blame, Refusal
from racecourse.sandbox.endings import SandboxError
from racecourse.sandbox.launcher import Lane, Zygote
from racecourse.sandbox.payload import Payload

if TYPE_CHECKING:
    from racecourse.grading.hidden_tests import HiddenTests

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """What came of a token.

    `fits` is false if the submission is another text than the token was made for; then
    the result is that of a new search.
    """

    token: ReplayToken
    result: CheckResult
    fits: bool


def replay(token: ReplayToken, content: Content, path: Path, crashes: Path) -> Replayed:
    """Repeat the schedule with the submission at the path.

    Args:
        token: Its check must be one of the exercise.
        content: The exercise.
        path: A file, a folder or a notebook.
        crashes: Where reports about mistakes of ours go.

    Raises:
        Refusal: If the submission or the graders cannot be used, or the sandbox fails.
    """
    if not content.graders.exists():
        raise Refusal(f"{content.graders} is missing here.", Blame.GRADER)
    try:
        source = intake.take_in(path).source
    except SubmissionProblem as problem:
        blame = Blame.USAGE if problem.usage else Blame.SUBMISSION
        raise Refusal(problem.message, blame) from None
    payload = payload_of(content, source)
    again = _Again(token, content, payload, crashes)
    try:
        with _one_lane(content) as lane:
            return again.order(lane) if token.kind == "order" else again.stall(lane)
    except SandboxError as error:
        message = f"The grader failed, not your code: {error}."
        raise Refusal(message, Blame.SANDBOX) from None


@contextlib.contextmanager
def _one_lane(content: Content) -> Iterator[Lane]:
    zygote = Zygote(
        lanes=1,
        preload=content.exercise.preload,
        level=confinement.strongest().level,
        hidden=content.secrets(),
    )
    try:
        yield zygote.first_lane()
    finally:
        zygote.close()


class _Again:
    def __init__(
        self, token: ReplayToken, content: Content, payload: Payload, crashes: Path
    ) -> None:
        self._token, self._content, self._payload = token, content, payload
        self._crashes = crashes
        self._check = content.exercise.check(token.check)

    def order(self, lane: Lane) -> Replayed:
        """Have the engine execute the schedule, or search anew if the text has changed."""
        fits = True
        problem: BaseException | None = None
        with self._submission(lane) as submission:
            try:
                fits = _told(submission.replay(self._token))
                if not fits:
                    name, runs = self._token.name, self._token.number
                    with submission.exploring(name, runs=runs) as tried:
                        pass
                    _told(tried[name])
            except Exception as error:  # noqa: BLE001 - blame is decided by `judge`
                problem = error
        result = judge(problem, self._check, crash_folder=self._crashes)
        return Replayed(token=self._token, result=result, fits=fits)

    def stall(self, lane: Lane) -> Replayed:
        """Have the check try this stall alone, or all if the place is there no more."""
        problem: BaseException | None = None
        found: tuple[str, ...] = ()
        with self._submission(lane) as submission:
            try:
                found = submission.find_stall(self._token)
            except Exception as error:  # noqa: BLE001 - blame is decided by `judge`
                problem = error
        if problem is None:
            result = self._judged(lane, self._token if found else None)
        else:
            result = judge(problem, self._check, crash_folder=self._crashes)
        return Replayed(
            token=self._token, result=result, fits=bool(found or problem is not None)
        )

    @contextlib.contextmanager
    def _submission(self, lane: Lane) -> Iterator[Submission]:
        submission = Submission(
            lane=lane,
            payload=self._payload,
            exercise=self._content.exercise,
            check=self._check,
            seed=self._token.number if self._token.kind == "stall" else 0,
        )
        try:
            yield submission
        finally:
            submission.close()

    def _judged(self, lane: Lane, repeat: ReplayToken | None) -> CheckResult:
        from racecourse.grading.hidden_tests import HiddenTests  # noqa: PLC0415 - pytest

        results: list[CheckResult] = []

        def judge_it(tests: "HiddenTests") -> None:
            tests.lane, tests.repeat = lane, repeat
            results.append(tests.judge(self._token.check))

        HiddenTests(
            content=self._content,
            payload=self._payload,
            seed=self._token.number,
            crash_folder=self._crashes,
            when_collected=judge_it,
            confirm=False,
        ).collect()
        return results[0]


def _told(told: T | None) -> T:
    if told is None:
        raise NotMeasurable("The schedule could not be repeated on this machine.")
    return told
