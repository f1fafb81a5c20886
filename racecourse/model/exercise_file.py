"""From the tables of an `exercise.toml` to an `Exercise`, or to what is wrong with it.

Every problem names the file, the key and the fix, and all problems are collected, so
that an author mends a file once and not once per mistake.
"""

import dataclasses
import enum
import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from racecourse.model.exercise import SHORT_S, Check, Exercise, Limits, Promise
from racecourse.model.verdict import AWARDING_EVIDENCE, Category, Evidence

EnumT = TypeVar("EnumT", bound=enum.Enum)

_EXERCISE_KEYS = {"id": str, "slug": str, "title": str, "summary": str}
_CHECK_TEXTS = ("id", "category", "title", "learning", "question")
_CHECK_KEYS = {
    *_CHECK_TEXTS,
    *("promise", "points", "needs", "visibility", "quiet", "evidence", "limits"),
    *("takes_s", "virtual_time"),
}


_LARGEST = 1 << 40  # beyond it a limit is a slip, and the kernel refuses it


class ExerciseFileError(ValueError):
    """An exercise file that cannot be used; its text lists every problem."""

    def __init__(self, origin: str, problems: Iterable[str]) -> None:
        self.origin = origin
        self.problems = tuple(problems)
        super().__init__("\n".join(f"{origin}: {problem}" for problem in self.problems))


@dataclass
class _Reader:
    """Takes values out of tables and collects what is wrong with them."""

    problems: list[str] = field(default_factory=list)

    def take(self, table: Mapping[str, Any], key: str, kind: type, where: str) -> Any:
        value = table.get(key)
        right = isinstance(value, kind) and not (
            isinstance(value, bool) and kind is not bool
        )
        if not right or value == "":
            seen = "missing" if value is None else f"{value!r}"
            self.problems.append(
                f"{where}.{key} is {seen}; give {_kind_name(kind)} there"
            )
            return _neutral(kind)
        return value

    def optional(
        self, table: Mapping[str, Any], key: str, default: Any, where: str
    ) -> Any:
        if key not in table:
            return default
        return self.take(table, key, type(default), where)

    def texts(
        self, table: Mapping[str, Any], key: str, default: list[str], where: str
    ) -> tuple[str, ...]:
        values = self.optional(table, key, default, where)
        for value in values:
            if not isinstance(value, str):
                self.problems.append(f"{where}.{key} holds {value!r}; give texts only")
        return tuple(value for value in values if isinstance(value, str))

    def tables(
        self, table: Mapping[str, Any], key: str, where: str
    ) -> list[Mapping[str, Any]]:
        rows = self.take(table, key, list, where)
        for number, row in enumerate(rows):
            if not isinstance(row, dict):
                self.problems.append(
                    f"{key}[{number}] is {row!r}; give a table, as in [[{key}]]"
                )
        return [row if isinstance(row, dict) else {} for row in rows]

    def number(self, table: Mapping[str, Any], key: str, where: str) -> float:
        value = self.take(table, key, int | float, where)  # type: ignore[arg-type]
        if not _is_usable(value):
            self.problems.append(f"{where}.{key} is {value!r}; give a number above 0")
            return 0.0
        return float(value)

    def member(self, kind: type[EnumT], value: str, where: str) -> EnumT:
        try:
            return kind(value)
        except ValueError:
            known = ", ".join(str(item.value) for item in kind)
            self.problems.append(f"{where} is {value!r}; use one of {known}")
            return next(iter(kind))

    def known_keys(
        self, table: Mapping[str, Any], known: Iterable[str], where: str
    ) -> None:
        for key in table.keys() - set(known):
            self.problems.append(
                f"{where}.{key} is not a key we know; use one of"
                f" {', '.join(sorted(known))}"
            )


def parse_exercise(tables: Mapping[str, Any], *, origin: str) -> Exercise:
    """Build the exercise that the tables of a TOML file describe.

    Args:
        tables: What `tomllib` read.
        origin: The file's name, for the messages.

    Raises:
        ExerciseFileError: If anything is missing, unknown or contradicts itself.
    """
    reader = _Reader()
    reader.known_keys(
        tables, ("exercise", "worker", "limits", "promises", "checks"), "file"
    )
    head = reader.take(tables, "exercise", dict, "file")
    texts = {
        key: reader.take(head, key, kind, "exercise")
        for key, kind in _EXERCISE_KEYS.items()
    }
    limits = _limits(
        reader, reader.optional(tables, "limits", {}, "file"), Limits(), "limits"
    )
    worker = reader.optional(tables, "worker", {}, "file")
    reader.known_keys(worker, ("preload", "virtual_time"), "worker")
    virtual_time = reader.optional(worker, "virtual_time", False, "worker")  # noqa: FBT003 - a default value
    exercise = Exercise(
        **texts,
        preload=reader.texts(worker, "preload", [], "worker"),
        virtual_time=virtual_time,
        promises=tuple(
            _promise(reader, table, f"promises[{n}]")
            for n, table in enumerate(reader.tables(tables, "promises", "file"))
        ),
        checks=tuple(
            _check(reader, table, limits, f"checks[{n}]", virtual_time=virtual_time)
            for n, table in enumerate(reader.tables(tables, "checks", "file"))
        ),
    )
    problems = reader.problems or list(_contradictions(exercise))
    if problems:
        raise ExerciseFileError(origin, problems)
    return exercise


