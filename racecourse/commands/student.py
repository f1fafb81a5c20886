"""For students: begin, grade, get a hint, see what the machine promises."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from racecourse.commands.common import (
    COURSE,
    PATH,
    content_of,
    course_in,
    exit_code,
    grading_options,
    known_checks,
    print_lines,
    was_stopped,
    workspace_of,
)
from racecourse.report.failure import Blame, Refusal

if TYPE_CHECKING:
    from racecourse.grading.catalogue import Content
    from racecourse.grading.progress import Progress
    from racecourse.grading.session import Settings


@click.command()
@click.argument("folder", metavar="[DIR]", default=".", type=PATH)
@COURSE
def init(folder: Path, course: Path | None) -> None:
    """Make a workspace with the starters and the tasks; nothing is overwritten."""
    from racecourse.grading import workspace  # noqa: PLC0415
    from racecourse.report import pages  # noqa: PLC0415

    contents = list(course_in(course).values())
    created = workspace.create(folder, contents)
    first = contents[0].exercise
    print_lines(
        pages.made(str(folder), first, written=created.written, kept=created.kept)
    )


@click.command(name="list")
@COURSE
def list_(course: Path | None) -> None:
    """List the exercises with your best score so far."""
    from racecourse.grading import progress, workspace  # noqa: PLC0415
    from racecourse.report import pages  # noqa: PLC0415

    reached = progress.load(workspace.state_folder(workspace_of()))
    print_lines(
        pages.exercise_list(
            pages.Entry(exercise=c.exercise, best=reached.of(c.exercise).best)
            for c in course_in(course).values()
        )
    )


@click.command()
@click.argument("exercise")
@COURSE
def show(exercise: str, course: Path | None) -> None:
    """Show the task of an exercise."""
    from racecourse.report import writers  # noqa: PLC0415

    content = content_of(exercise, course)
    try:
        task = content.readme.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise Refusal(f"{content.readme} cannot be read.", Blame.GRADER) from None
    writers.write_markdown(task, sys.stdout)


@click.command()
@click.argument("exercise")
@click.argument("path", required=False, type=PATH)
@click.option(
    "--only",
    multiple=True,
    metavar="CHECK",
    help="Judge only this check, such as R2; may be given again.",
)
@grading_options
def run(
    exercise: str, path: Path | None, only: tuple[str, ...], settings: "Settings"
) -> None:
    """Grade a solution: a file, a folder or a notebook. `grade ex3` is short for it."""
    from racecourse.grading.session import Session  # noqa: PLC0415
    from racecourse.report.delivery import deliver  # noqa: PLC0415

    content = content_of(exercise, settings.course)
    chosen = known_checks(content, only)
    session = Session(settings=settings, workspace=workspace_of(path))
    result = session.grade(content, path, chosen)
    deliver([result], form=settings.form, output=settings.output)
    sys.exit(exit_code([result.outcome], settings.min_score))


@click.command(name="all")
@grading_options
def all_(settings: "Settings") -> None:
    """Grade every exercise that has a solution in the workspace."""
    from racecourse.grading.session import NO_WORKSPACE, Session  # noqa: PLC0415
    from racecourse.report.delivery import deliver  # noqa: PLC0415

    contents = course_in(settings.course).values()
    workspace = workspace_of()
    if workspace is None:
        raise Refusal(NO_WORKSPACE)
    begun = [content for content in contents if workspace.is_begun(content)]
    if not begun:
        raise Refusal(f"{workspace.root} has no solution yet: nothing to grade.")
    session = Session(settings=settings, workspace=workspace)
    results = []
    for content in begun:
        results.append(session.grade(content))
        if was_stopped(results[-1].outcome):
            break
    deliver(results, form=settings.form, output=settings.output, several=True)
    sys.exit(exit_code([result.outcome for result in results], settings.min_score))


@click.command()
@click.argument("exercise")
@click.argument("check", required=False)
@COURSE
def hint(exercise: str, check: str | None, course: Path | None) -> None:
    """Show the next hint for a check; without one, for the first that failed."""
    from racecourse.grading import hints, progress, workspace  # noqa: PLC0415
    from racecourse.grading.session import keep  # noqa: PLC0415
    from racecourse.report import pages, writers  # noqa: PLC0415

    content = content_of(exercise, course)
    state = workspace.state_folder(workspace_of())
    reached = progress.load(state)
    (check_id,) = known_checks(content, [check or _first_failed(content, reached)])
    promise = content.exercise.check(check_id).promise
    ladder = hints.ladder_of(promise, content.hints)
    seen = min(reached.of(content.exercise).rungs.get(promise, 0) + 1, hints.RUNGS)
    keep(reached.with_rung(content.exercise, promise, seen), state)
    width = writers.width_of(sys.stdout)
    print_lines(
        pages.hints(promise, ladder.title, ladder.rungs, seen=seen, width=width)
    )


@click.command()
@COURSE
def demo(course: Path | None) -> None:
    """Grade a right solution and wrong ones, to see what reports look like."""
    from racecourse.grading import demo as shipped  # noqa: PLC0415
    from racecourse.grading.session import Session, Settings  # noqa: PLC0415
    from racecourse.report.delivery import deliver  # noqa: PLC0415
    from racecourse.report.text import Style, line  # noqa: PLC0415

    settings = Settings()
    session = Session(settings=settings, workspace=None)
    outcomes = []
    for example in shipped.examples(content_of(shipped.EXERCISE, course)):
        print_lines([line(), line(example.says, Style.TITLE), line()])
        result = session.show(example.content, example.path, example.options)
        deliver([result], form=settings.form, output=settings.output)
        outcomes.append(result.outcome)
        if was_stopped(result.outcome):
            break
    sys.exit(exit_code(outcomes, min_score=0))


@click.command()
def doctor() -> None:
    """Say what this machine can promise."""
    from racecourse.grading import doctor as examination  # noqa: PLC0415
    from racecourse.report import pages, writers  # noqa: PLC0415

    rows = [(fact.name, fact.value, fact.meaning) for fact in examination.examine()]
    print_lines(pages.facts(rows, writers.width_of(sys.stdout)))


def _first_failed(content: "Content", reached: "Progress") -> str:
    failed = reached.of(content.exercise).failed
    if failed:
        return failed[0]
    ids = " ".join(check.id for check in content.exercise.checks)
    raise Refusal(
        f"Which check? Say `grade hint {content.exercise.id} CHECK` with one of: {ids}."
    )
