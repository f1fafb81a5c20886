"""The `grade` command: parse, call, print, choose the exit code.

Exit codes: 0 full marks (or `--min-score` reached), 1 graded and not full, 2 usage,
3 could not grade, 130 stopped with Ctrl-C (128 + the signal, as shells count).

The report goes to standard output; progress and messages go to standard error. Modules
are imported by the commands that need them: what `grade list` needs is not what makes
`grade ex3` start late.
"""

import contextlib
import functools
import shlex
import signal
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from types import FrameType
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click

if TYPE_CHECKING:
    from racecourse.grading.attempt import Outcome
    from racecourse.grading.catalogue import Content
    from racecourse.grading.workspace import Workspace
    from racecourse.report.feedback import View
    from racecourse.report.text import Line

Command = TypeVar("Command", bound=Callable[..., Any])

FULL, NOT_FULL, USAGE, NOT_GRADED, STOPPED = 0, 1, 2, 3, 130
_MAX_SEED = (1 << 31) - 1


class Stop(click.ClickException):
    """One clear line on standard error, and an exit code."""

    def __init__(self, message: str, exit_code: int = USAGE) -> None:
        super().__init__(message)
        self.exit_code = exit_code

    def show(self, file: Any = None) -> None:
        """Write the message; it may quote what a student wrote."""
        _say(self.message, file)


def _say(message: str, file: Any = None) -> None:
    from racecourse.report import text, writers  # noqa: PLC0415

    stream = file or sys.stderr
    rows = text.clean(message).splitlines()
    stream.write(writers.plain(map(text.line, rows), encoding=stream.encoding))


# Shared options.

_COURSE = click.option(
    "--course",
    type=click.Path(path_type=Path),
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
        "--format",
        "form",
        type=click.Choice(["text", "json"]),
        default="text",
        show_default=True,
    ),
    click.option(
        "--output",
        type=click.Path(path_type=Path),
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
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Note each result here as soon as it is known.",
    ),
    _COURSE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The options that every grading command takes."""

    seed: int | None
    form: str
    output: Path | None
    min_score: float | None
    journal: Path | None
    course: Path | None


def grading_options(command: Command) -> Command:
    """Add the shared options; the command receives them as `settings`."""

    @functools.wraps(command)
    def with_settings(**given: Any) -> Any:
        mine = {name: given.pop(name) for name in Settings.__dataclass_fields__}
        return command(settings=Settings(**mine), **given)

    decorated: Any = with_settings
    for option in reversed(_OPTIONS):
        decorated = option(decorated)
    return decorated  # type: ignore[no-any-return]


# The command.


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

    `grade init` makes a workspace; `grade ex3` grades the solution to exercise 3 in it.
    """


@cli.command()
@click.argument("folder", metavar="[DIR]", default=".", type=click.Path(path_type=Path))
@_COURSE
def init(folder: Path, course: Path | None) -> None:
    """Make a workspace with the starters and the tasks; nothing is overwritten."""
    from racecourse.grading import workspace  # noqa: PLC0415
    from racecourse.report.text import Style, line  # noqa: PLC0415

    contents = list(_course(course).values())
    try:
        created = workspace.create(folder, contents)
    except workspace.WorkspaceProblem as problem:
        raise Stop(str(problem)) from None
    lines = [line(f"wrote {path}") for path in created.written]
    lines += [
        line(f"kept  {path} (it was there)", Style.FAINT) for path in created.kept
    ]
    first = contents[0].exercise if contents else None
    if first:
        begin = f"{first.slug}/solution.py, then `grade {first.id}`"
        lines += [line(), line(f"{folder} is your workspace. Begin with {begin}.")]
    _print(lines)


