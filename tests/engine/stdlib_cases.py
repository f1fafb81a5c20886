"""Python's own tests, run on the controlled library: finding, loading, executing them.

The test modules are those of the interpreter that runs this. They are rewritten like
any program, `test.support.threading_helper` is executed once more on the controlled
modules, and each test method becomes a program of its own.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import gc
import importlib
import importlib.util
import io
import random
import types
import unittest
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from racecourse.engine.program import (
    EVERY_SITE,
    Program,
    Source,
    compile_program,
    load,
    module_names_borrowed,
)
from racecourse.engine.schedule import Limits
from racecourse.engine.strategies.pct import PCT
from racecourse.engine.strategies.random_walk import RandomWalk
from racecourse.engine.strategies.serial import Serial
from racecourse.engine.threads.bench import World, quiet_collector
from racecourse.engine.threads.handoff import Greenlets
from racecourse.engine.threads.hooks import lean_hooks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from racecourse.engine.failures import Failure
    from racecourse.engine.strategies.base import Strategy
    from racecourse.engine.threads.library import Library

_DRIVER = """
import {module} as cases

def run(class_name, method):
    test_class = getattr(cases, class_name)
    test_class.setUpClass()
    try:
        test_class(method).debug()
    finally:
        test_class.tearDownClass()
        test_class.doClassCleanups()
"""
_CASE = "def case_{number}(): run({class_name!r}, {method!r})\n"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, order=True)
class StdlibCase:
    """One test method of the standard library."""

    module: str
    class_name: str
    method: str

    @property
    def name(self) -> str:
        """Return how tables and reports call it: `LockTests.test_acquire`."""
        return f"{self.class_name}.{self.method}"


def has_module(name: str) -> bool:
    """Tell whether this Python was installed with a test module."""
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:
        return False


@functools.cache
def cases_of(module: str) -> tuple[StdlibCase, ...]:
    """Return all test methods of a module, in the order of their text."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        loaded = importlib.import_module(module)
    classes = [
        value
        for value in vars(loaded).values()
        if isinstance(value, type) and issubclass(value, unittest.TestCase)
    ]
    return tuple(
        StdlibCase(module=module, class_name=test_class.__name__, method=method)
        for test_class in dict.fromkeys(classes)
        for method in unittest.TestLoader().getTestCaseNames(test_class)
    )


def skips_itself(case: StdlibCase) -> bool:
    """Tell whether the test says by a decorator that it is not for this platform."""
    test_class = getattr(importlib.import_module(case.module), case.class_name)
    method = getattr(test_class, case.method)
    return any(getattr(one, "__unittest_skip__", False) for one in (test_class, method))


def strategies(walks: int, changes: int) -> Iterator[Strategy]:
    """Generate the serial schedule, random walks and PCT, with fixed seeds."""
    yield Serial()
    for seed in range(walks):
        yield RandomWalk(random.Random(seed))
    for seed in range(changes):
        yield PCT(random.Random(seed), steps=200, depth=2 + seed % 3)


class Stand:
    """Executes the cases of one test module on one controlled library."""

    def __init__(self, module: str, helpers: tuple[str, ...] = ()) -> None:
        self.world = World()
        library = self.world.library
        cases = cases_of(module)
        _add_support(library, with_asyncio="asyncio" in module)
        self._numbers = {case: number for number, case in enumerate(cases)}
        driver = _DRIVER.format(module=module) + "".join(
            _CASE.format(number=n, class_name=case.class_name, method=case.method)
            for case, n in self._numbers.items()
        )
        sources = (
            *(_source(name) for name in (*helpers, module)),
            Source(module="driver", path="driver.py", text=driver),
        )
        self.program = Program(sources=sources, function="")
        self._code = compile_program(self.program, full=False, keep=EVERY_SITE)
        self._handoff = Greenlets()

    def execute(self, case: StdlibCase, strategy: Strategy) -> Failure | None:
        """Run one case under one schedule; return how it failed."""
        world = self.world
        hooks = lean_hooks(world.scheduler)
        name = f"case_{self._numbers[case]}"

        def program() -> None:
            load(self._code, world.library, hooks, name)()
            world.library.shut_down()

        with self._surroundings():
            world.library.reset()
            execution = world.scheduler.run(
                program,
                strategy,
                handoff=self._handoff,
                limits=Limits(points_max=400_000),
            )
        return execution.failure

    @contextlib.contextmanager
    def _surroundings(self) -> Iterator[None]:
        with (
            quiet_collector(),
            module_names_borrowed(self.program),
            contextlib.redirect_stdout(io.StringIO()),
            contextlib.redirect_stderr(io.StringIO()),
            warnings.catch_warnings(),
        ):
            warnings.simplefilter("ignore")
            gc.freeze()  # many tests collect: spare them what was there before
            try:
                yield
            finally:
                gc.unfreeze()


def _source(module: str) -> Source:
    spec = importlib.util.find_spec(module)
    assert spec is not None
    assert spec.origin is not None
    text = Path(spec.origin).read_text(encoding="utf-8")
    return Source(module=module, path=spec.origin, text=text)


def _add_support(library: Library, *, with_asyncio: bool) -> None:
    """Let the tests find `test` and `unittest` with controlled modules in them."""
    library.modules["test"] = types.ModuleType("test")
    support = library.execute_again("test.support")  # its waits need the virtual clock
    for name, value in vars(importlib.import_module("test.support")).items():
        if isinstance(value, types.ModuleType):
            vars(support).setdefault(name, value)  # helpers that wait for nothing
    library.execute_again("test.support.threading_helper")
    helper = _copy("test.support.import_helper")
    fresh = vars(helper)["import_fresh_module"]

    def import_fresh_module(name: str, *args: Any, **options: Any) -> Any:
        if "fresh" in options and name in library.modules:
            return None  # the C version, which is not under control
        return library.modules.get(name) or fresh(name, *args, **options)

    vars(helper)["import_fresh_module"] = import_fresh_module
    library.modules["test.support.import_helper"] = helper
    vars(support)["import_helper"] = helper
    if with_asyncio:
        library.asyncio()
        cases = library.execute_again("unittest.async_case")
        library.modules["unittest"] = module = _copy("unittest")
        vars(module)["IsolatedAsyncioTestCase"] = vars(cases)["IsolatedAsyncioTestCase"]
        library.modules["test.test_asyncio"] = types.ModuleType("test.test_asyncio")
        library.execute_again("test.test_asyncio.utils")


def _copy(name: str) -> types.ModuleType:
    module = types.ModuleType(name)
    vars(module).update(vars(importlib.import_module(name)))
    return module
