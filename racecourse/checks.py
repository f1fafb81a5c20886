"""Everything a hidden grader needs: the one module that graders import.

A grader is a pytest test that runs in the trusted supervisor. It never sees the
submission itself; it asks a worker to run scenarios beside it and judges the plain
values that come back, what the stage saw, and what can be seen of the processes.

    @check("C1")
    def test_every_item_is_consumed_once(submission, draw):
        items = draw.sample(range(1000), 20)
        seen = submission.call("thread_pipeline", items=items)
        must.have_same_items(seen["results"], items, what="results")

A check that raises nothing has passed. `Broken` (which every `must` raises) fails it;
so do the sandbox's own exceptions for a submission that raised, hung, died or broke a
limit. Any other exception is the grader's fault and costs nobody a point.
"""

import contextlib
import multiprocessing
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from time import monotonic, sleep, thread_time  # noqa: TID251 - looks from outside, each explained
from typing import Any, NoReturn, TypeVar

import pytest

from racecourse.measure.speedup import JobEdge, modelled_speedup
from racecourse.model.exercise import Check, Exercise
from racecourse.model.exploration import Exploration
from racecourse.model.result import SourceLine, Stack
from racecourse.model.verdict import Cause
from racecourse.sandbox import protocol
from racecourse.sandbox.launcher import (
    Died,
    Hung,
    Lane,
    LimitPassed,
    Payload,
    Raised,
    Worker,
)
from racecourse.sandbox.stage_host import Event, StageHost

__all__ = [
    "Broken",
    "Cause",
    "Event",
    "Hung",
    "NotMeasurable",
    "Pending",
    "Raised",
    "StageHost",
    "Submission",
    "VirtualRun",
    "check",
    "cpu_shares",
    "high_water",
    "must",
    "speedup_of",
    "start_methods",
    "told_with_stall",
]

F = TypeVar("F", bound=Callable[..., object])
_A_LOOK_NOW_AND_THEN = 0.04  # of a core: what a look twenty times a second may cost
_SETTLE_S = 2.0  # how long something may take to go away after a call returned
_LOOK_EVERY_S = 0.02
_LOAD_WITHIN_S = 10.0
_SHOWN_ITEMS = 5


def check(check_id: str) -> Callable[[F], F]:
    """Mark a test as the judge of the check with this id in `exercise.toml`."""
    return pytest.mark.check(check_id)


class Broken(Exception):  # noqa: N818 - a judgement, not an error
    """The submission broke the promise; `saw` says what was seen, with numbers."""

    def __init__(
        self,
        saw: str,
        *,
        cause: Cause = Cause.WRONG_RESULT,
        details: Sequence[str] = (),
        stacks: tuple[Stack, ...] = (),
        replay: str = "",
    ) -> None:
        super().__init__(saw)
        self.saw, self.cause = saw, cause
        self.details, self.stacks, self.replay = tuple(details), stacks, replay


class NotMeasurable(Exception):  # noqa: N818 - an honest answer
    """This machine cannot decide the check; its points move inside the category."""


