"""Demands: what must hold, and the exceptions that say that it does not."""

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NoReturn

from racecourse.model.result import Stack
from racecourse.model.verdict import Cause

if TYPE_CHECKING:
    from racecourse.checks.virtual_run import VirtualRun

_SHOWN_ITEMS = 5


class Broken(Exception):  # noqa: N818 - a judgement, not an error
    """The submission broke the promise; `saw` says what was seen, with numbers."""

    def __init__(
        self,
        saw: str,
        *,
        cause: Cause = Cause.WRONG_RESULT,
        details: Sequence[str] = (),
        stacks: tuple[Stack, ...] = (),
        replay: str = "",
    ) -> None:
        super().__init__(saw)
        self.saw, self.cause = saw, cause
        self.details, self.stacks, self.replay = tuple(details), stacks, replay


class NotMeasurable(Exception):  # noqa: N818 - an honest answer
    """This machine cannot decide the check; its points move inside the category."""


class _Must:
    """Demands that raise `Broken`. Values are compared with their types: True is not 1."""

    def hold(self, condition: object, saw: str, **how: Any) -> None:
        """Demand a condition; `saw` is the sentence for the student if it is false."""
        if not condition:
            raise Broken(saw, **how)

    def fail(self, saw: str, **how: Any) -> NoReturn:
        """Fail the check with this sentence."""
        raise Broken(saw, **how)

    def equal(self, seen: Any, wanted: Any, *, what: str) -> None:
        """Demand the same plain value of the same type."""
        if not same(seen, wanted):
            raise Broken(f"{what}: got {shorten(seen)}, expected {shorten(wanted)}.")

    def have_same_items(self, seen: Any, wanted: Sequence[Any], *, what: str) -> None:
        """Demand the same items in any order, each as often as wanted."""
        if not isinstance(seen, list):
            raise Broken(f"{what}: got {shorten(seen)}, expected a list.")
        there, due = Counter(map(_key, seen)), Counter(map(_key, wanted))
        lost, extra = due - there, there - due
        if not lost and not extra:
            return
        parts = [f"{what}: {len(wanted)} expected, {len(seen)} came out"]
        if lost:
            parts.append(f"{lost.total()} lost (such as {_some(lost)})")
        if extra:
            parts.append(f"{extra.total()} too many (such as {_some(extra)})")
        raise Broken("; ".join(parts) + ".")

    def be_within(self, seen: Any, low: float, high: float, *, what: str) -> None:
        """Demand a number between two bounds, both included."""
        if isinstance(seen, bool) or not isinstance(seen, int | float):
            raise Broken(f"{what}: got {shorten(seen)}, expected a number.")
        if not low <= seen <= high:
            raise Broken(
                f"{what}: {seen:.4g}; it must lie between {low:g} and {high:g}."
            )

    def be_silent(self, seen: "VirtualRun") -> None:
        """Demand that asyncio had nothing to complain about in a virtual run."""
        noise = (*seen.reports, *seen.never_awaited)
        if noise:
            times = f"{len(noise)} times: " if len(noise) > 1 else ""
            raise Broken(f"asyncio complained {times}{shorten(noise[0])}.")

    def leave_no_task(self, seen: "VirtualRun", *, after: str) -> None:
        """Demand that no asyncio task was alive when a virtual run had settled."""
        if left := len(seen.leftovers):
            tasks = f"{left} asyncio task{'s were' if left > 1 else ' was'}"
            raise Broken(
                f"{tasks} still alive after {after}.",
                cause=Cause.LEFT_BEHIND,
                stacks=seen.leftovers,
            )


must = _Must()


def same(seen: Any, wanted: Any) -> bool:
    """Compare plain values strictly: types count, in every corner of the value."""
    return bool(_key(seen) == _key(wanted))


def _key(value: Any) -> Any:
    if isinstance(value, dict):
        return ("dict", frozenset((k, _key(v)) for k, v in value.items()))
    if isinstance(value, list | tuple):
        return ("list", tuple(map(_key, value)))  # JSON knows no tuple
    return (type(value).__name__, value)


def _plain(key: Any) -> Any:
    kind, value = key
    if kind == "dict":
        return {k: _plain(v) for k, v in value}
    return [_plain(item) for item in value] if kind == "list" else value


def _some(items: Counter[Any]) -> str:
    shown = [shorten(_plain(item), 40) for item in list(items)[:_SHOWN_ITEMS]]
    return ", ".join(shown) + (", ..." if len(items) > len(shown) else "")


def shorten(value: Any, chars: int = 160) -> str:
    """Return the value as one short line."""
    text = repr(value)
    return text if len(text) <= chars else f"{text[: chars - 4]} ..."
