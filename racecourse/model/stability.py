"""A series of gradings of one submission."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """How often the same verdicts came out, and how long it took."""

    exercise: str
    name: str
    load: str
    runs: int
    alike: int  # runs with the usual verdicts
    usual: str  # the verdicts that came most often
    others: tuple[tuple[str, int], ...]  # the rest, with how often each came
    median_s: float
    worst_s: float

    @property
    def stable(self) -> bool:
        """Whether every run had the same verdicts."""
        return self.alike == self.runs
