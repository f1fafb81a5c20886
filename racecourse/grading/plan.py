"""Which check runs next. Pure: ids in, ids out.

List scheduling (Graham, "Bounds on Multiprocessing Timing Anomalies", 1969): whoever is
free takes the ready check that heads the longest chain of checks which wait for one
another. How long a check takes, about, its exercise says. As long as everything comes out
well nobody stands idle: a check may begin while those that it needs are being judged, and
its result counts only if none of them fails.
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
        those it needs; if there is nothing else to do, and all is well so far, only until
        they are being judged. A quiet check waits until it is alone, and goes after all that
        are not quiet; nothing starts beside it.

        Args:
            results: What is known.
            running: Checks that are being judged, or were and do not count yet.
        """
        busy = set(running)
        if any(check.quiet for check in self.checks if check.id in busy):
            return None
        left = [c for c in self.checks if c.id not in results and c.id not in busy]
        may_lack = busy if _all_is_well(results) else set()
        loud = [c for c in left if not c.quiet and self._lacks(c, results) <= may_lack]
        if loud:
            return max(loud, key=lambda check: self._rank(check, results))
        quiet = [c for c in left if c.quiet and not self._lacks(c, results)]
        return quiet[0] if quiet and not busy else None

    def counts(self, check_id: str, results: Mapping[str, CheckResult]) -> bool:
        """Whether nothing is open any more on which the result of a check depends."""
        return not self._lacks(self._by_id[check_id], results)

    def _rank(
        self, check: Check, results: Mapping[str, CheckResult]
    ) -> tuple[bool, float]:
        return not self._lacks(check, results), self._chains[check.id]

    @cached_property
    def _chains(self) -> dict[str, float]:
        """How long the longest chain is that begins with each check, in seconds."""
        lengths: dict[str, float] = {}
        for check in reversed(self.checks):  # what needs a check comes after it
            after = (lengths[c.id] for c in self.checks if check.id in c.needs)
            lengths[check.id] = check.takes_s + max(after, default=0.0)
        return lengths

    def _lacks(self, check: Check, results: Mapping[str, CheckResult]) -> set[str]:
        """Return the checks that it needs and that have no result yet."""
        if check.id in self.always:
            return set()
        return {n for n in check.needs if n in self._by_id and n not in results}

    @cached_property
    def _by_id(self) -> dict[str, Check]:
        return {check.id: check for check in self.checks}


def _all_is_well(results: Mapping[str, CheckResult]) -> bool:
    """Whether something has passed and nothing has failed."""
    seen = {result.verdict for result in results.values()}
    return Verdict.PASSED in seen and Verdict.FAILED not in seen


def _failed(check_id: str, results: Mapping[str, CheckResult]) -> bool:
    return check_id in results and results[check_id].verdict is Verdict.FAILED


def _because(check_id: str, checks: tuple[Check, ...]) -> str:
    title = next(check.title for check in checks if check.id == check_id)
    return (
        f"Not judged, because {check_id} failed ({title.rstrip('.')}). Mend that first."
    )
