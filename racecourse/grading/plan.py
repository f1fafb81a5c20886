"""Which check runs next. Pure: ids in, ids out.

List scheduling (Graham, "Bounds on Multiprocessing Timing Anomalies", 1969): whoever is
free takes the ready check that heads the longest chain of checks which wait for one
another. How long a check takes, about, its exercise says.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from racecourse.model.exercise import Check
from racecourse.model.result import CheckResult, not_reached
from racecourse.model.verdict import Verdict


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The checks of a run in order, and those that are judged whatever came before."""

    checks: tuple[Check, ...]
    always: frozenset[str] = frozenset()

    def unreachable(self, results: Mapping[str, CheckResult]) -> list[CheckResult]:
        """Return results for checks that would only repeat a failure we have seen."""
        planned = {check.id for check in self.checks}
        return [
            not_reached(check.id, _because(blocker, self.checks))
            for check in self.checks
            if check.id not in results and check.id not in self.always
            for blocker in [
                n for n in check.needs if n in planned and _failed(n, results)
            ][:1]
        ]

    def ready(
        self, results: Mapping[str, CheckResult], running: Iterable[str]
    ) -> Check | None:
        """Return the next check that may start now, or None.

        Those that others wait for come first, then those that take long. A check waits for
        those it needs. A quiet check waits until it is alone, and goes after all that are
        not quiet; nothing starts beside it.
        """
        busy = set(running)
        if any(check.quiet for check in self.checks if check.id in busy):
            return None
        left = [c for c in self.checks if c.id not in results and c.id not in busy]
        startable = [c for c in left if self._may_start(c, results)]
        loud = [c for c in startable if not c.quiet]
        if loud:
            return max(loud, key=lambda check: self._chains[check.id])
        return startable[0] if startable and not busy else None

    @cached_property
    def _chains(self) -> dict[str, float]:
        """How long the longest chain is that begins with each check, in seconds."""
        lengths: dict[str, float] = {}
        for check in reversed(self.checks):  # what needs a check comes after it
            after = (lengths[c.id] for c in self.checks if check.id in c.needs)
            lengths[check.id] = check.takes_s + max(after, default=0.0)
        return lengths

    def _may_start(self, check: Check, results: Mapping[str, CheckResult]) -> bool:
        planned = {c.id for c in self.checks}
        waits_for = [n for n in check.needs if n in planned and n not in results]
        return check.id in self.always or not waits_for


def _failed(check_id: str, results: Mapping[str, CheckResult]) -> bool:
    return check_id in results and results[check_id].verdict is Verdict.FAILED


def _because(check_id: str, checks: tuple[Check, ...]) -> str:
    title = next(check.title for check in checks if check.id == check_id)
    return (
        f"Not judged, because {check_id} failed ({title.rstrip('.')}). Mend that first."
    )
