"""For authors and the curious: verify the course, explore schedules, compare ways."""

import sys
from collections.abc import Sequence
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any, NoReturn

import click

from racecourse.commands.common import (
    COURSE,
    FULL,
    MAX_SEED,
    NOT_FULL,
    PATH,
    SANDBOX,
    as_could_not_grade,
    content_of,
    course_in,
    known_checks,
    print_lines,
)
from racecourse.report.failure import Blame, Refusal

if TYPE_CHECKING:
    from racecourse.grading.catalogue import Content
    from racecourse.grading.run import Options
    from racecourse.grading.verify import Case


class _Share(click.ParamType[tuple[int, int]]):
    """A share such as `2/6`; K may be any number, so that a day of the year will do."""

    name = "share"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, int]:
        number, _, of = str(value).partition("/")
        if not (number.isdecimal() and of.isdecimal() and int(of)):
            self.fail(f"{value!r} is not a share such as 2/6", param, ctx)
        return int(number) % int(of), int(of)


@click.command()
@click.argument("exercise", required=False)
@click.option("--only", "part", metavar="TEXT", help="Cases whose name contains this.")
@click.option(
    "--share",
    type=_Share(),
    metavar="K/N",
    help="Of the mutants only every N-th, from the K-th on; all right submissions.",
)
@click.option("--again", is_flag=True, help="Look twice at what is not as due.")
@click.option(
    "--stability",
    "runs",
    type=click.IntRange(min=1),
    metavar="N",
    help="Grade each case N times and count the verdicts instead.",
)
@click.option(
    "--load",
    type=click.Choice(["idle", "hogs", "one-core", "half-core"]),
    default="idle",
    help="How busy the machine is meanwhile; with --stability.",
)
@click.option(
    "--check",
    "checks",
    multiple=True,
    metavar="CHECK",
    help="Judge only this check, and what it must catch; may be given again.",
)
@click.option("--seed", type=click.IntRange(0, MAX_SEED))
@SANDBOX
@click.option(
    "--start-method",
    type=click.Choice(["fork", "spawn", "forkserver"]),
    help="How multiprocessing starts processes, unless a check says.",
)
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text")
@COURSE
def verify(
    exercise: str | None,
    part: str | None,
    share: tuple[int, int] | None,
    runs: int | None,
    load: str,
    checks: tuple[str, ...],
    seed: int | None,
    sandbox: str,
    start_method: str | None,
    form: str,
    course: Path | None,
    *,
    again: bool,
) -> None:
    """For authors: does every shipped submission come out as it should?

    Reference and alternatives must score everything, the starter nothing, and every
    mutant must fail the checks it names and nothing outside their categories.
    """
    from racecourse.grading import verify as proof  # noqa: PLC0415
    from racecourse.grading.run import Options, fresh_seed  # noqa: PLC0415

    chosen = (
        [content_of(exercise, course)] if exercise else list(course_in(course).values())
    )
    for content in chosen:
        known_checks(content, checks)
    with as_could_not_grade():
        cases = [
            case
            for content in chosen
            for case in proof.cases_of(content)
            if not part or part in case.name
        ]
    if share is not None:
        cases = proof.share_of(cases, *share)
    if runs is None:
        if checks:
            cases = proof.about_checks(cases, checks)
        how = Options(
            seed=fresh_seed() if seed is None else seed,
            only=checks,
            sandbox=sandbox,
            start_method=start_method,
        )
        with as_could_not_grade():
            _verify_once(chosen, cases, how, form=form, again=again)
    _count_verdicts(cases, runs, load=load, checks=checks, form=form)


def _verify_once(
    chosen: "Sequence[Content]",
    cases: "Sequence[Case]",
    options: "Options",
    *,
    form: str,
    again: bool,
) -> NoReturn:
    from racecourse.grading import verify as proof  # noqa: PLC0415
    from racecourse.report import verification, writers  # noqa: PLC0415

    begun = monotonic()
    unproved = [(c.exercise.id, i) for c in chosen for i in proof.unproved_checks(c)]
    rows = proof.verify(
        cases,
        options=options,
        on_row=lambda row: print_lines(verification.row(row) if form == "text" else ()),
        again=again,
    )
    if form == "json":
        sys.stdout.write(writers.as_json(verification.plain(rows, unproved)))
    else:
        print_lines(verification.summary(rows, unproved, monotonic() - begun))
    wrong = not rows or bool(unproved) or any(row.problems for row in rows)
    sys.exit(NOT_FULL if wrong else FULL)


