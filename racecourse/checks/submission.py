"""The submission as a grader sees it: scenarios to call, and looks at what they do."""

import contextlib
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic, sleep  # noqa: TID251 - looks from outside, each explained
from typing import Any

from racecourse.checks.demands import Broken, NotMeasurable
from racecourse.checks.looks import cpu_shares, told_with_stall
from racecourse.checks.patience import SEARCH_CPU_S, Patience
from racecourse.checks.virtual_run import VirtualRun
from racecourse.model.exercise import Check, Exercise
from racecourse.model.exploration import Exploration
from racecourse.model.replay_token import Kind, ReplayToken
from racecourse.model.verdict import Cause, Evidence
from racecourse.sandbox import protocol
from racecourse.sandbox.endings import Died, Hung, LimitPassed, Raised
from racecourse.sandbox.handle import Worker
from racecourse.sandbox.launch import LoadOptions
from racecourse.sandbox.launcher import Lane
from racecourse.sandbox.payload import Payload
from racecourse.sandbox.stage_host import StageHost

_SETTLE_S = 2.0  # how long something may take to go away after a call returned
_LOOK_EVERY_S = 0.02
_LOAD_WITHIN_S = 10.0
_SEARCH_SHARE = 0.7  # of the time left; the rest of a check has to be judged too
_NO_ANSWER = (Hung, Died, LimitPassed, Raised)  # of a search; that is no proof
_REPEATS = 5  # of one stall: which thread comes to its place first is up to the system


class UndeclaredClaimsError(Exception):
    """A check that the engine shall look at does not say so; a mistake of its author."""

    def __init__(self, check_id: str) -> None:
        super().__init__(
            f'{check_id} explores schedules; add "claims" to its evidence in exercise.toml'
        )


