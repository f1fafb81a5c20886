"""Print what the engine says of some programs: the same everywhere, or it is a bug.

Run by `test_versions.py` under several interpreters and hash seeds.
"""

from corpus import FOLDER

from racecourse.engine import Budget, explore_file

SMALL = Budget(systematic=150, sampled=40, overslept=20)
SAMPLE = (
    *("account", "bluetooth", "din_phil3", "event_cleared", "increment_global"),
    *("lost_notify", "stringbuffer", "sync02", "token_ring", "aio_task_order"),
    *("aio_cancelled_slot", "sleep_for_order", "aio_to_thread", "timer_cancel"),
    *("nested_submit", "pool_lost_result", "completion_order"),
)


def main() -> None:
    """Print one line for each function."""
    for name in SAMPLE:
        for function in ("buggy", "correct"):
            report = explore_file(FOLDER / f"{name}.py", function, budget=SMALL)
            rows = () if report.schedule is None else report.schedule.rows()
            print(name, function, report.verdict.value, report.runs, rows)  # noqa: T201
            print(report.explanation)  # noqa: T201


if __name__ == "__main__":
    main()
