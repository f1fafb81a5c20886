"""The `grade` command: parse, call, print, choose the exit code.

Exit codes: 0 full marks (or `--min-score` reached), 1 graded and not full, 2 usage,
3 could not grade, 130 stopped with Ctrl-C (128 + the signal, as shells count).

Modules are imported by the commands that need them: what `grade list` needs is not what
makes `grade ex3` start late.
"""

import contextlib
import functools
import signal
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from time import monotonic
from types import FrameType
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click

from racecourse.report.failure import Blame, Failure, Refusal

if TYPE_CHECKING:
    from racecourse.grading.catalogue import Content
    from racecourse.grading.progress import Progress
    from racecourse.grading.session import Settings
    from racecourse.grading.workspace import Workspace
    from racecourse.model.report import Report
    from racecourse.report.text import Line

Command = TypeVar("Command", bound=Callable[..., Any])

FULL, NOT_FULL, USAGE, NOT_GRADED, STOPPED = 0, 1, 2, 3, 130
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_MAX_SEED = (1 << 31) - 1
_PATH = click.Path(path_type=Path)

_COURSE = click.option(
    "--course",
    type=_PATH,
    metavar="DIR",
    help="Another folder with exercises, starter and graders; for authors.",
)
_OPTIONS = (
    click.option(
        "--seed",
        type=click.IntRange(0, _MAX_SEED),
        help="Draw the same inputs as the run that printed this seed.",
    ),
    click.option(
        "--format", "form", type=click.Choice(["text", "json"]), default="text"
    ),
    click.option(
        "--output",
        type=_PATH,
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
        type=_PATH,
        metavar="FILE",
        help="Note each result here as soon as it is known.",
    ),
    _COURSE,
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


class _Group(click.Group):
    """A group in which a word that is no command is an exercise to run."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and self.get_command(ctx, args[0]) is None and args[0][:1] != "-":
            args = ["run", *args]
        return super().resolve_command(ctx, args)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="racecourse", message="racecourse %(version)s")
def cli() -> None:
    """Grade your solutions to the exercises of Racecourse.

    `grade init` makes a workspace; `grade ex3` grades your solution to exercise 3.
    """


@cli.command()
@click.argument("folder", metavar="[DIR]", default=".", type=_PATH)
@_COURSE
def init(folder: Path, course: Path | None) -> None:
    """Make a workspace with the starters and the tasks; nothing is overwritten."""
    from racecourse.grading import workspace  # noqa: PLC0415
    from racecourse.report import pages  # noqa: PLC0415

    contents = list(_course(course).values())
    created = workspace.create(folder, contents)
    first = contents[0].exercise
    _print(pages.made(str(folder), first, written=created.written, kept=created.kept))


@cli.command(name="list")
@_COURSE
def list_(course: Path | None) -> None:
    """List the exercises with your best score so far."""
    from racecourse.grading import progress, workspace  # noqa: PLC0415
    from racecourse.report import pages  # noqa: PLC0415

    reached = progress.load(workspace.state_folder(_workspace()))
    _print(
        pages.exercise_list(
            pages.Entry(exercise=c.exercise, best=reached.of(c.exercise).best)
            for c in _course(course).values()
        )
    )


@cli.command()
@click.argument("exercise")
@_COURSE
def show(exercise: str, course: Path | None) -> None:
    """Show the task of an exercise."""
    from racecourse.report import writers  # noqa: PLC0415

    content = _content(exercise, course)
    try:
        task = content.readme.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise Refusal(f"{content.readme} cannot be read.", Blame.GRADER) from None
    writers.write_markdown(task, sys.stdout)


@cli.command()
@click.argument("exercise")
@click.argument("path", required=False, type=_PATH)
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

    content = _content(exercise, settings.course)
    chosen = _known_checks(content, only)
    session = Session(settings=settings, workspace=_workspace(path))
    result = session.grade(content, path, chosen)
    deliver([result], form=settings.form, output=settings.output)
    sys.exit(exit_code([result.outcome], settings.min_score))


@cli.command(name="all")
@grading_options
def all_(settings: "Settings") -> None:
    """Grade every exercise that has a solution in the workspace."""
    from racecourse.grading.session import NO_WORKSPACE, Session  # noqa: PLC0415
    from racecourse.report.delivery import deliver  # noqa: PLC0415

    contents = _course(settings.course).values()
    workspace = _workspace()
    if workspace is None:
        raise Refusal(NO_WORKSPACE)
    begun = [content for content in contents if workspace.is_begun(content)]
    if not begun:
        raise Refusal(f"{workspace.root} has no solution yet: nothing to grade.")
    session = Session(settings=settings, workspace=workspace)
    results = []
    for content in begun:
        results.append(session.grade(content))
        if _was_stopped(results[-1].outcome):
            break
    deliver(results, form=settings.form, output=settings.output, several=True)
    sys.exit(exit_code([result.outcome for result in results], settings.min_score))


@cli.command()
@click.argument("exercise")
@click.argument("check", required=False)
@_COURSE
def hint(exercise: str, check: str | None, course: Path | None) -> None:
    """Show the next hint for a check; without one, for the first that failed."""
    from racecourse.grading import hints, progress, workspace  # noqa: PLC0415
    from racecourse.grading.session import keep  # noqa: PLC0415
    from racecourse.report import pages, writers  # noqa: PLC0415

    content = _content(exercise, course)
    state = workspace.state_folder(_workspace())
    reached = progress.load(state)
    (check_id,) = _known_checks(content, [check or _first_failed(content, reached)])
    promise = content.exercise.check(check_id).promise
    ladder = hints.ladder_of(promise, content.hints)
    seen = min(reached.of(content.exercise).rungs.get(promise, 0) + 1, hints.RUNGS)
    keep(reached.with_rung(content.exercise, promise, seen), state)
    width = writers.width_of(sys.stdout)
    _print(pages.hints(promise, ladder.title, ladder.rungs, seen=seen, width=width))


@cli.command()
@_COURSE
def demo(course: Path | None) -> None:
    """Grade a right solution and wrong ones, to see what reports look like."""
    from racecourse.grading import demo as shipped  # noqa: PLC0415
    from racecourse.grading.session import Session, Settings  # noqa: PLC0415
    from racecourse.report.delivery import deliver  # noqa: PLC0415
    from racecourse.report.text import Style, line  # noqa: PLC0415

    settings = Settings()
    session = Session(settings=settings, workspace=None)
    outcomes = []
    for example in shipped.examples(_content(shipped.EXERCISE, course)):
        _print([line(), line(example.says, Style.TITLE), line()])
        result = session.show(example.content, example.path, example.options)
        deliver([result], form=settings.form, output=settings.output)
        outcomes.append(result.outcome)
        if _was_stopped(result.outcome):
            break
    sys.exit(exit_code(outcomes, min_score=0))


@cli.command()
def doctor() -> None:
    """Say what this machine can promise."""
    from racecourse.grading import doctor as examination  # noqa: PLC0415
    from racecourse.report import pages, writers  # noqa: PLC0415

    rows = [(fact.name, fact.value, fact.meaning) for fact in examination.examine()]
    _print(pages.facts(rows, writers.width_of(sys.stdout)))


@cli.command()
@click.argument("exercise", required=False)
@click.option("--only", "part", metavar="TEXT", help="Cases whose name contains this.")
@click.option("--again", is_flag=True, help="Look twice at what is not as due.")
@click.option("--seed", type=click.IntRange(0, _MAX_SEED))
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text")
@_COURSE
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
        [_content(exercise, course)] if exercise else list(_course(course).values())
    )
    begun = monotonic()
    with _as_could_not_grade():
        cases = [c for each in chosen for c in proof.cases_of(each)]
        unproved = [
            (c.exercise.id, i) for c in chosen for i in proof.unproved_checks(c)
        ]
    rows = proof.verify(
        [case for case in cases if not part or part in case.name],
        seed=fresh_seed() if seed is None else seed,
        on_row=lambda row: _print(verification.row(row) if form == "text" else ()),
        again=again,
    )
    if form == "json":
        sys.stdout.write(writers.as_json(verification.plain(rows, unproved)))
    else:
        _print(verification.summary(rows, unproved, monotonic() - begun))
    wrong = not rows or bool(unproved) or any(row.problems for row in rows)
    sys.exit(NOT_FULL if wrong else FULL)


@cli.command()
@click.argument("target", metavar="FILE[::FUNCTION]", required=False)
@click.option("--runs", type=click.IntRange(min=1), help="How many runs, about.")
@click.option("--seed", type=click.IntRange(0, _MAX_SEED))
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
        found = search.repeat(token) if token else search.explore(target, runs, seed)
    except search.BadTokenError as error:
        raise Refusal(f"The token cannot be replayed: {error}") from None
    if as_json:
        sys.stdout.write(writers.as_json(exploration.plain(found)))
    else:
        _print(exploration.render(found))
    sys.exit(search.exit_code(found))


# What the commands share.


@contextlib.contextmanager
def _as_could_not_grade() -> Iterator[None]:
    from racecourse.model.exercise_file import ExerciseFileError  # noqa: PLC0415

    try:
        yield
    except ExerciseFileError as error:
        raise Refusal(str(error), Blame.GRADER) from None


def _course(root: Path | None) -> "dict[str, Content]":
    from racecourse.grading import catalogue  # noqa: PLC0415

    with _as_could_not_grade():
        course = catalogue.load_course(root)
    if not course:
        where = root or catalogue.content_root()
        blame = Blame.USAGE if root else Blame.GRADER
        raise Refusal(f"{where} has no exercises.", blame)
    return course


def _content(name: str, root: Path | None) -> "Content":
    from racecourse.grading import catalogue  # noqa: PLC0415

    course = _course(root)
    try:
        return catalogue.find_exercise(name, course)
    except catalogue.NoSuchExercise:
        raise Refusal(
            f"There is no exercise or command {name!r}. Exercises: {', '.join(course)}."
            f" Commands: {', '.join(sorted(cli.commands))}."
        ) from None


def _known_checks(content: "Content", names: Iterable[str]) -> tuple[str, ...]:
    ids = {check.id.lower(): check.id for check in content.exercise.checks}
    for name in names:
        if name.lower() not in ids:
            raise Refusal(
                f"{content.exercise.id} has no check {name!r}. It has:"
                f" {' '.join(ids.values())}."
            )
    return tuple(ids[name.lower()] for name in names)


def _workspace(path: Path | None = None) -> "Workspace | None":
    from racecourse.grading.workspace import find_workspace  # noqa: PLC0415

    return find_workspace(Path()) or (find_workspace(path) if path else None)


def _first_failed(content: "Content", reached: "Progress") -> str:
    failed = reached.of(content.exercise).failed
    if failed:
        return failed[0]
    ids = " ".join(check.id for check in content.exercise.checks)
    raise Refusal(
        f"Which check? Say `grade hint {content.exercise.id} CHECK` with one of: {ids}."
    )


def _print(lines: "Iterable[Line]") -> None:
    from racecourse.report import writers  # noqa: PLC0415

    writers.write(lines, sys.stdout)


# Exit codes.


def exit_code(outcomes: "Sequence[Report | Failure]", min_score: float | None) -> int:
    """Return the exit code for one outcome or several: the gravest."""
    return max(_exit_code(outcome, min_score) for outcome in outcomes)


def _exit_code(outcome: "Report | Failure", min_score: float | None) -> int:
    if _was_stopped(outcome):
        return STOPPED
    if isinstance(outcome, Failure):
        return _exit_code_of(outcome.blame)
    if outcome.grader_failed or not outcome.max_score:
        return NOT_GRADED  # where nothing could be judged, nothing was reached
    enough = outcome.max_score if min_score is None else min_score
    return FULL if outcome.score >= enough else NOT_FULL


def _exit_code_of(blame: Blame) -> int:
    return USAGE if blame is Blame.USAGE else NOT_GRADED


def _was_stopped(outcome: "Report | Failure") -> bool:
    if isinstance(outcome, Failure):
        return outcome.blame is Blame.INTERRUPTED
    return outcome.interrupted


# The way in.


def main() -> None:
    """Run the command line. Whatever happens, there is a message and an exit code."""
    for number in _SIGNALS:
        # Whoever started us may want a signal ignored, as `nohup` and `&` do.
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _stop_once)
    try:
        with cli.make_context("grade", sys.argv[1:]) as context:
            cli.invoke(context)
    except click.exceptions.Exit as wish:
        sys.exit(wish.exit_code)
    except click.ClickException as error:
        _end(f"{error.format_message()}\nTry `grade --help`.", USAGE)
    except Refusal as refusal:
        _end(refusal.message, _exit_code_of(refusal.blame))
    except KeyboardInterrupt:
        _end("Stopped.", STOPPED)
    except BrokenPipeError:
        _end_quietly()
    except Exception as error:  # noqa: BLE001 - a mistake of ours, said as such
        _end(_confession(error), NOT_GRADED)


def _end(message: str, code: int) -> NoReturn:
    from racecourse.report.delivery import say  # noqa: PLC0415

    say(message)
    sys.exit(code)


def _end_quietly() -> NoReturn:
    """End as a program whose reader has gone: `grade list | head -1`."""
    import os  # noqa: PLC0415

    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(128 + signal.SIGPIPE)


def _stop_once(_number: int, _frame: FrameType | None) -> NoReturn:
    """Stop the run; from here on, clean-up is not disturbed."""
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


def _confession(error: Exception) -> str:
    """Write a mistake of ours to a file and return what to say about it."""
    import traceback  # noqa: PLC0415

    from racecourse.report.files import keep_for_us  # noqa: PLC0415

    file = keep_for_us("".join(traceback.format_exception(error)))
    return f"The grader failed, not your code. Please send us {file}."


if __name__ == "__main__":
    main()
