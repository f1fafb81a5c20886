"""After a faster run by processes, a task that failed there keeps the outcome of the threads.

Caught by: C5
"""

import pickle
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import (
    FIRST_COMPLETED,
    CancelledError,
    Executor,
    Future,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
    wait,
)
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from typing import Any, Literal

Where = Literal["thread", "process"]

# A task that computes for more than this part of its time is a matter of the processor.
# On a busy machine it gets its share late, so the bar is low: who sleeps is far below.
_COMPUTING = 0.2


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
    if executor not in _CREWS:
        raise ValueError(f"executor must be 'thread' or 'process', not {executor!r}")
    _check(tasks, max_workers)
    crew = _CREWS[executor](max_workers)
    outcomes = {}
    for task in tasks:
        if executor == "process" and not _can_travel(task):
            error = pickle.PicklingError(f"{task.name} cannot be sent to a process")
            outcomes[task.name] = Outcome(task.name, ok=False, error=error)
        else:
            crew.waiting.append(task)
    outcomes |= _run([crew])
    return [outcomes[task.name] for task in tasks]


def compare(tasks: Sequence[Task], max_workers: int = 4) -> Comparison:
    """Run all tasks in threads, then all that can be sent to a process in processes.

    Args:
        tasks: What to run.
        max_workers: How many run at the same time, as long as there are enough.

    Raises:
        ValueError: If `max_workers` is below 1, or a name comes twice.
    """
    _check(tasks, max_workers)
    by_thread, thread_s = _timed("thread", tasks, max_workers)
    travellers = [task for task in tasks if _can_travel(task)]
    if not travellers:
        return Comparison(thread_s, None, "thread", by_thread)
    by_process, process_s = _timed("process", travellers, max_workers)
    if thread_s <= process_s:
        return Comparison(thread_s, process_s, "thread", by_thread)
    there = {outcome.name: outcome for outcome in by_process if outcome.ok}
    outcomes = [there.get(outcome.name, outcome) for outcome in by_thread]
    return Comparison(thread_s, process_s, "process", outcomes)


def choose_executor(task: Task) -> Where:
    """Return where a task belongs: what computes to a process, what waits to a thread.

    What cannot be sent to a process belongs to a thread. For the kind "auto" there is a
    rule of yours, which may run the task as a sample.
    """
    if not _can_travel(task):
        return "thread"
    if task.kind == "auto":
        return _sample(task)[1]
    return "process" if task.kind == "cpu" else "thread"


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
    _check(tasks, max_workers)
    # Processes first: a process is best forked before there are threads.
    crews = {where: crew(max_workers) for where, crew in _CREWS.items()}
    # Of those that share a function, the first one is the sample. It runs in a thread,
    # and the others go where its times say.
    groups: dict[int, list[Task]] = {}
    for task in tasks:
        if task.kind == "auto" and _can_travel(task):
            groups.setdefault(id(task.fn), []).append(task)
        else:
            crews[choose_executor(task)].waiting.append(task)
    crews["thread"].waiting.extend(group[0] for group in groups.values())
    undecided = {group[0].name: group[1:] for group in groups.values()}

    def decide(sample: str, where: Where) -> None:
        crews[where].waiting.extend(undecided.pop(sample, ()))

    outcomes = _run(crews.values(), timeout=timeout, decide=decide)
    for group in undecided.values():
        outcomes |= {task.name: _never_started(task) for task in group}
    return [outcomes[task.name] for task in tasks]


def _check(tasks: Sequence[Task], max_workers: int) -> None:
    if max_workers < 1:
        raise ValueError(f"there must be at least 1 worker, not {max_workers}")
    if len({task.name for task in tasks}) < len(tasks):
        raise ValueError("each task must have a name of its own")


def _can_travel(task: Task) -> bool:
    try:
        pickle.dumps(task)
    except Exception:  # noqa: BLE001 - an object may object in any way it likes
        return False
    return True


def _timed(
    executor: Where, tasks: Sequence[Task], max_workers: int
) -> tuple[list[Outcome], float]:
    begun = time.perf_counter()
    outcomes = run_with(executor, tasks, max_workers)
    return outcomes, time.perf_counter() - begun


def _attempt(task: Task) -> Outcome:
    """Run a task here and now."""
    try:
        value = task.fn(*task.args)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is the outcome
        return Outcome(task.name, ok=False, error=error)
    return Outcome(task.name, ok=True, value=value)


def _sample(task: Task) -> tuple[Outcome, Where]:
    """Run a task here and now, and say where its like belongs."""
    wall_s, cpu_s = time.perf_counter(), time.thread_time()
    outcome = _attempt(task)
    wall_s, cpu_s = time.perf_counter() - wall_s, time.thread_time() - cpu_s
    return outcome, "process" if cpu_s > _COMPUTING * wall_s else "thread"


def _attempt_and_pack(task: Task) -> tuple[Outcome, Where]:
    """Run a task in a process; return what is sure to arrive."""
    outcome = _attempt(task)
    try:
        # There and back: an exception can be pickled and still not be unpickled, and
        # one that cannot be breaks the pool it arrives in.
        pickle.loads(pickle.dumps(outcome))  # noqa: S301 - our own bytes
    except Exception as why:  # noqa: BLE001 - as above
        lost = outcome.value if outcome.ok else outcome.error
        error = RuntimeError(
            f"{type(lost).__name__} cannot be sent back: {lost} ({why})"
        )
        outcome = Outcome(task.name, ok=False, error=error)
    return outcome, "process"


def _never_started(task: Task) -> Outcome:
    return Outcome(task.name, ok=False, error=CancelledError("not started in time"))


