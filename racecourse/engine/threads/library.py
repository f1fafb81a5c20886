# ruff: noqa: SLF001 - this is about the insides of the standard library
"""The controlled library: the standard library's own code on controlled primitives.

Replace below, execute again above. `_thread` and `time` are ours; `threading`,
`queue`, `concurrent.futures` and `sched` are the installed Python's own files,
executed once more with those underneath. What a program sees is therefore not an
imitation, on any version.

Three things are ours although they stand above: `Thread.start` and `Thread.join`,
because the library's way through an event and a lock would add some fifty points
to every execution; `local`, whose lock protects nothing here; and the loop of a
pool's worker, because it is the one place where the versions of Python differ.
"""

from __future__ import annotations

import builtins
import functools
import importlib.machinery
import importlib.util
import itertools
import logging
import os
import queue
import sys
import sysconfig
import types
from pathlib import Path
from typing import TYPE_CHECKING, Any

from racecourse.engine.aio.modules import HIDDEN, Asyncio, stand_ins
from racecourse.engine.failures import NotUnderControlError
from racecourse.engine.threads.lock import Lock
from racecourse.engine.threads.pool_worker import settle_worker
from racecourse.engine.threads.primitives import make_thread_module, make_time_module
from racecourse.engine.threads.thread_class import make_threads_native

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from racecourse.engine.threads.scheduler import Scheduler

_STANDARD = Path(sysconfig.get_path("stdlib"))
_PROCESSORS = 4
"""What the library is told, on every machine: it sizes its pools by it."""
_REEXECUTED = ("threading", "queue")
_ON_FIRST_USE = ("sched", "random")
"""Few programs need them, and executing them is a tenth of a short search."""
_FUTURES_NAMES = (
    *("FIRST_COMPLETED", "FIRST_EXCEPTION", "ALL_COMPLETED", "CancelledError"),
    *("TimeoutError", "InvalidStateError", "BrokenExecutor", "Future", "Executor"),
    *("wait", "as_completed"),
)


