"""What verifying the course found out."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What came of one submission whose outcome was known beforehand.

    Without problems it is as it should be.
    """

    exercise: str
    name: str
    kind: str  # reference, starter, mutant, alternative
    problems: tuple[str, ...]
    failed: tuple[str, ...]  # checks that were judged and failed
    score: float
    seconds: float
