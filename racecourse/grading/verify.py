"""Does the course keep its own promises? For authors, and for our CI.

Every right submission (the reference and each alternative) must score everything, the
starter nothing, and every mutant must fail the checks it names and nothing outside
their categories, but for what it says it may lose. Nothing is judged twice here: a
right submission that fails once has failed, so verification is stricter than grading.
"""

import concurrent.futures
import dataclasses
import multiprocessing
import os
import signal
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from racecourse.grading import intake
from racecourse.grading.catalogue import Content, Mutant
from racecourse.grading.journal import Journal
from racecourse.grading.machine import usable_cores
from racecourse.grading.run import Options, grade
from racecourse.model.exercise import Exercise
from racecourse.model.report import Report, ScoredCheck
from racecourse.model.submission import SubmissionProblem
from racecourse.model.verdict import Cause, Verdict
from racecourse.model.verification import Row
from racecourse.sandbox.linux import calls

RIGHT = ("reference", "alternative")


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One submission whose outcome is known beforehand."""

    content: Content
    kind: str  # reference, starter, mutant, alternative
    path: Path
    caught_by: tuple[str, ...] = ()  # mutants only
    may_lose: tuple[str, ...] = ()  # mutants only

    @property
    def name(self) -> str:
        """A short name for tables."""
        is_named = self.kind in {"mutant", "alternative"}
        return f"{self.kind} {self.path.stem}" if is_named else self.kind


def cases_of(content: Content) -> Iterator[Case]:
    """Yield everything that an exercise ships, right submissions first.

    Raises:
        ExerciseFileError: If a mutant does not say what must catch it.
    """
    yield Case(content=content, kind="reference", path=content.reference)
    yield Case(content=content, kind="starter", path=content.starter)
    for path in content.alternatives():
        yield Case(content=content, kind="alternative", path=path)
    for mutant in content.mutants():
        yield _mutant_case(content, mutant)


def _mutant_case(content: Content, mutant: Mutant) -> Case:
    return Case(
        content=content,
        kind="mutant",
        path=mutant.path,
        caught_by=mutant.caught_by,
        may_lose=mutant.may_lose,
    )


def share_of(cases: Sequence[Case], number: int, of: int) -> list[Case]:
    """Return every right submission and starter, and every `of`-th mutant.

    Which mutants those are depends on their number in the list alone: whoever runs
    all shares has run all mutants once.
    """
    mutants = [case for case in cases if case.kind == "mutant"]
    chosen = {case.path for case in mutants[number::of]}
    return [case for case in cases if case.kind != "mutant" or case.path in chosen]


def about_checks(cases: Sequence[Case], checks: Sequence[str]) -> list[Case]:
    """Return every right submission and starter, and the mutants that some checks must catch."""
    return [
        case
        for case in cases
        if case.kind != "mutant" or not {*checks}.isdisjoint(case.caught_by)
    ]


def unproved_checks(content: Content) -> tuple[str, ...]:
    """Return the checks that no mutant names: what no mutant fails is not a check."""
    named = {check_id for mutant in content.mutants() for check_id in mutant.caught_by}
    return tuple(c.id for c in content.exercise.checks if c.id not in named)


def verify(
    cases: Sequence[Case],
    *,
    options: Options,
    on_row: Callable[[Row], None],
    again: bool = False,
) -> tuple[Row, ...]:
    """Grade every case, several side by side, and compare with what is due.

    Args:
        cases: What to grade.
        options: How; the seed is that of every run.
        on_row: Called with each row as it comes, in no particular order.
        again: Whether a case that is not as due is graded once more, alone and with
            another seed; that second look counts. Both rows are told.

    Returns:
        The rows in the order of the cases.
    """
    # Fresh interpreters: a grading forks, and a forking process must not have threads.
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(
        usable_cores(), context, initializer=_end_with, initargs=(os.getpid(),)
    ) as pool:
        futures = [pool.submit(examine, case, options) for case in cases]
        for future in concurrent.futures.as_completed(futures):
            on_row(future.result())
    rows = [future.result() for future in futures]
    for number, case in enumerate(cases if again else ()):
        if rows[number].problems:
            other = dataclasses.replace(options, seed=options.seed + 1)
            (rows[number],) = verify([case], options=other, on_row=on_row)
    return tuple(rows)


def _end_with(parent: int) -> None:
    """Have the kernel end this process with the one that wants its rows, where it can."""
    if calls.SUPPORTED:
        calls.die_with_parent(signal.SIGKILL)
        if os.getppid() != parent:  # it has ended already, and nobody will tell
            os._exit(1)


def examine(case: Case, options: Options) -> Row:
    """Grade one case and say what is wrong with the outcome."""
    begun = monotonic()
    failed: tuple[str, ...] = ()
    score = 0.0
    try:
        report = _grade(case, options)
        failed = tuple(s.check.id for s in report.checks if _judged_and_failed(s))
        score = report.score
        problems = tuple(_problems(case, report))
    except SubmissionProblem as problem:
        problems = (f"could not be graded: {problem.message}",)
    return Row(
        exercise=case.content.exercise.id,
        name=case.name,
        kind=case.kind,
        problems=problems,
        failed=failed,
        score=score,
        seconds=monotonic() - begun,
    )


def _grade(case: Case, options: Options) -> Report:
    options = dataclasses.replace(
        options,
        only=_with_needs(case.content.exercise, options.only),
        always=frozenset(case.caught_by),
        confirm=False,
    )
    with (
        tempfile.TemporaryDirectory(prefix="rc-verify-") as folder,
        Journal(Path(folder) / "journal.jsonl") as journal,
    ):
        return grade(case.content, intake.take_in(case.path), options, journal=journal)


def _with_needs(exercise: Exercise, checks: Sequence[str]) -> tuple[str, ...]:
    """Return some checks and all that they need: what is not reached is not lost."""
    wanted = {*checks}
    for check in reversed(exercise.checks):  # what a check needs comes before it
        if check.id in wanted:
            wanted.update(check.needs)
    return tuple(check.id for check in exercise.checks if check.id in wanted)


def _judged_and_failed(scored: ScoredCheck) -> bool:
    result = scored.result
    return result.verdict is Verdict.FAILED and result.cause is not Cause.NOT_REACHED


def _problems(case: Case, report: Report) -> Iterator[str]:
    for scored in report.checks:
        if scored.result.verdict is Verdict.GRADER_ERROR:
            yield f"{scored.check.id}: {scored.result.finding.saw}"
    if case.kind in RIGHT:
        for scored in report.checks:
            if _judged_and_failed(scored):
                yield f"{scored.check.id} failed: {scored.result.finding.saw}"
    elif case.kind == "starter":
        for scored in report.checks:
            if scored.points:
                yield f"{scored.check.id} gave {scored.points:g} points to the starter"
    else:
        yield from _mutant_problems(case, report)


def _mutant_problems(case: Case, report: Report) -> Iterator[str]:
    by_id = {scored.check.id: scored for scored in report.checks}
    ids = {check.id: check.category for check in case.content.exercise.checks}
    categories = {ids[check_id] for check_id in case.caught_by}
    for check_id in case.caught_by:
        if check_id in by_id and not _judged_and_failed(by_id[check_id]):
            yield f"{check_id} did not catch it ({by_id[check_id].result.verdict.value})"
    for scored in report.checks:
        is_due = scored.check.category in categories or scored.check.id in case.may_lose
        if _judged_and_failed(scored) and not is_due:
            yield (
                f"{scored.check.id} failed too, outside"
                f" {', '.join(sorted(c.value for c in categories))}:"
                f" {scored.result.finding.saw}"
            )