@cli.command(name="list")
@_COURSE
def list_(course: Path | None) -> None:
    """List the exercises with your best score so far."""
    from racecourse.grading import progress, workspace  # noqa: PLC0415
    from racecourse.report import pages  # noqa: PLC0415

    contents = _course(course).values()
    reached = progress.load(workspace.state_folder(_workspace()))
    entries = [
        pages.Entry(exercise=c.exercise, best=reached.of(c.exercise).best)
        for c in contents
    ]
    _print(pages.exercise_list(entries))


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
        raise Stop(f"{content.readme} cannot be read.", NOT_GRADED) from None
    writers.write_markdown(task, sys.stdout)


@cli.command()
@click.argument("exercise")
@click.argument("path", required=False, type=click.Path(path_type=Path))
@click.option(
    "--only",
    multiple=True,
    metavar="CHECK",
    help="Judge this check alone, such as R2; may be given again.",
)
@grading_options
def run(
    exercise: str, path: Path | None, only: tuple[str, ...], settings: Settings
) -> None:
    """Grade a solution: a file, a folder or a notebook. `grade ex3` is short for it."""
    content = _content(exercise, settings.course)
    chosen = _known_checks(content, only)
    session = _Session(settings, _workspace(path))
    outcome = session.grade(content, path, chosen)
    session.deliver(outcome)
    sys.exit(exit_code([outcome], settings.min_score))


@cli.command(name="all")
@grading_options
def all_(settings: Settings) -> None:
    """Grade every exercise that has a solution in the workspace."""
    contents = _course(settings.course).values()
    workspace = _demand_workspace()
    begun = [content for content in contents if workspace.is_begun(content)]
    if not begun:
        raise Stop(
            f"{workspace.root} has no solution yet: every file is the starter's."
        )
    session = _Session(settings, workspace)
    outcomes: list[Outcome] = []
    for content in begun:
        outcomes.append(session.grade(content, None, ()))
        if _was_stopped(outcomes[-1]):
            break
    session.deliver_all(outcomes)
    sys.exit(exit_code(outcomes, settings.min_score))


@cli.command()
@click.argument("exercise")
@click.argument("check", required=False)
@_COURSE
def hint(exercise: str, check: str | None, course: Path | None) -> None:
    """Show the next hint for a check; without one, for the first that failed."""
    from racecourse.grading import hints, progress, workspace  # noqa: PLC0415
    from racecourse.report import pages, writers  # noqa: PLC0415

    content = _content(exercise, course)
    state = workspace.state_folder(_workspace())
    reached = progress.load(state)
    (check_id,) = _known_checks(content, (check or _first_failed(content, reached),))
    promise = content.exercise.check(check_id).promise
    try:
        ladder = hints.read_ladders(content.hints)[promise]
    except hints.HintsFileError as error:
        raise Stop(str(error), NOT_GRADED) from None
    except KeyError:
        raise Stop(f"There is no hint for promise {promise} yet.", NOT_GRADED) from None
    standing = reached.of(content.exercise)
    seen = min(standing.rungs.get(promise, 0) + 1, len(ladder.rungs))
    _print(
        pages.hints(
            promise=promise,
            title=ladder.title,
            rungs=ladder.rungs,
            seen=seen,
            width=writers.width_of(sys.stdout),
        )
    )
    _keep(reached.with_rung(content.exercise, promise, seen), state)


@cli.command()
def demo() -> None:
    """Grade a right solution and wrong ones, to see what reports look like."""
    from racecourse.grading import demo as shipped  # noqa: PLC0415

    content = _content(shipped.EXERCISE, None)
    session = _Session(_NO_SETTINGS, None)
    outcomes: list[Outcome] = []
    for example in shipped.examples(content):
        _say(f"\n--- {example.says}\n")
        outcome = session.grade_example(example)
        outcomes.append(outcome)
        session.deliver(outcome)
        if _was_stopped(outcome):
            break
    sys.exit(max((exit_code([o], 0) for o in outcomes), default=NOT_GRADED))


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
@click.option("--seed", type=click.IntRange(0, _MAX_SEED))
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text")
@_COURSE
def verify(
    exercise: str | None,
    part: str | None,
    seed: int | None,
    form: str,
    course: Path | None,
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
        on_row=lambda row: form == "text" and _print(verification.row(row)),
    )
    if form == "json":
        sys.stdout.write(writers.as_json(verification.plain(rows, unproved)))
    else:
        _print(verification.summary(rows, unproved, monotonic() - begun))
    wrong = not rows or bool(unproved) or any(row.problems for row in rows)
    sys.exit(NOT_FULL if wrong else FULL)