def _run(
    crews: Iterable["_Crew"],
    *,
    timeout: float | None = None,
    decide: Callable[[str, Where], None] = lambda *_: None,
) -> dict[str, Outcome]:
    """Run what waits for the crews; return the outcomes by the names of the tasks.

    Args:
        crews: Who runs what.
        timeout: Seconds, after which the rest is given up.
        decide: Told the name of every task that has ended, and where its like belongs.
    """
    crews = list(crews)
    deadline = float("inf") if timeout is None else time.monotonic() + timeout
    outcomes: dict[str, Outcome] = {}
    complete = False
    try:
        while any(crew.busy for crew in crews):
            left_s = deadline - time.monotonic()
            if left_s <= 0:
                break
            for crew in crews:
                crew.hand_out()
            running = [future for crew in crews for future in crew.running]
            wait(running, None if timeout is None else left_s, FIRST_COMPLETED)
            for crew in crews:
                for outcome, where in crew.collect():
                    outcomes[outcome.name] = outcome
                    decide(outcome.name, where)
        complete = not any(crew.busy for crew in crews)
        for crew in crews:
            outcomes |= crew.given_up()
    finally:
        for crew in crews:
            crew.close(abandon=not complete)
    return outcomes


class _Crew:
    """So many workers of one kind, the tasks that wait for them, and those they run."""

    where: Where

    def __init__(self, size: int) -> None:
        self.waiting: deque[Task] = deque()
        self.running: dict[Future[tuple[Outcome, Where]], Task] = {}
        self._size = size
        self._executor: Executor | None = None

    @property
    def busy(self) -> bool:
        return bool(self.waiting or self.running)

    def hand_out(self) -> None:
        """Start as many tasks as there are free workers."""
        while self.waiting and len(self.running) < self._size:
            if not self._start(self.waiting[0]):
                break
            self.waiting.popleft()

    def collect(self) -> list[tuple[Outcome, Where]]:
        """Return what has ended, each with where its like belongs."""
        done = [future for future in self.running if future.done()]
        ended = [self._end(future, self.running.pop(future)) for future in done]
        return [
            (replace(outcome, executor=self.where), where)
            for outcome, where in filter(None, ended)
        ]

    def given_up(self) -> Mapping[str, Outcome]:
        """Return the outcomes of tasks that nobody waits for any more."""
        outcomes = {task.name: _never_started(task) for task in self.waiting}
        for task in self.running.values():
            error = TimeoutError("still running when the time was over")
            outcomes[task.name] = Outcome(
                task.name, ok=False, error=error, executor=self.where
            )
        return outcomes

    def close(self, *, abandon: bool) -> None:
        """End the workers; those that are abandoned may be in the middle of a task."""
        raise NotImplementedError

    def _start(self, task: Task) -> bool:
        """Return whether the task was started; if not, there is a reason to look around."""
        raise NotImplementedError

    def _end(
        self, future: Future[tuple[Outcome, Where]], task: Task
    ) -> tuple[Outcome, Where] | None:
        error = future.exception()
        if error is not None:  # SystemExit, or an argument that breaks on the way
            return Outcome(task.name, ok=False, error=error), self.where
        return future.result()


class _Threads(_Crew):
    """Threads: cheap, ready at once, and impossible to end from outside."""

    where = "thread"

    def _start(self, task: Task) -> bool:
        self._executor = self._executor or ThreadPoolExecutor(self._size)
        self.running[self._executor.submit(_sample, task)] = task
        return True

    def close(self, *, abandon: bool) -> None:
        if self._executor is not None:
            self._executor.shutdown(wait=not abandon)


class _Processes(_Crew):
    """Processes: each with an interpreter of its own, and any of them may die.

    A death fails every task that its pool was running, and nobody says whose fault it
    was. So all of them are run again, one alone after the other: who is alone when a
    process dies was it.
    """

    where = "process"

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self._suspects: deque[Task] = deque()
        self._is_alone = False  # whether what runs now is a suspect

    @property
    def busy(self) -> bool:
        return super().busy or bool(self._suspects)

    def hand_out(self) -> None:
        if self._is_alone or (self._suspects and self.running):
            return
        if self._suspects:
            self._is_alone = self._start(self._suspects[0])
            if self._is_alone:
                self._suspects.popleft()
        else:
            super().hand_out()

    def given_up(self) -> Mapping[str, Outcome]:
        self.running |= {Future(): task for task in self._suspects}  # they have begun
        return super().given_up()

    def close(self, *, abandon: bool) -> None:
        if self._executor is None:
            return
        if abandon:
            # From Python 3.14 on there is a public way, `kill_workers`.
            for process in list((self._executor._processes or {}).values()):  # type: ignore[attr-defined]  # noqa: SLF001
                process.kill()
        self._executor.shutdown()

    def _start(self, task: Task) -> bool:
        self._executor = self._executor or ProcessPoolExecutor(self._size)
        try:
            self.running[self._executor.submit(_attempt_and_pack, task)] = task
        except BrokenProcessPool:  # one has just died; its future tells of it
            self._bury()
            return False
        return True

    def _end(
        self, future: Future[tuple[Outcome, Where]], task: Task
    ) -> tuple[Outcome, Where] | None:
        was_alone, self._is_alone = self._is_alone, False
        if not isinstance(future.exception(), BrokenProcessPool):
            return super()._end(future, task)
        self._bury()
        if was_alone:
            return super()._end(future, task)
        self._suspects.append(task)
        return None

    def _bury(self) -> None:
        """Let go of a broken pool, when all its futures have been told."""
        if self._executor is not None:
            self._executor.shutdown()
            self._executor = None


_CREWS: dict[Where, type[_Crew]] = {"process": _Processes, "thread": _Threads}