@dataclass
class Submission:
    """The submission under judgement, in one worker; started when first needed.

    Attributes:
        exercise: What is graded.
        check: The check that runs now; its limits hold.
        seed: Seed of this run; the worker's `random` starts from it too.
        repeat: A token whose stall is the only one to try; None: try all that are due.
    """

    lane: Lane
    payload: Payload
    exercise: Exercise
    check: Check
    seed: int
    start_method: str | None = None
    rewrite: str | None = None  # `module:function` of ours that rewrites the source
    repeat: ReplayToken | None = None
    virtual_time: bool | None = None  # None: as the check says
    _deadline: float = 0.0
    _worker: Worker | None = None
    _others: list["Submission"] = field(default_factory=list)
    gathered: set[Evidence] = field(default_factory=set)  # what a verdict could rest on
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
        virtual = self.virtual_time
        virtual = self.check.virtual_time if virtual is None else virtual
        options = LoadOptions(
            seed=self.seed,
            start_method=self.start_method,
            rewrite=self.rewrite,
            prepare=prepare if virtual else None,
            scenarios=self.payload.scenarios_for(self.check.category.value),
        )
        worker.load(options, within_s=min(_LOAD_WITHIN_S, self.left_s))

    @property
    def stage(self) -> StageHost:
        """What the grader's own functions, called by the submission, report to."""
        self.gathered.add(Evidence.HISTORY)
        return self.worker.stage

    @property
    def folder(self) -> Path:
        """A folder of the worker for files that the grader makes; it ends with the worker."""
        return self.worker.folder_for_files()

    @property
    def left_s(self) -> float:
        """What is left of the check's hang budget, in seconds."""
        return max(0.01, self._deadline - monotonic())

    def grant(self, overtime_s: float) -> None:
        """Leave the rest of the check what one call was given beyond its time."""
        self._deadline += max(0.0, overtime_s)

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
        self.gathered.add(Evidence.VALUES)
        worker = self.worker
        return Pending(self, worker, worker.begin(scenario, args))

    @contextlib.contextmanager
    def fresh(
        self,
        *,
        start_method: str | None = None,
        rewrite: str | None = None,
        virtual_time: bool | None = None,
    ) -> Iterator["Submission"]:
        """Give a second worker, loaded anew, for as long as the block runs.

        Args:
            start_method: How `multiprocessing` starts processes there; as here if not given.
            rewrite: `module:function` of ours that rewrites the submission's source.
            virtual_time: Whether clocks are moved there; as the check says if not given.
        """
        _ = self.worker  # the budget counts from the first worker
        other = Submission(
            lane=self.lane,
            payload=self.payload,
            exercise=self.exercise,
            check=self.check,
            seed=self.seed,
            start_method=start_method or self.start_method,
            rewrite=rewrite,
            repeat=self.repeat,
            virtual_time=virtual_time,
            gathered=self.gathered,
            _deadline=self._deadline,
        )
        self._others.append(other)
        try:
            yield other
        finally:
            other.close()

    @contextlib.contextmanager
    def exploring(
        self, *programs: str, runs: int, cpu_s: float = SEARCH_CPU_S
    ) -> Iterator[dict[str, str | None]]:
        """Search for failing schedules of programs in `schedules.py` (tool T3).

        Each program has a worker of its own, which searches while the block runs. What it
        found is judged after the block, if that found nothing. A failing schedule is proof.
        That there is none is a claim of the worker, so a check that calls this must rest on
        other evidence too. What the engine cannot run, or not in time, is nobody's fault.

        Args:
            programs: Names of functions without arguments.
            runs: About how many executions of each.
            cpu_s: Seconds of CPU time after which a search counts for nothing.

        Yields:
            What was tried of each program, as one may claim it, filled in after the block;
            None where nothing could be.

        Raises:
            Broken: With the schedule; or `tampered`, if the engine went blind.
            UndeclaredClaimsError: If the check does not declare that it uses claims.
        """
        if Evidence.CLAIMS not in self.check.evidence:
            raise UndeclaredClaimsError(self.check.id)
        told: dict[str, str | None] = dict.fromkeys(programs)
        with contextlib.ExitStack() as workers:
            searches = {}
            for program in programs if self.repeat is None else ():
                args = {"program": program, "runs": runs}
                with contextlib.suppress(*_NO_ANSWER):
                    search = self._searching("explore", args)
                    searches[program] = workers.enter_context(search)
            yield told
            for program, call in searches.items():
                told[program] = self._judged(call, program, runs, cpu_s)

    def _judged(
        self, call: "Pending", program: str, runs: int, cpu_s: float
    ) -> str | None:
        try:
            seen = self._found(call, cpu_s)
        except _NO_ANSWER:
            return None
        if not seen.canaries:
            raise Broken(
                "After your file was loaded, the search for races no longer found a race"
                " that is there. Code that changes `threading` for everybody does that.",
                cause=Cause.TAMPERED,
            )
        self._refuse_failing(seen, program, runs)
        return seen.statement if seen.explored else None

    def replay(self, token: ReplayToken, *, cpu_s: float = SEARCH_CPU_S) -> bool | None:
        """Execute the one schedule of an `order` token again.

        Returns:
            Whether it could be: the token fits no other text than its own. None if the
            engine could not run the program.

        Raises:
            Broken: If it fails.
            Raised, Hung, Died, LimitPassed, ProtocolError: If no answer came.
        """
        args = {"program": token.name, "token": token.inner}
        with self._searching("replay", args) as call:
            seen = self._found(call, cpu_s)
        self._refuse_failing(seen, token.name, token.number)
        return seen.fits if seen.explored else None

    @contextlib.contextmanager
    def _searching(self, what: str, args: dict[str, Any]) -> Iterator["Pending"]:
        self.gathered.add(Evidence.CLAIMS)
        with self.fresh() as other:
            worker = other.worker
            yield Pending(self, worker, worker.begin(f"racecourse.{what}", args))

    def _found(self, call: "Pending", cpu_s: float) -> Exploration:
        patience = Patience(call.worker, cpu_s=cpu_s)
        within_s = _SEARCH_SHARE * self.left_s
        told = call.result(within_s=within_s, is_hopeless=patience.is_over)
        try:
            return Exploration.from_plain(told)
        except ValueError as error:
            raise protocol.ProtocolError("not what an exploration tells") from error

    def _refuse_failing(self, seen: Exploration, program: str, runs: int) -> None:
        if seen.cause is None:
            return
        who = "tasks" if self.exercise.virtual_time else "threads"
        raise Broken(
            f"There is an order of your {who} in which it goes wrong:"
            f" {seen.message.rstrip('.')}.",
            cause=seen.cause,
            details=seen.lines,
            replay=self.token_of("order", program, runs, seen.token),
        )

    def token_of(self, kind: Kind, name: str, number: int, inner: str) -> str:
        """Return the token by which `grade replay` finds a schedule of this check."""
        return ReplayToken(
            exercise=self.exercise.id,
            check=self.check.id,
            kind=kind,
            name=name,
            number=number,
            inner=inner,
        ).write()

    def stalls(
        self,
        scenario: str,
        /,
        *,
        limit: int,
        within_s: float = 4.0,
        hold_s: float = 0.005,
        visits: Sequence[int] = (1, 2),
        **args: Any,
    ) -> Iterator["Stalled"]:
        """Give the runs of a scenario with one thread held at one place, most telling first.

        A stall holds one thread between a read and the write that follows, or between a
        test and what it decides, until others have passed. A run that fails is proof.
        It ends early when the budget does: slow code sees fewer stalls, and that is not
        to its blame.

        Args:
            scenario: It takes the submission from `stalling.solution()`.
            limit: The most stalls to try.
            within_s: Budget of one run; a stall itself lasts milliseconds.
            hold_s: The longest hold.
            visits: Which visitors of a place are held, counted from 1.
            args: What the recording of the scenario is called with.
        """
        if self.repeat is not None:
            planned = [self.find_stall(self.repeat)] * _REPEATS
            planned = planned if self.repeat.name == scenario else []
        else:
            call = self.begin(
                "racecourse.plan_stalls",
                scenario=scenario,
                args=args,
                visits=list(visits),
                limit=limit,
            )
            planned = call.result()
        for number, (token, place) in enumerate(_pairs(planned)):
            if self.left_s < 2 * within_s:
                if self.repeat is not None and number == 0:
                    raise NotMeasurable("There was no time left to repeat the stall.")
                return
            yield Stalled(self, scenario, token, place, within_s, hold_s)

    def find_stall(self, token: ReplayToken) -> tuple[str, ...]:
        """Return the stall of a token and its place in words; nothing if it is gone.

        Raises:
            Raised, Hung, Died, LimitPassed, ProtocolError: If no answer came.
        """
        call = self.begin(
            "racecourse.find_stall", scenario=token.name, token=token.inner
        )
        return next(iter(_pairs([call.result()])), ())

    def leaving_no_child(self) -> contextlib.AbstractContextManager[None]:
        """Demand it of processes alone, where nothing is promised of threads (T8)."""
        return self.leaving_nothing(but_threads=sys.maxsize)

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

        Three looks in a row must find every thread of the tree asleep, nothing new on
        the stage, and no question there that still waits for us. So a state that no
        event tells, such as "blocked on a full queue", is seen and not guessed with a
        pause. Code that spins never settles.
        """
        deadline = monotonic() + within_s
        looks: list[int] = []
        while monotonic() < deadline:
            still = self.worker.is_asleep() and not self.stage.is_behind()
            looks = [*looks, len(self.stage.log())][-3:] if still else []
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


@dataclass(frozen=True, slots=True)
class Stalled:
    """A run of a scenario with one thread held, to be called and judged."""

    submission: Submission
    scenario: str
    token: str
    place: str  # where the thread is held, in words for the student
    within_s: float
    hold_s: float

    def call(self, **args: Any) -> Any:
        """Run the scenario with the stall and return its plain value.

        Raises:
            Raised: If the scenario or the submission raised.
            Hung, Died, LimitPassed, ProtocolError: If no answer came.
        """
        return self.begin(**args).result(within_s=self.within_s)

    def begin(self, **args: Any) -> "Pending":
        """Start the scenario with the stall, to watch it and to act on the stage."""
        return self.submission.begin(
            "racecourse.run_stalled",
            scenario=self.scenario,
            args=args,
            token=self.token,
            hold_s=self.hold_s,
        )

    def told(self) -> contextlib.AbstractContextManager[None]:
        """Say with a failure of the block that it came of this stall, and where."""
        name, seed = self.scenario, self.submission.seed
        replay = self.submission.token_of("stall", name, seed, self.token)
        return told_with_stall(self.place, replay=replay)


@dataclass(frozen=True)
class Pending:
    """A call under way."""

    submission: Submission
    worker: Worker
    number: int

    def result(
        self,
        *,
        within_s: float | None = None,
        is_hopeless: Callable[[], bool] = lambda: False,
    ) -> Any:
        """Wait for the value; the check's budget holds if no time is given.

        The wait ends early, as if time were up, when `is_hopeless` says so.

        Raises:
            Raised: If the scenario or the submission raised.
            Hung, Died, LimitPassed, ProtocolError: If no answer came.
        """
        left_s = self.submission.left_s
        given_s, begun = min(left_s, within_s or left_s), monotonic()
        try:
            return self.worker.answer(
                self.number, within_s=given_s, is_hopeless=is_hopeless
            )
        finally:
            self.submission.grant(monotonic() - begun - given_s)


def _pairs(told: Any) -> list[tuple[str, str]]:
    """Return the stalls that a worker told: token and place; an empty one is none.

    Raises:
        ProtocolError: If it told something else; only the submission can do that.
    """
    try:
        return [(str(token), str(place)) for token, place in filter(None, told)]
    except (TypeError, ValueError) as error:
        raise protocol.ProtocolError("not what a plan of stalls tells") from error


def _leftovers(threads: int, children: dict[int, str]) -> str:
    parts = []
    if threads > 0:
        parts.append(f"{threads} thread{'s' * (threads > 1)}")
    if children:
        parts.append(f"{len(children)} process{'es' * (len(children) > 1)}")
    return " and ".join(parts) or "nothing"