# What the commands share.


@contextlib.contextmanager
def _as_could_not_grade() -> Iterator[None]:
    from racecourse.model.exercise_file import ExerciseFileError  # noqa: PLC0415

    try:
        yield
    except ExerciseFileError as error:
        raise Stop(str(error), NOT_GRADED) from None


def _course(root: Path | None) -> "dict[str, Content]":
    from racecourse.grading import catalogue  # noqa: PLC0415

    with _as_could_not_grade():
        course = catalogue.load_course(root)
    if not course:
        where = root or catalogue.content_root()
        raise Stop(f"{where} has no exercises.", USAGE if root else NOT_GRADED)
    return course


def _content(name: str, root: Path | None) -> "Content":
    from racecourse.grading import catalogue  # noqa: PLC0415

    course = _course(root)
    try:
        return catalogue.find_exercise(name, course)
    except catalogue.NoSuchExercise:
        commands = ", ".join(sorted(cli.commands))
        raise Stop(
            f"There is no exercise or command {name!r}. Exercises: {', '.join(course)}."
            f" Commands: {commands}."
        ) from None


def _known_checks(content: "Content", names: Iterable[str]) -> tuple[str, ...]:
    ids = {check.id.lower(): check.id for check in content.exercise.checks}
    for name in names:
        if name.lower() not in ids:
            raise Stop(
                f"{content.exercise.id} has no check {name!r}. It has:"
                f" {' '.join(ids.values())}."
            )
    return tuple(ids[name.lower()] for name in names)


def _workspace(path: Path | None = None) -> "Workspace | None":
    from racecourse.grading.workspace import find_workspace  # noqa: PLC0415

    here = find_workspace(Path())
    return here or (find_workspace(path) if path else None)


def _demand_workspace() -> "Workspace":
    workspace = _workspace()
    if workspace is None:
        raise Stop(
            "There is no workspace here or in a folder above. Make one with `grade init`,"
            " or give the path of your solution: `grade ex3 PATH`."
        )
    return workspace


def _first_failed(content: "Content", reached: Any) -> str:
    failed = reached.of(content.exercise).failed
    if not failed:
        ids = " ".join(check.id for check in content.exercise.checks)
        name = content.exercise.id
        raise Stop(f"Which check? Say `grade hint {name} CHECK` with one of: {ids}.")
    return str(failed[0])


def _keep(reached: Any, state: Path) -> None:
    """Keep the progress; a place that cannot be written is said and does not stop us."""
    from racecourse.grading import progress, workspace  # noqa: PLC0415

    try:
        workspace.prepare(state)
        progress.save(reached, state)
    except (OSError, workspace.WorkspaceProblem) as error:
        _say(f"Your progress was not kept: {error}")


def _print(lines: "Iterable[Line]") -> None:
    from racecourse.report import writers  # noqa: PLC0415

    writers.write(lines, sys.stdout)


def _was_stopped(outcome: "Outcome") -> bool:
    from racecourse.report.failure import Blame, Failure  # noqa: PLC0415

    if isinstance(outcome, Failure):
        return outcome.blame is Blame.INTERRUPTED
    return outcome.interrupted


def exit_code(outcomes: "Sequence[Outcome]", min_score: float | None) -> int:
    """Return the exit code for one outcome or several: the gravest."""
    return max(_exit_code(outcome, min_score) for outcome in outcomes)


def _exit_code(outcome: "Outcome", min_score: float | None) -> int:
    from racecourse.report.failure import Blame, Failure  # noqa: PLC0415

    if _was_stopped(outcome):
        return STOPPED
    if isinstance(outcome, Failure):
        return USAGE if outcome.blame is Blame.USAGE else NOT_GRADED
    if outcome.grader_failed or not outcome.max_score:
        return NOT_GRADED  # an empty report is no success
    enough = outcome.max_score if min_score is None else min_score
    return FULL if outcome.score >= enough else NOT_FULL


