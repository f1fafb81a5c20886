"""Finding the course: exercises by name, and each exercise's folders by its slug.

The machinery finds content by path and imports none of it. In a checkout the four trees
stand at the top level; a wheel carries them inside the package.
"""

import ast
import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import racecourse
from racecourse.model.exercise import Exercise
from racecourse.model.exercise_file import ExerciseFileError, parse_exercise
from racecourse.sandbox.payload import Payload

_CAUGHT_BY = re.compile(r"^Caught by:\s*(.+)$", re.MULTILINE)
_MAY_LOSE = re.compile(r"^May lose:\s*(.+)$", re.MULTILINE)


class NoSuchExercise(LookupError):  # noqa: N818 - the student's slip, not an error of ours
    """No exercise has this name; the text lists those there are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """A wrong submission, the checks that must catch it, and those that may too."""

    path: Path
    sentence: str
    caught_by: tuple[str, ...]
    may_lose: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """One exercise with the places of its files."""

    exercise: Exercise
    root: Path

    def _in(self, tree: str) -> Path:
        return self.root / tree / self.exercise.slug

    @property
    def readme(self) -> Path:
        """The task, as students read it."""
        return self._in("exercises") / "README.md"

    @property
    def hints(self) -> Path:
        """Three rungs for each promise."""
        return self._in("exercises") / "hints.md"

    @property
    def starter(self) -> Path:
        """What students begin with."""
        return self._in("starter") / "solution.py"

    @property
    def reference(self) -> Path:
        """The model answer; a student kit may lack it."""
        return self._in("reference") / "solution.py"

    @property
    def graders(self) -> Path:
        """The hidden graders' folder; a student kit may lack it."""
        return self._in("graders")

    def given(self) -> tuple[Path, ...]:
        """Return what students receive beside the stub and do not change."""
        others = self.starter.parent.glob("*.py")
        return tuple(sorted(path for path in others if path != self.starter))

    def hidden(self) -> tuple[Path, ...]:
        """Return the code that runs beside the submission, and may be missing.

        Scenarios are one file, or a folder with a file for each category of checks;
        `schedules.py` has the programs whose schedules are explored.
        """
        folder = self.graders
        named = (folder / "scenarios.py", folder / "schedules.py")
        return (
            *sorted(folder.glob("scenarios/*.py")),
            *(path for path in named if path.is_file()),
        )

    def secrets(self) -> tuple[str, ...]:
        """Return the folders that no submission may see."""
        names = ("graders", "reference")
        return tuple(str((self.root / name).resolve()) for name in names)

    def mutants(self) -> tuple[Mutant, ...]:
        """Return the wrong submissions, by name.

        Raises:
            ExerciseFileError: If one does not say what must catch it.
        """
        return tuple(
            _mutant(path, self.exercise)
            for path in sorted((self.graders / "mutants").glob("*.py"))
        )

    def alternatives(self) -> tuple[Path, ...]:
        """Return the different right submissions, by name."""
        return tuple(sorted((self.graders / "alternatives").glob("*.py")))


def content_root() -> Path:
    """Return the folder that holds exercises, starter, reference and graders."""
    package = Path(racecourse.__file__).resolve().parent
    carried = package / "content"
    return carried if carried.is_dir() else package.parent


def load_course(root: Path | None = None) -> dict[str, Content]:
    """Return every exercise by id, in the order of their numbers.

    Raises:
        ExerciseFileError: If an `exercise.toml` cannot be used.
    """
    root = root or content_root()
    found = [
        _load(path, root)
        for path in sorted((root / "exercises").glob("*/exercise.toml"))
    ]
    return {content.exercise.id: content for content in found}


def find_exercise(name: str, course: dict[str, Content]) -> Content:
    """Return the exercise that a student means by `ex3`, `3`, `ex03` or its slug.

    Raises:
        NoSuchExercise: If there is none; the text lists what there is.
    """
    match = re.fullmatch(r"(?:ex)?0*(\d+)", name.lower())
    if match and (content := course.get(f"ex{match[1]}")):
        return content
    for content in course.values():
        if content.exercise.slug == name:
            return content
    raise NoSuchExercise(
        f"There is no exercise {name!r}. There are: {', '.join(course) or 'none'}."
    )


def _load(path: Path, root: Path) -> Content:
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    # A ValueError: not TOML, not UTF-8, or a number of thousands of digits.
    except (ValueError, RecursionError, OSError) as error:
        raise ExerciseFileError(
            str(path), [f"cannot be read as TOML: {error}"]
        ) from None
    exercise = parse_exercise(tables, origin=str(path))
    if exercise.slug != path.parent.name:
        raise ExerciseFileError(
            str(path),
            [f"exercise.slug is {exercise.slug!r}; make it the folder's name"],
        )
    return Content(exercise=exercise, root=root)


def _mutant(path: Path, exercise: Exercise) -> Mutant:
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    caught_by = _ids_after(_CAUGHT_BY, docstring)
    may_lose = _ids_after(_MAY_LOSE, docstring)
    known = {check.id for check in exercise.checks}
    if not caught_by or {*caught_by, *may_lose} - known:
        ids = " ".join(sorted(known))
        fix = (
            f"write lines 'Caught by: ' and, if need be, 'May lose: ' with ids of {ids}"
        )
        seen = " ".join(caught_by + may_lose) or "no check"
        raise ExerciseFileError(str(path), [f"its docstring names {seen}; {fix}"])
    return Mutant(
        path=path,
        sentence=docstring.splitlines()[0],
        caught_by=caught_by,
        may_lose=may_lose,
    )


def _ids_after(line: re.Pattern[str], docstring: str) -> tuple[str, ...]:
    match = line.search(docstring)
    return tuple(match[1].replace(",", " ").split()) if match else ()


def payload_of(content: Content, source: str) -> Payload:
    """Return what a worker loads for a submission to this exercise."""
    return Payload(
        solution=source,
        given=_texts(content.given(), content.starter.parent),
        hidden=_texts(content.hidden(), content.graders),
    )


def _texts(paths: Iterable[Path], folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8")
        for path in paths
    }