def _count_verdicts(
    cases: "Sequence[Case]", runs: int, *, load: str, checks: Sequence[str], form: str
) -> NoReturn:
    from racecourse.grading import stability  # noqa: PLC0415
    from racecourse.measure.load import LoadNotPossible  # noqa: PLC0415
    from racecourse.report import stability as told  # noqa: PLC0415
    from racecourse.report import writers  # noqa: PLC0415

    try:
        series = stability.measure(
            cases,
            runs=runs,
            load=load,
            checks=checks,
            on_series=lambda each: print_lines(
                told.row(each) if form == "text" else ()
            ),
        )
    except LoadNotPossible as problem:
        raise Refusal(f"--load {load} is not possible: {problem}.") from None
    if form == "json":
        sys.stdout.write(writers.as_json(told.plain(series)))
    sys.exit(FULL if series and all(each.stable for each in series) else NOT_FULL)


@click.command()
@click.argument("target", metavar="FILE[::FUNCTION]", required=False)
@click.option("--runs", type=click.IntRange(min=1), help="How many runs, about.")
@click.option("--seed", type=click.IntRange(0, MAX_SEED))
@click.option("--replay", "token", metavar="TOKEN", help="Repeat a failing schedule.")
@click.option("--json", "as_json", is_flag=True, help="For machines.")
def explore(
    target: str | None,
    runs: int | None,
    seed: int | None,
    token: str | None,
    *,
    as_json: bool,
) -> None:
    """Search any file of yours for a schedule under which it fails.

    FUNCTION takes no arguments (`program` if you name none): it starts its threads or
    tasks, waits for them, and asserts what must hold. Exit code 0: nothing found, 1: a
    failing schedule, 2: could not run.
    """
    from racecourse.grading import exploration as search  # noqa: PLC0415
    from racecourse.report import exploration, writers  # noqa: PLC0415

    if (target is None) == (token is None):
        raise Refusal("Give a file to explore, or --replay with a token.")
    try:
        found = (
            search.explore(target, runs, seed) if target else search.repeat(token or "")
        )
    except search.BadTokenError as error:
        raise Refusal(f"The token cannot be replayed: {error}") from None
    if as_json:
        sys.stdout.write(writers.as_json(exploration.plain(found)))
    else:
        print_lines(exploration.render(found))
    sys.exit(search.exit_code(found))


_MAX_WORKERS = 64


class _Workers(click.ParamType[tuple[int, ...]]):
    """Counts of workers, such as `1,2,4,8`."""

    name = "counts"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, ...]:
        try:
            counts = tuple(sorted({int(part) for part in str(value).split(",")}))
        except ValueError:
            self.fail(f"{value!r} is not a list of counts such as 1,2,4,8", param, ctx)
        if not 1 <= counts[0] <= counts[-1] <= _MAX_WORKERS:
            self.fail(f"counts lie between 1 and {_MAX_WORKERS}", param, ctx)
        return counts


@click.command()
@click.option("--workers", type=_Workers(), default="1,2,4,8", help="Such as 1,2,4,8.")
@click.option(
    "--rounds",
    type=click.IntRange(1, 100),
    default=3,
    help="Of which the median counts.",
)
@click.option(
    "--html", type=PATH, metavar="FILE", help="Write a page with a plot here."
)
@click.option("--svg", type=PATH, metavar="FILE", help="Write the plot alone here.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text")
def lab(
    workers: tuple[int, ...],
    rounds: int,
    html: Path | None,
    svg: Path | None,
    form: str,
) -> None:
    """Compare threads, processes and asyncio on this machine, with the same work.

    Counting primes and asking a server, one job after the other and with 1, 2, 4 and 8
    workers: time, and peak memory of the whole tree of processes. Takes half a minute.
    """
    from racecourse.grading.machine import look_around  # noqa: PLC0415
    from racecourse.lab import run  # noqa: PLC0415
    from racecourse.model.lab import Work, cells  # noqa: PLC0415
    from racecourse.report import lab as told  # noqa: PLC0415
    from racecourse.report import lab_plot, writers  # noqa: PLC0415
    from racecourse.report.delivery import demand_writable, hand_over, say  # noqa: PLC0415

    for file in filter(None, (html, svg)):
        demand_writable(file)
    work, machine = Work(), look_around(sandbox="none")
    chosen = cells(workers)
    say(f"{rounds} rounds of {len(chosen)} runs ...")
    try:
        rows = run.measure(chosen, work, rounds=rounds)
    except run.LabError as error:
        raise Refusal(f"The lab could not be run: {error}.", Blame.GRADER) from None
    shown: Any = {"jobs": work.jobs, "rounds": rounds}
    if html:
        hand_over(lab_plot.page(rows, machine, **shown), html)
    if svg:
        hand_over(lab_plot.svg(rows), svg)
    if form == "json":
        sys.stdout.write(writers.as_json(told.plain(rows, machine, **shown)))
    else:
        print_lines(
            told.table(rows, machine, **shown, width=writers.width_of(sys.stdout))
        )