_NO_SETTINGS = Settings(
    seed=None, form="text", output=None, min_score=None, journal=None, course=None
)


class _Session:
    """Grades, keeps the progress and delivers reports, as the options say."""

    def __init__(self, settings: Settings, workspace: "Workspace | None") -> None:
        from racecourse.grading.workspace import state_folder  # noqa: PLC0415

        self._settings, self._workspace = settings, workspace
        self._state = state_folder(workspace)
        self._views: dict[str, View] = {}
        _demand_writable(settings.output)

    def grade(
        self, content: "Content", path: Path | None, only: tuple[str, ...]
    ) -> "Outcome":
        """Grade one exercise and keep how far it is."""
        from racecourse.grading import progress  # noqa: PLC0415
        from racecourse.grading.run import Options, fresh_seed  # noqa: PLC0415
        from racecourse.report.failure import Failure  # noqa: PLC0415

        seed = self._settings.seed
        options = Options(seed=fresh_seed() if seed is None else seed, only=only)
        self._views[content.exercise.id] = self._view(content, path)
        outcome = self._attempt(content, path or self._default(content), options)
        if not isinstance(outcome, Failure):
            _keep(progress.load(self._state).after(outcome), self._state)
        return outcome

    def grade_example(self, example: Any) -> "Outcome":
        """Grade a shipped submission; it leaves no trace in anybody's progress."""
        return self._attempt(example.content, example.path, example.options)

    def _attempt(self, content: "Content", path: Path, options: Any) -> "Outcome":
        from racecourse.grading.attempt import attempt  # noqa: PLC0415
        from racecourse.grading.run import Listener  # noqa: PLC0415
        from racecourse.report.progress import progress_on  # noqa: PLC0415

        with progress_on(sys.stderr) as progress:
            listener = Listener(
                planned=progress.planned,
                started=progress.started,
                finished=progress.finished,
            )
            return attempt(
                content, path, options, journal=self._open_journal, listener=listener
            )

    def _default(self, content: "Content") -> Path:
        """Return where the workspace has the solution, as short as can be."""
        workspace = self._workspace or _demand_workspace()
        folder = workspace.folder_of(content)
        if not folder.is_dir():
            raise Stop(f"{folder} is missing; `grade init {workspace.root}` adds it.")
        with contextlib.suppress(ValueError):
            return folder.relative_to(Path.cwd())
        return folder

    def _open_journal(self) -> Any:
        from racecourse.grading import workspace  # noqa: PLC0415
        from racecourse.grading.journal import Journal  # noqa: PLC0415

        file = self._settings.journal
        try:
            if file is None:
                workspace.prepare(self._state)
                file = workspace.journal_in(self._state)
            return Journal(file)
        except (OSError, workspace.WorkspaceProblem) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise Stop(
                f"The journal {file or self._state} cannot be written: {reason}."
                " Give another place with --journal FILE."
            ) from None

    def _view(self, content: "Content", path: Path | None) -> "View":
        from racecourse.report.feedback import View  # noqa: PLC0415
        from racecourse.report.writers import width_of  # noqa: PLC0415

        name, course = content.exercise.id, self._settings.course
        tail = ["--course", str(course)] if course else []
        given = [str(path)] if path else []
        return View(
            command=shlex.join(["grade", name, *given, *tail]),
            hint=shlex.join(["grade", "hint", name, *tail]),
            width=88 if self._settings.output else width_of(sys.stdout),
        )

    def deliver(self, outcome: "Outcome") -> None:
        """Print or write one report, or why there is none."""
        if self._settings.form == "json":
            self._deliver_json(outcome.to_plain(), [outcome])
        else:
            self._deliver_text([outcome], ())

    def deliver_all(self, outcomes: "Sequence[Outcome]") -> None:
        """Print or write several reports and a summary."""
        from racecourse.report import pages  # noqa: PLC0415

        if self._settings.form == "json":
            document = {"exercises": [outcome.to_plain() for outcome in outcomes]}
            self._deliver_json(document, outcomes)
        else:
            self._deliver_text(outcomes, pages.summary(outcomes))

    def _deliver_json(
        self, document: dict[str, Any], outcomes: "Sequence[Outcome]"
    ) -> None:
        from racecourse.report import writers  # noqa: PLC0415

        _say_failures(outcomes)
        text = writers.as_json(document)
        if self._settings.output:
            _write_output(self._settings.output, text)
        else:
            sys.stdout.write(text)

    def _deliver_text(
        self, outcomes: "Sequence[Outcome]", after: "Iterable[Line]"
    ) -> None:
        from racecourse.report import document, feedback, writers  # noqa: PLC0415
        from racecourse.report.failure import Failure  # noqa: PLC0415
        from racecourse.report.text import BLANK  # noqa: PLC0415

        _say_failures(outcomes)
        lines: list[Line] = []
        for outcome in outcomes:
            if not isinstance(outcome, Failure):
                view = self._views.get(outcome.exercise.id) or feedback.View(
                    command=f"grade {outcome.exercise.id}",
                    hint=f"grade hint {outcome.exercise.id}",
                )
                lines += [*([BLANK] if lines else []), *document.render(outcome, view)]
        lines += after
        if not lines:
            return
        if self._settings.output:
            _write_output(self._settings.output, writers.plain(lines))
        else:
            _print(lines)


