"""For authors, and for any file of yours: verify the course, explore schedules."""

import sys
from pathlib import Path
from time import monotonic

import click

from racecourse.commands.common import (
    COURSE,
    FULL,
    MAX_SEED,
    NOT_FULL,
    as_could_not_grade,
    content_of,
    course_in,
    print_lines,
)
from racecourse.report.failure import Refusal


@click.command()
@click.argument("exercise", required=False)
@click.option("--only", "part", metavar="TEXT", help="Cases whose name contains this.")
@click.option("--again", is_flag=True, help="Look twice at what is not as due.")
@click.option("--seed", type=click.IntRange(0, MAX_SEED))
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text")
@COURSE
def verify(
    exercise: str | None,
    part: str | None,
    seed: int | None,
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
    from racecourse.grading.run import fresh_seed  # noqa: PLC0415
    from racecourse.report import verification, writers  # noqa: PLC0415

    chosen = (
        [content_of(exercise, course)] if exercise else list(course_in(course).values())
    )
    begun = monotonic()
    with as_could_not_grade():
        cases = [c for each in chosen for c in proof.cases_of(each)]
        unproved = [
            (c.exercise.id, i) for c in chosen for i in proof.unproved_checks(c)
        ]
    rows = proof.verify(
        [case for case in cases if not part or part in case.name],
        seed=fresh_seed() if seed is None else seed,
        on_row=lambda row: print_lines(verification.row(row) if form == "text" else ()),
        again=again,
    )
    if form == "json":
        sys.stdout.write(writers.as_json(verification.plain(rows, unproved)))
    else:
        print_lines(verification.summary(rows, unproved, monotonic() - begun))
    wrong = not rows or bool(unproved) or any(row.problems for row in rows)
    sys.exit(NOT_FULL if wrong else FULL)


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