def _limits(
    reader: _Reader, table: Mapping[str, Any], default: Limits, where: str
) -> Limits:
    kinds = {f.name: getattr(default, f.name) for f in dataclasses.fields(Limits)}
    reader.known_keys(table, kinds, where)
    chosen = {}
    for key in kinds.keys() & table.keys():
        value, kind = table[key], type(kinds[key])
        if not _is_usable(value):
            reader.problems.append(f"{where}.{key} is {value!r}; give a number above 0")
        elif kind is int and value != int(value):
            reader.problems.append(f"{where}.{key} is {value!r}; give a whole number")
        else:
            chosen[key] = kind(value)
    return dataclasses.replace(default, **chosen)


def _promise(reader: _Reader, table: Mapping[str, Any], where: str) -> Promise:
    reader.known_keys(table, ("id", "text"), where)
    return Promise(
        id=reader.take(table, "id", int, where),
        text=reader.take(table, "text", str, where),
    )


def _check(
    reader: _Reader,
    table: Mapping[str, Any],
    limits: Limits,
    where: str,
    *,
    virtual_time: bool,
) -> Check:
    reader.known_keys(table, _CHECK_KEYS, where)
    text = {key: reader.take(table, key, str, where) for key in _CHECK_TEXTS}
    visibility = reader.optional(table, "visibility", "visible", where)
    if visibility not in {"visible", "hidden"}:
        reader.problems.append(
            f"{where}.visibility is {visibility!r}; use visible or hidden"
        )
    return Check(
        id=text["id"],
        category=reader.member(Category, text["category"], f"{where}.category"),
        title=text["title"],
        learning=text["learning"],
        question=text["question"],
        promise=reader.take(table, "promise", int, where),
        points=reader.number(table, "points", where),
        needs=reader.texts(table, "needs", [], where),
        hidden=visibility == "hidden",
        quiet=reader.optional(table, "quiet", False, where),  # noqa: FBT003 - a default value
        takes_s=reader.number({"takes_s": SHORT_S, **table}, "takes_s", where),
        virtual_time=reader.optional(table, "virtual_time", virtual_time, where),
        evidence=tuple(
            reader.member(Evidence, name, f"{where}.evidence")
            for name in reader.texts(table, "evidence", ["values"], where)
        ),
        limits=_limits(
            reader,
            reader.optional(table, "limits", {}, where),
            limits,
            f"{where}.limits",
        ),
    )


def _contradictions(exercise: Exercise) -> Iterable[str]:
    """Say what no single key shows: clashes, dangling names, points that do not add up."""
    if not re.fullmatch(r"ex\d+", exercise.id):
        yield f"exercise.id is {exercise.id!r}; write ex and a number, as in ex3"
    for what, names in (
        ("promises", [str(p.id) for p in exercise.promises]),
        ("checks", [c.id for c in exercise.checks]),
    ):
        for name, count in Counter(names).items():
            if count > 1:
                yield f"{what}: id {name} is used {count} times; give each its own"
    promised = {promise.id for promise in exercise.promises}
    judged = {check.promise for check in exercise.checks}
    for number in sorted(promised - judged):
        yield f"promises: no check judges promise {number}; add one or drop the promise"
    ids = [check.id for check in exercise.checks]
    for check in exercise.checks:
        yield from _check_contradictions(check, promised, ids)
    # Close to, because thirds and tenths of a point do not add up exactly.
    if not math.isclose(exercise.max_score, 100):
        yield f"checks: the points add up to {exercise.max_score:g}; make it 100"


def _check_contradictions(
    check: Check, promised: set[int], ids: list[str]
) -> Iterable[str]:
    if check.promise not in promised:
        yield (
            f"check {check.id}: promise {check.promise} does not exist; use one of"
            f" {', '.join(map(str, sorted(promised)))}"
        )
    for needed in check.needs:
        # Order is the proof that there is no cycle.
        if needed not in ids[: ids.index(check.id)]:
            yield f"check {check.id}: needs {needed}, which must stand before it"
    if not AWARDING_EVIDENCE & set(check.evidence):
        yield (
            f"check {check.id}: evidence {[e.value for e in check.evidence]} may not"
            " award points alone; add effects, values or history"
        )


def _kind_name(kind: Any) -> str:
    names = {str: "a text", int: "a whole number", list: "a list", dict: "a table"}
    return names.get(kind, "true or false" if kind is bool else "a number")


def _is_usable(value: object) -> bool:
    """Whether a value is a number that limits and points can be."""
    return (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and 0 < value < _LARGEST
    )


def _neutral(kind: Any) -> Any:
    """A value to go on with after a problem was noted, so that all are found."""
    return kind() if isinstance(kind, type) else 0
