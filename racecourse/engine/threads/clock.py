"""The virtual clock: integer nanoseconds that pass when nobody can run.

It also creeps: each reading takes `READING_NS`. A loop that polls the time would
otherwise wait for ever for a clock that waits for the loop.
"""

from __future__ import annotations

EPOCH_NS = 1_000_000_000_000
"""Where the clock starts: not 0, which programs like to mean "never"."""

READING_NS = 1_000
NS_PER_S = 1_000_000_000


class VirtualClock:
    """Time as the program sees it."""

    __slots__ = ("now_ns",)

    def __init__(self) -> None:
        self.now_ns = EPOCH_NS

    def read_ns(self) -> int:
        """Return the time, a little later with every call."""
        self.now_ns += READING_NS
        return self.now_ns

    def deadline_ns(self, delay_s: float) -> int:
        """Return the moment `delay_s` from now; a delay below 0 is none."""
        return self.now_ns + max(0, round(delay_s * NS_PER_S))

    def advance_to(self, moment_ns: int) -> None:
        """Let time pass up to a moment; never back."""
        self.now_ns = max(self.now_ns, moment_ns)