class Library:
    """The modules that a program gets instead of the installed ones."""

    def __init__(self, scheduler: Scheduler) -> None:
        self.modules: dict[str, types.ModuleType] = {
            "_thread": make_thread_module(scheduler),
            "time": make_time_module(scheduler),
        }
        self._scheduler = scheduler
        self._asyncio: Asyncio | None = None
        self._stand_ins = {
            "_queue": _exceptions_of_queue(),
            "os": _os_for_the_library(),
        }
        self.foreign: set[str] = set()
        """Modules that the program imported and that run as they are."""
        self._serials = itertools.count()
        for name in _REEXECUTED:
            self.execute_again(name)
        self._threading = vars(self.modules["threading"])
        self._threading["local"] = self._make_local()
        vars(self.modules["_thread"])["_local"] = self._threading["local"]
        make_threads_native(self.modules["threading"], scheduler)
        self._adapt_conditions(scheduler)
        self._load_futures()
        self._atexits = list(self._threading["_threading_atexits"])
        self._excepthook = self._threading["excepthook"]
        self._locks = self._module_locks()

    # Between executions

    def reset(self) -> None:
        """Forget the last execution: what the library keeps in its modules."""
        self._serials = itertools.count()
        threading = self._threading
        main = threading["_main_thread"]
        vars(main).pop("_rc_serial", None)
        threading["_active"].clear()
        threading["_active"][main.ident] = main
        threading["_limbo"].clear()
        threading["_dangling"].clear()
        threading["_counter"] = itertools.count(1).__next__
        threading["_threading_atexits"][:] = self._atexits
        threading["_SHUTTING_DOWN"] = False
        threading["excepthook"] = self._excepthook
        if "_shutdown_locks" in threading:  # before Python 3.13
            threading["_shutdown_locks"].clear()
        pool = vars(self.modules["concurrent.futures.thread"])
        pool["_threads_queues"].clear()
        pool["_shutdown"] = False
        pool["ThreadPoolExecutor"]._counter = itertools.count().__next__
        self._seed_random()
        if self._asyncio is not None:
            self._asyncio.reset()
        for lock in self._locks:  # an unwound execution may have left one closed
            lock._at_fork_reinit()

    def _seed_random(self) -> None:
        if "random" in self.modules:
            vars(self.modules["random"])["seed"](0)

    def _module_locks(self) -> list[Any]:
        """Return the locks that the library keeps in its modules."""
        return [
            value
            for module in self.modules.values()
            for value in vars(module).values()
            if isinstance(getattr(value, "_block", value), Lock)
        ]

    def shut_down(self) -> None:
        """Do what the interpreter does when the main thread ends: close the pools."""
        for callback in reversed(self._threading["_threading_atexits"]):
            callback()

    # Importing

    def find(self, name: str) -> types.ModuleType | None:
        """Return a controlled module, executing some of them on first use."""
        module = self.modules.get(name)
        if module is None and name in _ON_FIRST_USE:
            module = self.execute_again(name)
            self._seed_random()
        if module is None and name.partition(".")[0] == "asyncio":
            self._stand_ins.update(stand_ins())
            module = self._stand_ins.get(name) or self.execute_again(name)
        return module

    def asyncio(self) -> Asyncio:
        """Return the controlled `asyncio`, loading it on first use."""
        if self._asyncio is None:
            self._asyncio = Asyncio(self, self._scheduler)
        return self._asyncio

    def builtins(
        self,
        extra: Mapping[str, object],
        own: Mapping[str, types.ModuleType] | None = None,
    ) -> dict[str, object]:
        """Return the builtins of a module under control.

        Args:
            extra: Further names that the module shall see, or see differently.
            own: Modules of the program, which can import one another.
        """
        importer = _Importer(self, {} if own is None else own)
        return {**vars(builtins), **extra, "__import__": importer}

    def execute_again(
        self, name: str, instead: Mapping[str, types.ModuleType] | None = None
    ) -> types.ModuleType:
        """Execute a module of the standard library once more."""
        spec = find_standard(name)
        if spec is None or spec.loader is None:
            raise NotUnderControlError(f"This Python has no module {name!r}.")
        module = importlib.util.module_from_spec(spec)
        names = {"id": _stable_id, "__rc_library__": True}
        found_instead = {**self._stand_ins, **(instead or {})}
        vars(module)["__builtins__"] = self.builtins(names, found_instead)
        vars(module)["__rc_library__"] = True
        self.modules[name] = module
        parent, _, child = name.rpartition(".")
        if parent in self.modules:
            # Before its code runs: modules of a package import one another.
            vars(self.modules[parent])[child] = module
        for other, stand_in in self._stand_ins.items():
            if other.rpartition(".")[0] == name:
                vars(module)[other.rpartition(".")[2]] = stand_in
        exec(_code_of(name), vars(module))  # noqa: S102 - the standard library's own code
        for value in vars(module).values():
            if isinstance(value, type) and value.__module__ == name:
                value.__rc_library__ = True  # type: ignore[attr-defined]
        return module

    def _make_local(self) -> type:
        """Return `threading.local` without points: its lock protects nothing here."""
        stand_in = types.ModuleType("threading")
        vars(stand_in)["current_thread"] = self._threading["current_thread"]
        vars(stand_in)["RLock"] = _NoLock
        module = self.execute_again("_threading_local", {"threading": stand_in})
        local: type = vars(module)["local"]
        local.__module__ = "_thread"
        return local

    def _adapt_conditions(self, scheduler: Scheduler) -> None:
        """Let conditions wake early, and spare them a point that decides nothing.

        The point is the one before a condition takes the lock that it waits on: it
        has made that lock in the line before, and nobody else knows it yet. Only
        waits in the program's own code wake early: those inside the library, in
        events and futures, never do in Python either.
        """
        condition = self._threading["Condition"]
        wait = _with_globals(condition.wait, {
            **self._threading,
            "_allocate_lock": _private(self._threading["_allocate_lock"]),
        })  # fmt: skip

        def wait_or_wake_early(self: Any, timeout: float | None = None) -> bool:
            caller = sys._getframe(1).f_globals
            if "__rc_library__" in caller or not scheduler.choose_early():
                return bool(wait(self, timeout))
            saved = self._release_save()
            scheduler.point()
            self._acquire_restore(saved)
            return True

        condition.wait = wait_or_wake_early

    def _load_futures(self) -> None:
        """Build the package `concurrent.futures` from its re-executed parts.

        The package comes first: its parts import one another through it.
        """
        package = types.ModuleType("concurrent")
        futures = types.ModuleType("concurrent.futures")
        vars(package)["futures"] = futures
        self.modules["concurrent"] = package
        self.modules["concurrent.futures"] = futures
        base = self.execute_again("concurrent.futures._base")
        vars(futures)["_base"] = base
        # Workers that are unwound would report their end, once per execution.
        silent = logging.Logger("concurrent.futures")  # noqa: LOG001 - nobody shall find it
        silent.disabled = True
        vars(base)["LOGGER"] = silent
        thread = self.execute_again("concurrent.futures.thread")
        vars(futures)["thread"] = thread
        settle_worker(thread)
        for name in _FUTURES_NAMES:
            vars(futures)[name] = vars(base)[name]
        vars(futures)["ThreadPoolExecutor"] = vars(thread)["ThreadPoolExecutor"]
        vars(futures)["ProcessPoolExecutor"] = _ProcessPoolExecutor
        self.number(vars(base)["Future"])
        self.number(self._threading["Thread"])

    def number(self, kind: Any) -> None:
        """Keep sets of such things in one order: an address differs every time."""

        def __hash__(thing: Any) -> int:  # noqa: N807 - it becomes that method
            if "_rc_serial" not in vars(thing):
                thing._rc_serial = next(self._serials)
            serial: int = thing._rc_serial
            return serial

        kind.__hash__ = __hash__