class _Must:
    """Demands that raise `Broken`. Values are compared with their types: True is not 1."""

    def hold(self, condition: object, saw: str, **how: Any) -> None:
        """Demand a condition; `saw` is the sentence for the student if it is false."""
        if not condition:
            raise Broken(saw, **how)

    def fail(self, saw: str, **how: Any) -> NoReturn:
        """Fail the check with this sentence."""
        raise Broken(saw, **how)

    def equal(self, seen: Any, wanted: Any, *, what: str) -> None:
        """Demand the same plain value of the same type."""
        if not same(seen, wanted):
            raise Broken(f"{what}: got {shorten(seen)}, expected {shorten(wanted)}.")

    def have_same_items(self, seen: Any, wanted: Sequence[Any], *, what: str) -> None:
        """Demand the same items in any order, each as often as wanted."""
        if not isinstance(seen, list):
            raise Broken(f"{what}: got {shorten(seen)}, expected a list.")
        there, due = Counter(map(_key, seen)), Counter(map(_key, wanted))
        lost, extra = due - there, there - due
        if not lost and not extra:
            return
        parts = [f"{what}: {len(wanted)} expected, {len(seen)} came out"]
        if lost:
            parts.append(f"{lost.total()} lost (such as {_some(lost)})")
        if extra:
            parts.append(f"{extra.total()} too many (such as {_some(extra)})")
        raise Broken("; ".join(parts) + ".")

    def be_within(self, seen: Any, low: float, high: float, *, what: str) -> None:
        """Demand a number between two bounds, both included."""
        if isinstance(seen, bool) or not isinstance(seen, int | float):
            raise Broken(f"{what}: got {shorten(seen)}, expected a number.")
        if not low <= seen <= high:
            raise Broken(
                f"{what}: {seen:.4g}; it must lie between {low:g} and {high:g}."
            )

    def be_silent(self, seen: "VirtualRun") -> None:
        """Demand that asyncio had nothing to complain about in a virtual run."""
        noise = (*seen.reports, *seen.never_awaited)
        if noise:
            times = f"{len(noise)} times: " if len(noise) > 1 else ""
            raise Broken(f"asyncio complained {times}{shorten(noise[0])}.")

    def leave_no_task(self, seen: "VirtualRun", *, after: str) -> None:
        """Demand that no asyncio task was alive when a virtual run had settled."""
        if left := len(seen.leftovers):
            tasks = f"{left} asyncio task{'s were' if left > 1 else ' was'}"
            raise Broken(
                f"{tasks} still alive after {after}.",
                cause=Cause.LEFT_BEHIND,
                stacks=seen.leftovers,
            )


must = _Must()


def same(seen: Any, wanted: Any) -> bool:
    """Compare plain values strictly: types count, in every corner of the value."""
    return bool(_key(seen) == _key(wanted))


def _key(value: Any) -> Any:
    if isinstance(value, dict):
        return ("dict", frozenset((k, _key(v)) for k, v in value.items()))
    if isinstance(value, list | tuple):
        return ("list", tuple(map(_key, value)))  # JSON knows no tuple
    return (type(value).__name__, value)


def _plain(key: Any) -> Any:
    kind, value = key
    if kind == "dict":
        return {k: _plain(v) for k, v in value}
    return [_plain(item) for item in value] if kind == "list" else value


def _some(items: Counter[Any]) -> str:
    shown = [shorten(_plain(item), 40) for item in list(items)[:_SHOWN_ITEMS]]
    return ", ".join(shown) + (", ..." if len(items) > len(shown) else "")


def shorten(value: Any, chars: int = 160) -> str:
    """Return the value as one short line."""
    text = repr(value)
    return text if len(text) <= chars else f"{text[: chars - 4]} ..."


def start_methods() -> tuple[str, ...]:
    """Return the start methods of processes that this machine has (tool T14)."""
    return tuple(multiprocessing.get_all_start_methods())


