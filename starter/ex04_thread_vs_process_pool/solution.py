"""Exercise 4: a list of tasks, for threads and for processes, each where it belongs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

Where = Literal["thread", "process"]


@dataclass(frozen=True)
class Task:
    """A call to be made.

    Attributes:
        name: Unlike the names of all other tasks of the same call.
        fn: What is called.
        args: With these arguments.
        kind: What it mostly does: compute, wait, or nobody knows.
    """

    name: str
    fn: Callable[..., Any]
    args: tuple = ()
    kind: Literal["cpu", "io", "auto"] = "auto"


@dataclass(frozen=True)
class Outcome:
    """What became of a task.

    Attributes:
        name: The name of the task.
        ok: Whether it returned.
        value: What it returned.
        error: What it raised, or why it has no value.
        executor: Where it ran; None if it was never started.
    """

    name: str
    ok: bool
    value: Any = None
    error: BaseException | None = None
    executor: Where | None = None


@dataclass(frozen=True)
class Comparison:
    """Both executors, by the wall clock.

    Attributes:
        thread_seconds: For all tasks, with the start and the end of the pool.
        process_seconds: For the tasks that can be sent to a process; None if none can.
        faster: Which of the two took less time.
        outcomes: Of the faster run, in the order of the tasks; those of the threads for
            tasks that cannot be sent to a process.
    """

    thread_seconds: float
    process_seconds: float | None
    faster: Where
    outcomes: list[Outcome]


def run_with(
    executor: Where, tasks: Sequence[Task], max_workers: int = 4
) -> list[Outcome]:
    """Run all tasks in one executor; return their outcomes in the order of the tasks.

    Args:
        executor: "thread" or "process".
        tasks: What to run. One that cannot be sent to a process has an error there.
        max_workers: How many run at the same time, as long as there are enough.

    Raises:
        ValueError: If the executor is unknown, `max_workers` is below 1, or a name comes
            twice.
    """
    raise NotImplementedError


def compare(tasks: Sequence[Task], max_workers: int = 4) -> Comparison:
    """Run all tasks in threads, then all that can be sent to a process in processes.

    Args:
        tasks: What to run.
        max_workers: How many run at the same time, as long as there are enough.

    Raises:
        ValueError: If `max_workers` is below 1, or a name comes twice.
    """
    raise NotImplementedError


def choose_executor(task: Task) -> Where:
    """Return where a task belongs: what computes to a process, what waits to a thread.

    What cannot be sent to a process belongs to a thread. For the kind "auto" there is a
    rule of yours, which may run the task as a sample.
    """
    raise NotImplementedError


def process_all(
    tasks: Sequence[Task], max_workers: int = 4, *, timeout: float | None = None
) -> list[Outcome]:
    """Run every task once, where it belongs; return the outcomes in the order of the tasks.

    Tasks of the kind "auto" that share a function may be decided by one sample, which is a
    run: its value is the task's.

    Args:
        tasks: What to run.
        max_workers: How many run at the same time in each of the two executors.
        timeout: Seconds for the whole call. Then what has not been started never is, and
            what runs has a `TimeoutError`; its process is ended, its thread left alone.

    Raises:
        ValueError: If `max_workers` is below 1, or a name comes twice.
    """
    raise NotImplementedError