def _say_failures(outcomes: "Sequence[Outcome]") -> None:
    from racecourse.report.failure import Failure  # noqa: PLC0415

    for outcome in outcomes:
        if isinstance(outcome, Failure):
            _say(f"{outcome.exercise}: {outcome.message}")


def _demand_writable(output: Path | None) -> None:
    """Refuse an output that cannot be written before anything is graded."""
    import os  # noqa: PLC0415

    if output is None:
        return
    if output.is_dir():
        raise Stop(f"--output {output} is a folder; name a file in it.")
    place = (
        output if output.exists() and not output.is_file() else output.absolute().parent
    )
    if not place.exists():
        raise Stop(f"--output {output} cannot be written: {place} does not exist.")
    if not os.access(place, os.W_OK):
        raise Stop(f"--output {output} cannot be written: no permission for {place}.")


def _write_output(output: Path, text: str) -> None:
    from racecourse.grading.progress import replace_file  # noqa: PLC0415

    try:
        replace_file(output, text)
    except OSError as error:
        sys.stdout.write(text)  # the work is not lost
        raise Stop(
            f"--output {output} cannot be written: {error.strerror}.", NOT_GRADED
        ) from None


# The way in.


def main() -> None:
    """Run the command line. Whatever happens, there is a message and an exit code."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # Whoever started us may want a signal ignored, as `nohup` and `&` do.
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _stop_once)
    try:
        cli(prog_name="grade")
    except KeyboardInterrupt:
        _say("Stopped.")
        sys.exit(STOPPED)
    except Exception as error:  # noqa: BLE001 - a mistake of ours, said as such
        _confess(error)


def _stop_once(_number: int, _frame: FrameType | None) -> NoReturn:
    """Stop the run; from here on, clean-up is not disturbed."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


def _confess(error: Exception) -> NoReturn:
    """Write a mistake of ours to a file, name it, and exit."""
    import tempfile  # noqa: PLC0415
    import traceback  # noqa: PLC0415

    text = "".join(traceback.format_exception(error))
    with tempfile.NamedTemporaryFile(
        "w", prefix="grade-error-", suffix=".txt", delete=False, encoding="utf-8"
    ) as file:
        file.write(text)
    _say(f"The grader failed, not your code. Please send us {file.name}.")
    sys.exit(NOT_GRADED)


if __name__ == "__main__":
    main()
