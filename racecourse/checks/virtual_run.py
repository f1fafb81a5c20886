"""What a scenario did in virtual time, rebuilt from what the worker told."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from racecourse.checks.demands import Broken
from racecourse.model.result import SourceLine, Stack
from racecourse.model.verdict import Cause
from racecourse.sandbox import protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class VirtualRun:
    """What a scenario did in virtual time (tool T2), as `sandbox.virtual` told it.

    All of it comes from the worker; what awards points must also show in values drawn
    per run or in the stage's log.
    """

    returned: Any
    elapsed_s: float  # virtual
    iterations: int  # of the event loop
    stuck: Broken | None  # why the scenario could not end
    reports: tuple[str, ...]  # what the loop's exception handler was told
    leftovers: tuple[Stack, ...]  # tasks that outlived the scenario
    never_awaited: tuple[str, ...]
    blocking_sleeps: tuple[tuple[float, int], ...]  # seconds, line of the caller

    @property
    def value(self) -> Any:
        """What the scenario returned; `Broken` with each task's place if it got stuck."""
        if self.stuck is not None:
            raise self.stuck
        return self.returned

    @classmethod
    def from_plain(cls, plain: Any) -> "VirtualRun":
        """Rebuild a run from what the worker sent.

        Raises:
            ProtocolError: If it is something else; only the submission can do that.
        """
        try:
            return cls(
                returned=plain["value"],
                elapsed_s=float(plain["elapsed_s"]),
                iterations=int(plain["iterations"]),
                stuck=_stuck(plain["stuck"]) if plain["stuck"] else None,
                reports=tuple(map(str, plain["reports"])),
                leftovers=_stacks(plain["leftovers"]),
                never_awaited=tuple(map(str, plain["never_awaited"])),
                blocking_sleeps=tuple(
                    (float(sleep["seconds"]), int(sleep["line"]))
                    for sleep in plain["blocking_sleeps"]
                ),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise protocol.ProtocolError("not what a virtual run tells") from error


def _stuck(plain: Mapping[str, Any]) -> Broken:
    why = str(plain["why"])
    if plain["deadlock"]:
        return Broken(
            f"It waits for ever: {why}.",
            cause=Cause.DEADLOCK,
            stacks=_stacks(plain["stacks"]),
        )
    return Broken(
        f"It spins without getting anywhere: {why}.",
        cause=Cause.HANG,
        stacks=_stacks(plain["stacks"]),
    )


def _stacks(plain: Sequence[Mapping[str, Any]]) -> tuple[Stack, ...]:
    return tuple(
        Stack(
            name=str(stack["name"]),
            lines=tuple(SourceLine(**line) for line in stack["lines"]),
        )
        for stack in plain
    )