def speedup_of(log: Sequence[Event]) -> float:
    """Return the modelled speedup of the jobs that entered and left the stage (T7)."""
    return modelled_speedup(
        JobEdge(worker=event.worker, cpu_s=event.cpu_s)
        for event in log
        if event.kind in {"enter", "leave"}
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class VirtualRun:
    """What a scenario did in virtual time (tool T2), as `sandbox.virtual` told it.

    All of it comes from the worker; what awards points must also show in values drawn
    per run or in the stage's log.
    """

    returned: Any
    elapsed_s: float  # virtual
    iterations: int  # of the event loop
    stuck: Broken | None  # why the scenario could not end
    reports: tuple[str, ...]  # what the loop's exception handler was told
    leftovers: tuple[Stack, ...]  # tasks that outlived the scenario
    never_awaited: tuple[str, ...]
    blocking_sleeps: tuple[tuple[float, int], ...]  # seconds, line of the caller

    @property
    def value(self) -> Any:
        """What the scenario returned; `Broken` with each task's place if it got stuck."""
        if self.stuck is not None:
            raise self.stuck
        return self.returned

    @classmethod
    def from_plain(cls, plain: Any) -> "VirtualRun":
        """Rebuild a run from what the worker sent.

        Raises:
            ProtocolError: If it is something else; only the submission can do that.
        """
        try:
            return cls(
                returned=plain["value"],
                elapsed_s=float(plain["elapsed_s"]),
                iterations=int(plain["iterations"]),
                stuck=_stuck(plain["stuck"]) if plain["stuck"] else None,
                reports=tuple(map(str, plain["reports"])),
                leftovers=_stacks(plain["leftovers"]),
                never_awaited=tuple(map(str, plain["never_awaited"])),
                blocking_sleeps=tuple(
                    (float(sleep["seconds"]), int(sleep["line"]))
                    for sleep in plain["blocking_sleeps"]
                ),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise protocol.ProtocolError("not what a virtual run tells") from error


def _stuck(plain: Mapping[str, Any]) -> Broken:
    why = str(plain["why"])
    if plain["deadlock"]:
        return Broken(
            f"It waits for ever: {why}.",
            cause=Cause.DEADLOCK,
            stacks=_stacks(plain["stacks"]),
        )
    return Broken(
        f"It spins without getting anywhere: {why}.",
        cause=Cause.HANG,
        stacks=_stacks(plain["stacks"]),
    )


def _stacks(plain: Sequence[Mapping[str, Any]]) -> tuple[Stack, ...]:
    return tuple(
        Stack(
            name=str(stack["name"]),
            lines=tuple(SourceLine(**line) for line in stack["lines"]),
        )
        for stack in plain
    )


def high_water(log: Sequence[Event], *, rises: str, falls: tuple[str, str]) -> int:
    """Return how far the notes named `rises` were ever ahead of the events `falls` (T17).

    Args:
        log: What the stage saw, oldest first.
        rises: Name of a note.
        falls: Name and kind of the event that answers it.
    """
    level = peak = 0
    for event in log:
        level += (event.name, event.kind) == (rises, "note")
        level -= (event.name, event.kind) == falls
        peak = max(peak, level)
    return peak


def cpu_shares(*submissions: "Submission", over_s: float) -> list[float]:
    """Return for each the CPU time of its tree, over that of a busy loop of ours (T9).

    All are watched over the same `over_s` seconds. A busy loop gets a whole core on a
    quiet machine and a small part of one on a crowded machine. So a loop of theirs is
    told from waiting on both: measured under a load of ten for each core, 0.3 and more
    for loops and 0.0 for what waits. What uses less than `_A_LOOK_NOW_AND_THEN` of a
    core is not a loop on any machine, and is told as it is.
    """
    workers = [submission.worker for submission in submissions]
    before, start = [worker.cpu_seconds() for worker in workers], monotonic()
    ours = _busy_loop_share(over_s / 3)
    sleep(max(0.0, start + over_s - monotonic()))
    took_s = monotonic() - start
    used = [worker.cpu_seconds() - b for worker, b in zip(workers, before, strict=True)]
    shares = [cpu_s / took_s for cpu_s in used]
    return [s if s < _A_LOOK_NOW_AND_THEN else s / ours for s in shares]


def _busy_loop_share(wall_s: float) -> float:
    begun, cpu_s = monotonic(), thread_time()
    while monotonic() < begun + wall_s:
        pass
    # Never 0: a clock that ticks may not have ticked.
    return max(0.05, (thread_time() - cpu_s) / (monotonic() - begun))


@contextlib.contextmanager
def told_with_stall(place: str) -> Iterator[None]:
    """Say with a failure of the block that it came of a systematic stall, and where."""
    stacks: tuple[Stack, ...] = ()
    try:
        yield
    except Broken as broken:
        cause, saw = Cause.RACE, broken.saw
    except Raised as raised:
        cause, saw = Cause.RACE, f"It raised {raised}."
    except Hung as hung:
        cause, stacks = Cause.DEADLOCK, hung.stacks
        saw = f"It did not come back within {hung.budget_s:.3g} s."
    else:
        return
    raise Broken(
        "A systematic stall held one thread for a moment, at the place shown here."
        f" {saw}",
        cause=cause,
        details=(place,),
        stacks=stacks,
    )


@dataclass
class Submission:
    """The submission under judgement, in one worker; started when first needed.

    Attributes:
        exercise: What is graded.
        check: The check that runs now; its limits hold.
        seed: Seed of this run; the worker's `random` starts from it too.
    """

    lane: Lane
    payload: Payload
    exercise: Exercise
    check: Check
    seed: int
    start_method: str | None = None
    rewrite: str | None = None  # `module:function` of ours that rewrites the source
    _deadline: float = 0.0
    _worker: Worker | None = None
    _others: list["Submission"] = field(default_factory=list)
    printed: str = ""

    @property
    def worker(self) -> Worker:
        """The worker, with the submission loaded."""
        if self._worker is None:
            if not self._deadline:
                self._deadline = monotonic() + self.check.limits.wall_s
            self._worker = self.lane.launch(self.payload, self.check.limits)
            self._load(self._worker)
        return self._worker

    def _load(self, worker: Worker) -> None:
        prepare = "racecourse.sandbox.virtual:move_clocks"
        worker.load(
            within_s=min(_LOAD_WITHIN_S, self.left_s),
            seed=self.seed,
            start_method=self.start_method,
            rewrite=self.rewrite,
            prepare=prepare if self.exercise.virtual_time else None,
        )

    @property
    def stage(self) -> StageHost:
        """What the grader's own functions, called by the submission, report to."""
        return self.worker.stage

    @property
    def left_s(self) -> float:
        """What is left of the check's hang budget, in seconds."""
        return max(0.01, self._deadline - monotonic())

    def call(self, scenario: str, /, **args: Any) -> Any:
        """Run a scenario in the worker and return its plain value.

        Raises:
            Raised: If the scenario or the submission raised.
            Hung, Died, LimitPassed, ProtocolError: If no answer came.
        """
        return self.begin(scenario, **args).result()

    def virtual(self, scenario: str, /, **args: Any) -> VirtualRun:
        """Run a scenario that returns what `sandbox.virtual.run` returns.

        Raises:
            Raised: If the scenario or the submission raised.
            Hung, Died, LimitPassed, ProtocolError: If no answer came.
        """
        return VirtualRun.from_plain(self.call(scenario, **args))

    def begin(self, scenario: str, /, **args: Any) -> "Pending":
        """Start a scenario, to watch it and to act on the stage while it runs."""
        worker = self.worker
        return Pending(self, worker, worker.begin(scenario, args))

    @contextlib.contextmanager
    def fresh(
        self, *, start_method: str | None = None, rewrite: str | None = None
    ) -> Iterator["Submission"]:
        """Give a second worker, loaded anew, for as long as the block runs."""
        _ = self.worker  # the budget counts from the first worker
        other = Submission(
            lane=self.lane,
            payload=self.payload,
            exercise=self.exercise,
            check=self.check,
            seed=self.seed,
            start_method=start_method,
            rewrite=rewrite,
            _deadline=self._deadline,
        )
        self._others.append(other)
        try:
            yield other
        finally:
            other.close()

    def explore(self, program: str, *, runs: int, within_s: float) -> str | None:
        """Search for a failing schedule of a program in `schedules.py` (tool T3).

        Runs in a worker of its own. A failing schedule is proof. That none was found is
        a claim of the worker, so a check that calls this must rest on other evidence
        too. What the engine cannot run, or not in time, is nobody's fault.

        Args:
            program: Name of a function without arguments.
            runs: About how many executions.
            within_s: Real seconds after which the search counts for nothing.

        Returns:
            What was tried, as one may claim it; None if nothing could be.

        Raises:
            Broken: With the schedule; or `tampered`, if the engine went blind.
        """
        with self.fresh() as other:
            try:
                call = other.begin("racecourse.explore", program=program, runs=runs)
                seen = Exploration.from_plain(call.result(within_s=within_s))
            except (Hung, Died, LimitPassed, Raised):
                return None
            except ValueError as error:
                raise protocol.ProtocolError("not what an exploration tells") from error
        if not seen.canaries:
            raise Broken(
                "After your file was loaded, the search for races no longer found a race"
                " that is there. Code that changes `threading` for everybody does that.",
                cause=Cause.TAMPERED,
            )
        if seen.cause is not None:
            raise Broken(
                f"There is an order of your threads in which it goes wrong:"
                f" {seen.message}.",
                cause=seen.cause,
                details=seen.lines,
            )
        return seen.statement

    @contextlib.contextmanager
    def leaving_nothing(self, *, but_threads: int = 0) -> Iterator[None]:
        """Demand that what the block starts is gone when it ends (tool T8).

        Threads and processes are counted from outside. They get two seconds to go;
        the exception that came out of the last call is still referenced meanwhile, so
        that garbage collection hides nothing.

        Args:
            but_threads: How many threads may stay, because they stand in code that is
                not the submission's and nobody can end them.
        """
        worker = self.worker
        threads, children = worker.thread_count(), set(worker.children())
        yield
        deadline = monotonic() + _SETTLE_S
        while True:
            left = {p: c for p, c in worker.children().items() if p not in children}
            more_threads = worker.thread_count() - threads - but_threads
            if not left and more_threads <= 0:
                return
            if monotonic() > deadline:
                break
            sleep(_LOOK_EVERY_S)
        raise Broken(
            f"{_SETTLE_S:g} s after the call ended, it had left behind"
            f" {_leftovers(more_threads, left)}.",
            cause=Cause.LEFT_BEHIND,
            stacks=worker.dump_stacks(),
        )

    def settle(self, *, within_s: float) -> bool:
        """Wait until nothing moves any more; return whether that came true in time.

        Three looks in a row must find every thread of the tree asleep and nothing new
        on the stage. So a state that no event tells, such as "blocked on a full
        queue", is seen and not guessed with a pause. Code that spins never settles.
        """
        deadline = monotonic() + within_s
        looks: list[int] = []
        while monotonic() < deadline:
            asleep = self.worker.is_asleep()
            looks = [*looks, len(self.stage.log())][-3:] if asleep else []
            if len(looks) == 3 and len(set(looks)) == 1:  # noqa: PLR2004
                return True
            sleep(_LOOK_EVERY_S)
        return False

    def cpu_share(self, *, over_s: float) -> float:
        """Return the CPU time of the tree, over that of a busy loop of ours (T9)."""
        return cpu_shares(self, over_s=over_s)[0]

    def close(self) -> None:
        """End the worker and everything it started."""
        for other in self._others:
            other.close()
        if self._worker is not None:
            self._worker.close()  # reads what is still in the pipe
            self.printed = self._worker.output


@dataclass(frozen=True)
class Pending:
    """A call under way."""

    submission: Submission
    worker: Worker
    number: int

    def result(self, *, within_s: float | None = None) -> Any:
        """Wait for the value; the check's budget holds if no time is given.

        Raises:
            Raised: If the scenario or the submission raised.
            Hung, Died, LimitPassed, ProtocolError: If no answer came.
        """
        left_s = self.submission.left_s
        return self.worker.answer(self.number, within_s=min(left_s, within_s or left_s))


def _leftovers(threads: int, children: dict[int, str]) -> str:
    parts = []
    if threads > 0:
        parts.append(f"{threads} thread{'s' * (threads > 1)}")
    if children:
        parts.append(f"{len(children)} process{'es' * (len(children) > 1)}")
    return " and ".join(parts) or "nothing"
