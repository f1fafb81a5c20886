"""Memory of a worker's whole tree, seen from outside while something runs (tool T10).

A submission that measures memory is judged by what the supervisor saw of the same
processes in the same seconds, never by a second reading of its own:

    with MemoryWatch(submission) as memory:
        claim = submission.call("measured")
    must.be_within(claim, 0.6 * memory.rise_mib, 1.8 * memory.rise_mib, what="...")

Pages that several processes of the tree share are counted once where the system tells
(Linux: the proportional size); elsewhere a pool of forked workers looks a little larger
than it is. The watch looks fifty times a second: what is held for a shorter time can be
missed, so hold it at a gate and ask for `level_mib` then. Each look walks the page tables
of the whole tree, about 2 ms for 100 MiB: where gates hold everything, look less often.
"""

import threading
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from racecourse.checks.submission import Submission

_LOOK_EVERY_S = 0.02


class MemoryWatch:
    """Looks at the memory of a submission's worker and all its children, in a block.

    Args:
        submission: Whose worker; started if it is not yet.
        look_every_s: Seconds between two looks.

    Attributes:
        before_mib: The level when the block began, in MiB.
        peak_mib: The highest level seen since, in MiB.
    """

    def __init__(
        self, submission: "Submission", *, look_every_s: float = _LOOK_EVERY_S
    ) -> None:
        self._worker = submission.worker
        self._look_every_s = look_every_s
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._looking = threading.Lock()
        self.before_mib = self.peak_mib = 0.0

    @property
    def rise_mib(self) -> float:
        """How far the level rose above the first one, in MiB."""
        return self.peak_mib - self.before_mib

    def level_mib(self) -> float:
        """Look now, and return the level in MiB; the peak knows of it too."""
        level_mib = self._worker.memory_mib()
        with self._looking:
            self.peak_mib = max(self.peak_mib, level_mib)
        return level_mib

    def __enter__(self) -> Self:
        self.before_mib = self.level_mib()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(self._look_every_s):
            self.level_mib()
