"""What an exploration of schedules in the worker claims."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from racecourse.model.verdict import Cause

_CAUSES = {
    "assertion": Cause.RACE,
    "exception": Cause.RACE,
    "deadlock": Cause.DEADLOCK,
    "livelock": Cause.HANG,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Exploration:
    """The end of one search. A failing schedule is proof; none found is a claim (T3)."""

    cause: Cause | None  # None: no schedule failed
    message: str  # what did not hold
    statement: str  # what was tried, as one may claim it
    lines: tuple[str, ...]  # the failing schedule, step by step
    canaries: bool  # a known race was found, and its repair passed, in the same worker
    token: str = ""  # the engine's, for the failing schedule
    explored: bool = (
        True  # False: the engine could not run the program, and claims nothing
    )
    fits: bool = True  # False: the token that was to be repeated is one of another text

    @classmethod
    def from_plain(cls, plain: Any) -> "Exploration":
        """Rebuild an exploration from what a worker sent.

        Raises:
            ValueError: If it is something else; only the submission can do that.
        """
        if not isinstance(plain, Mapping):
            raise ValueError("not an exploration")  # noqa: TRY004 - one kind for the caller
        kind = plain.get("kind")
        return cls(
            cause=_CAUSES[kind] if isinstance(kind, str) and kind in _CAUSES else None,
            message=str(plain.get("message", "")),
            statement=str(plain.get("statement", "")),
            lines=tuple(map(str, plain.get("lines") or ())),
            canaries=plain.get("canaries") is True,
            token=str(plain.get("token") or ""),
            explored=plain.get("explored") is not False,
            fits=plain.get("fits") is not False,
        )
