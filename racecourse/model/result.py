"""What one check found out."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from racecourse.model.verdict import Cause, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceLine:
    """A place in the student's file."""

    file: str
    line: int
    function: str = ""
    code: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """Where one thread, task or process stood, innermost call last."""

    name: str
    lines: tuple[SourceLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What was seen, in words for the student. No hidden input, no frame of ours."""

    saw: str  # one or two sentences with numbers
    details: tuple[str, ...] = ()  # table rows, schedules, tracebacks, as lines
    stacks: tuple[Stack, ...] = ()
    replay: str = ""  # token of `grade replay` that repeats the very schedule


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """How one check ended. `cause` is set exactly when the verdict is FAILED."""

    check_id: str
    verdict: Verdict
    cause: Cause | None = None
    finding: Finding = dataclasses.field(default_factory=lambda: Finding(saw=""))
    seconds: float = 0.0  # wall time, for information
    output: str = ""  # the first of what the submission printed; empty if hidden

    def __post_init__(self) -> None:
        if (self.verdict is Verdict.FAILED) != (self.cause is not None):
            raise ValueError(f"{self.verdict} with cause {self.cause}")

    def to_plain(self) -> dict[str, Any]:
        """Return the result as plain JSON types."""
        plain = dataclasses.asdict(self)
        plain["verdict"] = self.verdict.value
        plain["cause"] = self.cause.value if self.cause else None
        return plain

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> "CheckResult":
        """Rebuild a result from `to_plain`, as the journal and the lanes carry it."""
        finding = dict(plain["finding"])
        stacks = tuple(
            Stack(
                name=s["name"], lines=tuple(SourceLine(**line) for line in s["lines"])
            )
            for s in finding.pop("stacks")
        )
        details = tuple(finding.pop("details"))
        return cls(
            check_id=plain["check_id"],
            verdict=Verdict(plain["verdict"]),
            cause=Cause(plain["cause"]) if plain["cause"] else None,
            finding=Finding(**finding, stacks=stacks, details=details),
            seconds=plain["seconds"],
            output=plain["output"],
        )


def not_reached(check_id: str, because: str) -> CheckResult:
    """The result of a check that would only repeat an earlier failure."""
    return CheckResult(
        check_id=check_id,
        verdict=Verdict.FAILED,
        cause=Cause.NOT_REACHED,
        finding=Finding(saw=because),
    )
