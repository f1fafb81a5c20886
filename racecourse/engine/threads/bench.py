"""The bench: a program, clamped between the controlled library and the scheduler."""

from __future__ import annotations

import contextlib
import enum
import gc
import inspect
from typing import TYPE_CHECKING, Any

from racecourse.engine.program import EVERY_SITE, compile_program, load
from racecourse.engine.search import Lesson, Run
from racecourse.engine.stateless import keeps_no_state
from racecourse.engine.strategies.replay import Replay
from racecourse.engine.threads.handoff import Greenlets
from racecourse.engine.threads.hooks import lean_hooks, record_hooks, step_hooks
from racecourse.engine.threads.library import Library
from racecourse.engine.threads.os_threads import OSThreads
from racecourse.engine.threads.recorder import Recorder
from racecourse.engine.threads.scheduler import Scheduler
from racecourse.engine.trace import Trace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from racecourse.engine.program import Code, Program
    from racecourse.engine.schedule import Limits, Recipe
    from racecourse.engine.strategies.base import Strategy
    from racecourse.engine.threads.handoff import Handoff
    from racecourse.engine.threads.scheduler import Execution

_COLLECT_EVERY = 500
"""Executions between two garbage collections."""


class Backend(enum.Enum):
    """What carries the tasks. Schedules, verdicts and tokens are the same."""

    GREENLETS = "greenlets"
    OS_THREADS = "os-threads"


_HANDOFFS: dict[Backend, Callable[[], Handoff]] = {
    Backend.GREENLETS: Greenlets,
    Backend.OS_THREADS: OSThreads,
}


class World:
    """A scheduler and the library bound to it. Making one takes some milliseconds."""

    def __init__(self) -> None:
        self.scheduler = Scheduler()
        self.library = Library(self.scheduler)


class ThreadBench:
    """Executes one program as often as asked."""

    def __init__(
        self, program: Program, world: World, backend: Backend = Backend.GREENLETS
    ) -> None:
        self._program = program
        self._scheduler = world.scheduler
        self._library = world.library
        self._handoff: Handoff = _HANDOFFS[backend]()
        self._full = compile_program(program, full=True, keep=EVERY_SITE)
        self.sites = self._full.sites
        self._every = frozenset(range(len(self.sites)))
        self._points = self._every
        self._reuse = keeps_no_state(program)
        self._starts: dict[str, Callable[[], Any]] = {}
        self._codes: dict[str, Code] = {}
        self._executions = 0
        if any("async" in source.text for source in program.sources):
            self._library.asyncio()  # loaded now, it is not part of an execution

    def freeze(self, shared: frozenset[int], visited: frozenset[int]) -> None:
        """Make preemption points of the shared sites and of those never visited."""
        self._points = shared | (self._every - visited)
        self._starts.clear()
        self._codes.clear()

    def watch(self, strategy: Strategy, limits: Limits) -> Lesson:
        """Execute with a recorder; every site is a preemption point."""
        execution, recorder = self._record(strategy, limits, every_site=True)
        self._reuse = self._reuse and not recorder.wrote_module_state
        return Lesson(
            run=self._summary(execution),
            races=recorder.races(),
            shared_sites=recorder.shared_sites(),
            visited_sites=frozenset(recorder.visited),
        )

    def execute(
        self, strategy: Strategy, limits: Limits, *, every_site: bool = False
    ) -> Run:
        """Execute as fast as possible."""
        form = "steps" if strategy.wants_steps else "lean"
        key = f"{form} every" if every_site else form
        points = self._every if every_site else self._points
        start = self._start(key, points, full=strategy.wants_steps)
        return self._summary(self._execute(start, strategy, limits))

    def trace(self, recipe: Recipe) -> Trace:
        """Execute a recipe with a recorder and return the story."""
        execution, recorder = self._record(
            Replay(recipe.schedule), recipe.limits, every_site=recipe.every_site
        )
        return Trace(
            failure=execution.failure,
            tasks=recorder.names(),
            events=recorder.events(recorder.shared_sites()),
            waiting=recorder.waiting,
        )

    # Forms of the program

    def _start(
        self, key: str, points: frozenset[int], *, full: bool
    ) -> Callable[[], Any]:
        """Return the function that starts the program, fresh if it keeps state."""
        start = self._starts.get(key)
        if start is not None and self._reuse:
            return start
        code = self._codes.get(key)
        if code is None:
            code = compile_program(self._program, full=full, keep=points)
            self._codes[key] = code
        if full:
            hooks = step_hooks(self._scheduler, self.sites, points)
        else:
            hooks = lean_hooks(self._scheduler)
        if not self._reuse:
            return self._loader(code, hooks)
        try:
            start = load(code, self._library, hooks, self._program.function)
        except Exception:  # noqa: BLE001 - it is the program's, and shows when it runs
            return self._loader(code, hooks)
        self._starts[key] = start
        return start

    def _loader(self, code: Code, hooks: dict[str, Any]) -> Callable[[], Any]:
        """Return a program that begins with executing its modules."""

        def start() -> Any:
            return load(code, self._library, hooks, self._program.function)()

        return start

    # Executions

    def _record(
        self, strategy: Strategy, limits: Limits, *, every_site: bool
    ) -> tuple[Execution, Recorder]:
        points = self._every if every_site else self._points
        recorder = Recorder(self.sites, self._program.paths())
        hooks = record_hooks(
            self._scheduler, self.sites, points, recorder, self._program.modules()
        )
        start = self._loader(self._full, hooks)
        return self._execute(start, strategy, limits, recorder), recorder

    def _execute(
        self,
        start: Callable[[], Any],
        strategy: Strategy,
        limits: Limits,
        recorder: Recorder | None = None,
    ) -> Execution:
        def program() -> None:
            result = start()
            if inspect.iscoroutine(result):
                self._library.asyncio().run(result)
            self._library.shut_down()

        self._executions += 1
        if self._executions % _COLLECT_EVERY == 0:
            gc.collect(0)
        self._library.reset()
        return self._scheduler.run(
            program,
            strategy,
            handoff=self._handoff,
            limits=limits,
            recorder=recorder,
        )

    def _summary(self, execution: Execution) -> Run:
        return Run(
            failure=execution.failure,
            rows=execution.rows,
            points=execution.points,
            slept=execution.slept,
            suspensions=execution.suspensions,
        )


@contextlib.contextmanager
def quiet_collector() -> Iterator[None]:
    """Keep garbage collection out of executions: it would run code at odd moments."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
