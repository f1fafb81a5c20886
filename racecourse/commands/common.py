"""What the commands share: options, what they name, exit codes.

Modules are imported by the commands that need them: what `grade list` needs is not what
makes `grade ex3` start late.
"""

import contextlib
import functools
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from racecourse.report.failure import Blame, Failure, Refusal
from racecourse.sandbox.levels import LEVELS

if TYPE_CHECKING:
    from racecourse.grading.catalogue import Content
    from racecourse.grading.session import Settings
    from racecourse.grading.workspace import Workspace
    from racecourse.model.report import Report
    from racecourse.report.text import Line

Command = TypeVar("Command", bound=Callable[..., Any])
FULL, NOT_FULL, USAGE, NOT_GRADED, STOPPED = 0, 1, 2, 3, 130
MAX_SEED = (1 << 31) - 1
PATH = click.Path(path_type=Path)

SANDBOX = click.option(
    "--sandbox",
    type=click.Choice(["auto", *(level.name for level in LEVELS)]),
    default="auto",
    help="How to confine the submission; by default as strongly as this machine can.",
)
COURSE = click.option(
    "--course",
    type=PATH,
    metavar="DIR",
    help="Another folder with exercises, starter and graders; for authors.",
)
_OPTIONS = (
    click.option(
        "--seed",
        type=click.IntRange(0, MAX_SEED),
        help="Draw the same inputs as the run that printed this seed.",
    ),
    click.option(
        "--format", "form", type=click.Choice(["text", "json"]), default="text"
    ),
    click.option(
        "--output",
        type=PATH,
        metavar="FILE",
        help="Write the report here, all of it or nothing of it.",
    ),
    click.option(
        "--min-score",
        type=click.FloatRange(min=0),
        metavar="POINTS",
        help="Exit with 0 from this many points on.",
    ),
    click.option(
        "--journal",
        type=PATH,
        metavar="FILE",
        help="Note each result here as soon as it is known.",
    ),
    COURSE,
    SANDBOX,
    click.option(
        "--official",
        is_flag=True,
        envvar="CI",
        help="The points may count as marks: refuse if the sandbox is weak. Always so"
        " in CI.",
    ),
    click.option(
        "--accept-weak", is_flag=True, help="Official all the same; the report says so."
    ),
)


def grading_options(command: Command) -> Command:
    """Add the options of every grading command, which receives them as `settings`."""

    @functools.wraps(command)
    def with_settings(**given: Any) -> Any:
        from racecourse.grading.session import Settings  # noqa: PLC0415

        mine = {name: given.pop(name) for name in Settings.__dataclass_fields__}
        settings = Settings(**mine)
        try:
            return command(settings=settings, **given)
        except Refusal as refusal:
            if settings.form == "json":
                _as_document(refusal, str(given.get("exercise", "all")), settings)
            raise

    decorated: Any = with_settings
    for option in reversed(_OPTIONS):
        decorated = option(decorated)
    return decorated  # type: ignore[no-any-return]


def _as_document(refusal: Refusal, exercise: str, settings: "Settings") -> None:
    """Hand over a refusal as JSON too: a program that reads it waits for something."""
    from racecourse.report import writers  # noqa: PLC0415
    from racecourse.report.delivery import hand_over  # noqa: PLC0415

    failure = Failure(exercise=exercise, blame=refusal.blame, message=refusal.message)
    output = None if refusal.about_output else settings.output
    hand_over(writers.as_json(failure.to_plain()), output)


@contextlib.contextmanager
def as_could_not_grade() -> Iterator[None]:
    """Tell a broken exercise file, or a weak machine, as a refusal that blames nobody."""
    from racecourse.grading.confinement import NotConfined  # noqa: PLC0415
    from racecourse.model.exercise_file import ExerciseFileError  # noqa: PLC0415

    try:
        yield
    except ExerciseFileError as error:
        raise Refusal(str(error), Blame.GRADER) from None
    except NotConfined as problem:
        raise Refusal(f"Nothing was graded: {problem}.", Blame.SANDBOX) from None


def course_in(root: Path | None) -> "dict[str, Content]":
    """Return every exercise by id; of the folder, or of this installation.

    Raises:
        Refusal: If there is none, or an `exercise.toml` cannot be used.
    """
    from racecourse.grading import catalogue  # noqa: PLC0415

    with as_could_not_grade():
        course = catalogue.load_course(root)
    if not course:
        where = root or catalogue.content_root()
        blame = Blame.USAGE if root else Blame.GRADER
        raise Refusal(f"{where} has no exercises.", blame)
    return course


def content_of(name: str, root: Path | None) -> "Content":
    """Return the exercise that somebody means.

    Raises:
        Refusal: If there is none of that name.
    """
    from racecourse.grading import catalogue  # noqa: PLC0415

    course = course_in(root)
    try:
        return catalogue.find_exercise(name, course)
    except catalogue.NoSuchExercise:
        raise Refusal(
            f"There is no exercise or command {name!r}. Exercises: {', '.join(course)}."
            f" Commands: {', '.join(sorted(_commands()))}."
        ) from None


def known_checks(content: "Content", names: Iterable[str]) -> tuple[str, ...]:
    """Return the ids of checks that somebody means.

    Raises:
        Refusal: If the exercise has no such check.
    """
    ids = {check.id.lower(): check.id for check in content.exercise.checks}
    for name in names:
        if name.lower() not in ids:
            raise Refusal(
                f"{content.exercise.id} has no check {name!r}. It has:"
                f" {' '.join(ids.values())}."
            )
    return tuple(ids[name.lower()] for name in names)


def workspace_of(path: Path | None = None) -> "Workspace | None":
    """Return the workspace around the current folder, or around the path."""
    from racecourse.grading.workspace import find_workspace  # noqa: PLC0415

    return find_workspace(Path()) or (find_workspace(path) if path else None)


def print_lines(lines: "Iterable[Line]") -> None:
    """Write lines to standard output, in colour where it takes colour."""
    from racecourse.report import writers  # noqa: PLC0415

    writers.write(lines, sys.stdout)


# Exit codes.


def exit_code(outcomes: "Sequence[Report | Failure]", min_score: float | None) -> int:
    """Return the exit code for one outcome or several: the gravest."""
    return max(_exit_code(outcome, min_score) for outcome in outcomes)


def _exit_code(outcome: "Report | Failure", min_score: float | None) -> int:
    if was_stopped(outcome):
        return STOPPED
    if isinstance(outcome, Failure):
        return exit_code_of(outcome.blame)
    if outcome.grader_failed or not outcome.max_score:
        return NOT_GRADED  # where nothing could be judged, nothing was reached
    enough = outcome.max_score if min_score is None else min_score
    return FULL if outcome.score >= enough else NOT_FULL


def exit_code_of(blame: Blame) -> int:
    """Return the exit code of a run that could not begin."""
    return USAGE if blame is Blame.USAGE else NOT_GRADED


def was_stopped(outcome: "Report | Failure") -> bool:
    """Whether somebody pressed Ctrl-C."""
    if isinstance(outcome, Failure):
        return outcome.blame is Blame.INTERRUPTED
    return outcome.interrupted


def _commands() -> Iterable[str]:
    root = click.get_current_context().find_root().command
    return root.commands if isinstance(root, click.Group) else ()
