"""What `grade demo` grades: the reference, and submissions that are wrong on purpose."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import racecourse
from racecourse.grading.catalogue import Content
from racecourse.grading.run import Options

EXERCISE = "ex3"
_SEED = 3  # any would do; the same every time, so that two demos can be compared
_HANG_BUDGET_S = 2.0  # nobody wants to watch a hang for longer


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A shipped submission, how to grade it, and what it shows."""

    says: str
    content: Content
    path: Path
    options: Options


def examples(content: Content) -> Iterator[Example]:
    """Yield the shipped submissions to the demo's exercise.

    Together they take a small part of a minute: the wrong ones are judged by the few
    checks that show most, once, and with a short budget.
    """
    yield Example(
        says="1. The reference: a right solution.",
        content=content,
        path=content.reference,
        options=Options(seed=_SEED),
    )
    yield _wrong("2. A race: a counter without a lock.", "racy", content, "C1", "R2")
    hasty = _hasty(content)
    yield _wrong("3. A hang: one end mark for many consumers.", "hanging", hasty, "C1")
    yield _wrong("4. An attack: it claims full marks and goes.", "hostile", hasty, "C1")


def _wrong(says: str, name: str, content: Content, *only: str) -> Example:
    return Example(
        says=says,
        content=content,
        path=Path(racecourse.__file__).parent / "demo" / f"{name}.py",
        options=Options(seed=_SEED, only=only, confirm=False),
    )


def _hasty(content: Content) -> Content:
    """Return the exercise with a short budget for every check."""
    checks = tuple(
        replace(check, limits=replace(check.limits, wall_s=_HANG_BUDGET_S))
        for check in content.exercise.checks
    )
    return replace(content, exercise=replace(content.exercise, checks=checks))
