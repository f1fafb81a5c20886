"""What one command grades: attempts with their journal, progress and view."""

import contextlib
import shlex
import sys
from dataclasses import dataclass, field
from pathlib import Path

from racecourse.grading import confinement, progress, workspace
from racecourse.grading.attempt import attempt
from racecourse.grading.catalogue import Content
from racecourse.grading.journal import Journal
from racecourse.grading.run import Listener, Options, fresh_seed
from racecourse.grading.workspace import Workspace
from racecourse.model.report import Report
from racecourse.report.delivery import Delivered, demand_writable, say
from racecourse.report.failure import Failure, Refusal
from racecourse.report.feedback import View
from racecourse.report.progress import progress_on
from racecourse.report.writers import DEFAULT_WIDTH, width_of

NO_WORKSPACE = (
    "There is no workspace here or in a folder above. Make one with `grade init`, or give"
    " the path of your solution: `grade ex3 PATH`."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the options of a grading command say."""

    seed: int | None = None
    form: str = "text"
    output: Path | None = None
    min_score: float | None = None
    journal: Path | None = None
    course: Path | None = None
    sandbox: str = confinement.AUTO
    official: bool = False
    accept_weak: bool = False


@dataclass(frozen=True, kw_only=True)
class Session:
    """Grades one exercise after the other and keeps how far each is.

    Raises:
        Refusal: From the start, if the report could not be written at the end.
    """

    settings: Settings
    workspace: Workspace | None
    state: Path = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "state", workspace.state_folder(self.workspace))
        if self.settings.output is not None:
            demand_writable(self.settings.output)

    def grade(
        self, content: Content, path: Path | None = None, only: tuple[str, ...] = ()
    ) -> Delivered:
        """Grade the solution at the path, or the workspace's.

        Raises:
            Refusal: If there is no workspace to look in, or no journal can be kept.
        """
        seed = self.settings.seed
        options = Options(
            seed=fresh_seed() if seed is None else seed,
            only=only,
            sandbox=self.settings.sandbox,
            official=self.settings.official,
            accept_weak=self.settings.accept_weak,
        )
        where = path or self.in_workspace(content)
        outcome = self._attempt(content, where, options)
        if isinstance(outcome, Report):
            keep(progress.load(self.state).after(outcome), self.state)
        return Delivered(outcome=outcome, view=self.view(content, path))

    def show(self, content: Content, path: Path, options: Options) -> Delivered:
        """Grade a shipped submission: it is nobody's progress."""
        outcome = self._attempt(content, path, options)
        return Delivered(outcome=outcome, view=self.view(content, path))

    def _attempt(
        self, content: Content, path: Path, options: Options
    ) -> Report | Failure:
        with progress_on(sys.stderr) as shown:
            listener = Listener(
                planned=shown.planned, started=shown.started, finished=shown.finished
            )
            return attempt(
                content, path, options, journal=self._open_journal, listener=listener
            )

    def in_workspace(self, content: Content) -> Path:
        """Return where the workspace has the solution, as short as can be.

        Raises:
            Refusal: If there is no workspace, or no such folder in it.
        """
        if self.workspace is None:
            raise Refusal(NO_WORKSPACE)
        folder = self.workspace.folder_of(content)
        if not folder.is_dir():
            root = self.workspace.root
            raise Refusal(f"{folder} is missing; `grade init {root}` adds it.")
        with contextlib.suppress(ValueError):
            return folder.relative_to(Path.cwd())
        return folder

    def _open_journal(self) -> Journal:
        file = self.settings.journal
        try:
            if file is None:
                workspace.prepare(self.state)
                file = workspace.journal_in(self.state)
            return Journal(file)
        except OSError as error:
            raise Refusal(
                f"The journal {file or self.state} cannot be written: {error.strerror}."
                " Give another place with --journal FILE."
            ) from None

    def view(self, content: Content, path: Path | None) -> View:
        """Return who reads, and the commands that go on from here."""
        name, course = content.exercise.id, self.settings.course
        given = [str(path)] if path else []
        tail = ["--course", str(course)] if course else []
        to_file = self.settings.output is not None
        return View(
            command=shlex.join(["grade", name, *given, *tail]),
            hint=shlex.join(["grade", "hint", name]),
            path=shlex.join(given),
            tail=shlex.join(tail),
            width=DEFAULT_WIDTH if to_file else width_of(sys.stdout),
        )


def keep(reached: progress.Progress, state: Path) -> None:
    """Keep the progress; a place that cannot be written is said and stops nothing."""
    try:
        workspace.prepare(state)
        progress.save(reached, state)
    except OSError as error:
        say(f"Your progress was not kept: {error.strerror}: {state}")
