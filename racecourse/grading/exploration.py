"""`grade explore`: the engine on any file of the user's, in the user's own process."""

from typing import assert_never

from racecourse.engine import (
    BadTokenError,
    Budget,
    Report,
    Verdict,
    explore_file,
    replay,
)

__all__ = ["BadTokenError", "exit_code", "explore", "repeat"]


def explore(target: str, runs: int | None, seed: int | None) -> Report:
    """Explore `FILE::function`, or the function `program` of a file.

    Args:
        target: The file, and after `::` the function.
        runs: About how many executions; None: the default budget.
        seed: Seed of the random part of the search; None: the fixed one.
    """
    path, _, function = target.partition("::")
    budget = Budget.of_runs(runs) if runs else None
    if seed is None:
        return explore_file(path, function or "program", budget=budget)
    return explore_file(path, function or "program", budget=budget, seed=seed)


def repeat(token: str) -> Report:
    """Execute the schedule of a token once more.

    Raises:
        BadTokenError: If the token is damaged, or the file has changed.
    """
    return replay(token)


def exit_code(report: Report) -> int:
    """Return 0 if nothing was found, 1 for a failing schedule, 2 if it did not run."""
    match report.verdict:
        case Verdict.NOTHING_FOUND:
            return 0
        case Verdict.FAILED:
            return 1
        case Verdict.COULD_NOT_RUN | Verdict.UNREPEATABLE:
            return 2
    assert_never(report.verdict)