class _Importer:
    """The `__import__` of modules under control."""

    def __init__(self, library: Library, own: Mapping[str, types.ModuleType]) -> None:
        self._library = library
        self._own = own

    def __call__(
        self,
        name: str,
        globals_: Mapping[str, Any] | None = None,
        locals_: Mapping[str, Any] | None = None,
        fromlist: Sequence[str] | None = (),
        level: int = 0,
    ) -> Any:
        absolute = name
        if level:
            package = (globals_ or {}).get("__package__") or ""
            absolute = importlib.util.resolve_name("." * level + name, package)
        if absolute in HIDDEN:
            raise ImportError(f"{absolute} is hidden from the library.")
        module = self._find(absolute)
        if module is None:
            if "__rc_library__" not in (globals_ or {}):
                self._library.foreign.add(absolute)
            return builtins.__import__(name, globals_, locals_, fromlist or (), level)
        if hasattr(module, "__path__"):
            for part in fromlist or ():
                self._find_submodule(module, f"{absolute}.{part}", part)
        return module if fromlist else self._find(absolute.partition(".")[0])

    def _find_submodule(self, package: types.ModuleType, name: str, part: str) -> None:
        """Make `from package import part` work where the part is a module."""
        if not hasattr(package, part) and find_standard(name) is not None:
            self._find(name)

    def _find(self, name: str) -> types.ModuleType | None:
        return self._own.get(name) or self._library.find(name)


class _NoLock:
    """Stands where a lock is not needed: nobody else runs meanwhile."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, *exc_info: object) -> None:
        return None


class _ProcessPoolExecutor:
    """Refuses by name what cannot be scheduled."""

    def __init__(self, *_args: object, **_kwargs: object) -> None:
        raise NotUnderControlError(
            "ProcessPoolExecutor starts real processes, which the engine cannot "
            "schedule. Explore the program with a ThreadPoolExecutor."
        )


@functools.cache
def find_standard(name: str) -> importlib.machinery.ModuleSpec | None:
    """Find a module among the standard library's own files.

    Not along `sys.path`: a `sched.py` or `queue.py` beside the program is another's.
    """
    place = _STANDARD.joinpath(*name.split("."))
    package = place / "__init__.py"
    if package.is_file():
        return importlib.util.spec_from_file_location(
            name, package, submodule_search_locations=[str(place)]
        )
    file = place.with_suffix(".py")
    return (
        importlib.util.spec_from_file_location(name, file) if file.is_file() else None
    )


@functools.cache
def _code_of(name: str) -> types.CodeType:
    """Return the code of a module that `find_standard` finds; read it once."""
    loader: Any = find_standard(name).loader  # type: ignore[union-attr]
    code: types.CodeType = loader.get_code(name)
    return code


def _with_globals(
    function: types.FunctionType, names: dict[str, Any]
) -> types.FunctionType:
    return types.FunctionType(
        function.__code__, names, function.__name__, function.__defaults__
    )


def _private(allocate: Callable[[], Lock]) -> Callable[[], Lock]:
    def allocate_private() -> Lock:
        lock = allocate()
        lock.is_private = True
        return lock

    return allocate_private


def _stable_id(thing: object) -> int:
    """Return a number by which the library may sort, the same in every execution."""
    return hash(thing) if type(thing).__hash__ is not object.__hash__ else id(thing)


def _exceptions_of_queue() -> types.ModuleType:
    """Return a `_queue` with nothing but its exception: `SimpleQueue` must be ours."""
    module = types.ModuleType("_queue")
    vars(module)["Empty"] = queue.Empty
    return module


def _os_for_the_library() -> types.ModuleType:
    """Return an `os` that forks nothing and has as many processors everywhere.

    The library, executed again, must not register its fork handlers again; and how
    many threads a pool starts must not depend on the machine.
    """
    module = types.ModuleType("os")
    hidden = {"fork", "register_at_fork"}
    vars(module).update({k: v for k, v in vars(os).items() if k not in hidden})
    vars(module)["cpu_count"] = lambda: _PROCESSORS
    vars(module)["process_cpu_count"] = lambda: _PROCESSORS
    return module
