"""Grading one submission, from intake to report."""

import gc
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from racecourse.grading import confinement, interface, lanes
from racecourse.grading.catalogue import Content, payload_of
from racecourse.grading.confinement import AUTO
from racecourse.grading.journal import Journal
from racecourse.grading.machine import look_around, usable_cores
from racecourse.grading.plan import Plan
from racecourse.model.exercise import Check
from racecourse.model.report import Report, score
from racecourse.model.result import CheckResult
from racecourse.model.submission import Submission, SubmissionProblem
from racecourse.sandbox.endings import Died, Hung, LimitPassed, Raised
from racecourse.sandbox.launch import LoadOptions
from racecourse.sandbox.launcher import Lane, Zygote
from racecourse.sandbox.payload import Payload, compiled_modules
from racecourse.sandbox.protocol import ProtocolError

if TYPE_CHECKING:
    from racecourse.grading.hidden_tests import HiddenTests

_LOOK_WITHIN_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How a submission is graded."""

    seed: int
    only: tuple[str, ...] = ()  # check ids; empty: all
    always: frozenset[str] = frozenset()  # judged even if what they need failed
    confirm: bool = True  # doubtful failures are judged twice
    lanes: int = 0  # 0: as many as the cores suggest
    start_method: str | None = None  # of `multiprocessing`; None: the platform's own
    sandbox: str = AUTO  # a level's name, or the strongest that holds
    official: bool = False  # whether its points may count as marks
    accept_weak: bool = False  # even if the sandbox promises less than it should
    backstop_s: float = 30.0  # beyond a check's budget, before a stuck grader is ended


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """Who is told while grading goes on."""

    planned: Callable[[tuple[Check, ...]], None] = field(default=lambda _: None)
    started: Callable[[Check], None] = field(default=lambda _: None)
    finished: Callable[[CheckResult], None] = field(default=lambda _: None)


def fresh_seed() -> int:
    """Return a seed nobody chose; it is printed, and `--seed` repeats the run."""
    return random.SystemRandom().randrange(1 << 31)


def grade(
    content: Content,
    submission: Submission,
    options: Options,
    *,
    journal: Journal,
    listener: Listener | None = None,
) -> Report:
    """Judge every check that was asked for and return the report.

    Raises:
        SubmissionProblem: If the submission lacks what the starter promises or cannot
            be loaded; nothing was judged.
        NotConfined: If this machine cannot confine it as the options demand.
        GraderProblem, SandboxError: If we failed before the first check.
    """
    run = _Run(content, submission, options, journal, listener or Listener())
    return run.report()


class _Run:
    def __init__(
        self,
        content: Content,
        submission: Submission,
        options: Options,
        journal: Journal,
        listener: Listener,
    ) -> None:
        self._content, self._submission, self._options = content, submission, options
        self._journal, self._listener = journal, listener
        self._payload = payload_of(content, submission.source)
        self._confinement = confinement.choose(
            options.sandbox, official=options.official, accept_weak=options.accept_weak
        )
        self._checks = tuple(
            check
            for check in content.exercise.checks
            if not options.only or check.id in options.only
        )
        self._lanes = options.lanes or lanes.lanes_for(self._checks, usable_cores())
        self._results: list[CheckResult] = []
        self._interrupted = False

    def report(self) -> Report:
        # The zygote imports on one core while pytest, which takes as long, is imported
        # on the other: so it is started first, and pytest imported here.
        self._zygote = Zygote(
            lanes=self._lanes + 1,
            preload=self._content.exercise.preload,
            explores="schedules.py" in self._payload.hidden,
            level=self._confinement.level,
            hidden=self._content.secrets(),
        )
        gc.disable()  # thousands of short imports, and nothing to collect
        self._look = FirstLook(self._zygote.first_lane(), self._payload, self._content)
        try:
            from racecourse.grading.hidden_tests import HiddenTests  # noqa: PLC0415

            HiddenTests(
                content=self._content,
                payload=self._payload,
                seed=self._options.seed,
                start_method=self._options.start_method,
                crash_folder=self._journal.path.parent,
                when_collected=self._judge_all,
                confirm=self._options.confirm,
                backstop_s=self._options.backstop_s,
                control=self._control(),
            ).collect()
        finally:
            self._look.close()
            self._zygote.close()
            gc.freeze()
            gc.enable()
        return Report(
            exercise=self._content.exercise,
            submission=self._submission.origin,
            seed=self._options.seed,
            machine=look_around(self._confinement.level.name),
            checks=score(self._content.exercise, self._results),
            interrupted=self._interrupted,
            official=self._options.official,
            weak=self._options.official and not self._confinement.level.official,
        )

    def _control(self) -> Payload | None:
        """In an official run, what tells our mistakes from an attack on the graders."""
        reference = self._content.reference
        if not self._options.official or not reference.exists():
            return None
        return payload_of(self._content, reference.read_text(encoding="utf-8"))

    def _judge_all(self, tests: "HiddenTests") -> None:
        # While the first look goes on; lanes inherit what is made here.
        compiled_modules(self._payload)
        self._look.demand_interface()
        self._journal.plan(
            exercise=self._content.exercise.id,
            sha256=self._submission.sha256,
            seed=self._options.seed,
            checks=[check.id for check in self._checks],
        )
        self._listener.planned(self._checks)

        def become_lane(number: int) -> lanes.Judge:
            tests.lane = self._zygote.lane(number + 1)
            return tests.judge

        try:
            lanes.run_in_lanes(
                Plan(checks=self._checks, always=self._options.always),
                lanes=self._lanes,
                become_lane=become_lane,
                started=self._listener.started,
                finished=self._finish,
            )
        except lanes.Interrupted:
            self._interrupted = True

    def _finish(self, result: CheckResult) -> None:
        self._journal.finished(result)
        self._results.append(result)
        self._listener.finished(result)


class FirstLook:
    """Loads the submission once and compares its names with the starter's.

    It is begun before pytest is imported and asked afterwards, so that it costs no time
    of its own. A module that raises, exits or dies while it is imported is graded all
    the same: every check will say so. One that never comes back, or that lacks what the
    starter promises, would only repeat one sentence many times.
    """

    def __init__(self, lane: Lane, payload: Payload, content: Content) -> None:
        self._content = content
        # Without the scenarios: they import names that the submission may lack.
        alone = Payload(solution=payload.solution, given=payload.given)
        self._worker = lane.launch(alone, content.exercise.checks[0].limits)
        self._worker.begin_load(LoadOptions())

    def close(self) -> None:
        """End the worker that looked."""
        self._worker.close()

    def demand_interface(self) -> None:
        """Return if the submission can be graded.

        Raises:
            SubmissionProblem: With the one sentence that says why not.
        """
        try:
            self._worker.answer(0, within_s=_LOOK_WITHIN_S)
            number = self._worker.begin("racecourse.signatures", {})
            described = self._worker.answer(number, within_s=_LOOK_WITHIN_S)
            described = interface.readable(described)
        except Hung as hung:
            raise SubmissionProblem(_never_loaded(hung)) from None
        except (Raised, Died, LimitPassed, ProtocolError):
            return
        finally:
            self.close()
        starter = self._content.starter.read_text(encoding="utf-8")
        expected = interface.expected_interface(starter)
        if lacking := interface.differences(expected, described):
            listed = "\n".join(f"  - {each}" for each in lacking)
            raise SubmissionProblem(
                f"It does not offer what the exercise asks for:\n{listed}\n"
                "Names and parameters must be those of the starter"
                f" (`grade show {self._content.exercise.id}`). Nothing was graded."
            )


def _never_loaded(hung: Hung) -> str:
    where = [line for stack in hung.stacks for line in stack.lines]
    at = (
        f" It stood at {where[-1].file}:{where[-1].line}: {where[-1].code}"
        if where
        else ""
    )
    return (
        f"It could not be imported within {hung.budget_s:g} s.{at}\n"
        'Put what runs your program under `if __name__ == "__main__":`.'
        " Nothing was graded."
    )
