"""What rewritten code calls at its sites, in three weights.

`lean_hooks`    count the point, nothing else.
`step_hooks`    also say which access comes next, for strategies that ask.
`record_hooks`  also tell the recorder.

The names are those that `rewriting.rewrite` emits, without their underscores.
Hooks are closures over one scheduler: a cell is the fastest thing to reach.
"""

from __future__ import annotations

import collections
import types
from typing import TYPE_CHECKING, Any

from racecourse.engine.sites import ITEMS, Access
from racecourse.engine.strategies.base import Step
from racecourse.engine.threads.lock import Lock

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from racecourse.engine.sites import Site
    from racecourse.engine.threads.recorder import Recorder
    from racecourse.engine.threads.scheduler import Scheduler
    from racecourse.engine.threads.task import Task

Hooks = dict[str, "Callable[..., Any]"]

_CONTAINERS = (
    list,
    dict,
    set,
    collections.deque,
    collections.OrderedDict,
    collections.defaultdict,
    collections.Counter,
    bytearray,
)
_WALKED = frozenset({list, dict, set, collections.deque})
_MUTATORS = frozenset(
    [
        *("append", "extend", "insert", "pop", "remove", "clear", "sort", "reverse"),
        *("add", "discard", "update", "setdefault", "popitem", "appendleft"),
        *("popleft", "extendleft", "rotate", "move_to_end", "subtract"),
        *("__setitem__", "__delitem__", "__iadd__"),
    ]
)
_IMMUTABLE = (
    *(int, float, complex, bool, str, bytes, tuple, frozenset, range, type(None)),
    *(types.FunctionType, types.BuiltinFunctionType, types.MethodType, super),
)
_OUTLIVING = (type, types.ModuleType, types.FunctionType)
_LOCK_FREE = frozenset({"is_set", "isSet", "n_waiting", "broken", "qsize", "empty"})
"""Methods of the controlled library that look at shared state without a lock."""
_SIMPLE_QUEUE = frozenset({"put", "put_nowait"})


def lean_hooks(scheduler: Scheduler) -> Hooks:
    """Return hooks that count points and know nothing else."""

    def at(value: object) -> object:
        scheduler.left -= 1
        if scheduler.left < 0:
            scheduler.ask()
        return value

    def each(iterable: Any, _site: int) -> Any:
        if type(iterable) not in _WALKED:
            return iterable
        return _walk(iterable, lambda: at(None))

    return {"at": at, "each": each, **_common(scheduler)}


def step_hooks(
    scheduler: Scheduler, sites: Sequence[Site], points: Collection[int]
) -> Hooks:
    """Return hooks that announce each access before its point."""

    def reach(site: int, thing: Any, key: object) -> None:
        if site in points:
            location, access = _locate(sites[site], thing, key)
            label = sites[site].name
            scheduler.current.step = Step(location, label, access is not Access.READ)
            scheduler.point()
            scheduler.current.step = None

    def none(*_: object) -> None:
        return None

    return {**_full(scheduler, reach, none, none), **_common(scheduler)}


def record_hooks(
    scheduler: Scheduler,
    sites: Sequence[Site],
    points: Collection[int],
    recorder: Recorder,
    own_modules: Collection[str],
) -> Hooks:
    """Return hooks that tell the recorder what was accessed, and the values."""

    def reach(site: int, thing: Any, key: object) -> None:
        if site in points:
            scheduler.point()
        _record(recorder, scheduler.current, sites[site], site, thing, key, own_modules)

    def learn(site: int, value: object) -> None:
        recorder.learned_value(scheduler.current, site, value)

    def peek(site: int, thing: Any, key: object) -> None:
        recorder.learned_value(
            scheduler.current, site, _peek(thing, key, sites[site].name)
        )

    return {**_full(scheduler, reach, learn, peek), **_common(scheduler)}


def _common(scheduler: Scheduler) -> Hooks:
    def tick() -> None:
        scheduler.loops -= 1
        if scheduler.loops < 0:
            scheduler.step_back()

    return {"tick": tick, "slice": slice}


def _full(
    scheduler: Scheduler,
    reach: Callable[[int, Any, object], None],
    learn: Callable[[int, object], None],
    peek: Callable[[int, Any, object], None],
) -> Hooks:
    """Return the hooks of the full form.

    Args:
        scheduler: Knows the current task.
        reach: Called with (site, thing, key) when everything but the access is done.
        learn: Called with (site, value) when a value is known.
        peek: Called with (site, thing, key) when a value can be looked up.
    """
    held = _held_hooks(scheduler, reach, learn, peek)
    return {**_plain_hooks(scheduler, reach, learn), **held}


def _plain_hooks(
    scheduler: Scheduler,
    reach: Callable[[int, Any, object], None],
    learn: Callable[[int, object], None],
) -> Hooks:
    """Return the hooks of accesses whose operands are ready at once."""

    def read(thing: Any, site: int) -> Any:
        reach(site, thing, None)
        return thing

    def write(thing: Any, site: int) -> Any:
        reach(site, thing, None)
        pending = scheduler.current.value
        if pending is not None and pending[0] == site:
            learn(site, pending[1])
            scheduler.current.value = None
        return thing

    def value(stored: Any, site: int) -> Any:
        scheduler.current.value = (site, stored)
        return stored

    def seen(result: Any, site: int) -> Any:
        learn(site, result)
        return result

    def name(_: object, site: int) -> None:
        reach(site, None, None)

    def name_written(stored: Any, site: int) -> Any:
        reach(site, None, None)
        learn(site, stored)
        return stored

    def each(iterable: Any, site: int) -> Any:
        if type(iterable) not in _WALKED:
            return iterable
        return _walk(iterable, lambda: reach(site, iterable, None))

    return {
        "read": read,
        "write": write,
        "value": value,
        "seen": seen,
        "name": name,
        "name_written": name_written,
        "each": each,
    }


def _held_hooks(
    scheduler: Scheduler,
    reach: Callable[[int, Any, object], None],
    learn: Callable[[int, object], None],
    peek: Callable[[int, Any, object], None],
) -> Hooks:
    """Return the hooks of accesses whose base waits for the other operands."""

    def hold(thing: Any, site: int) -> Any:
        scheduler.current.held.append((site, thing, None))
        return thing

    def key(index: Any, site: int) -> Any:
        reach(site, _let_go(scheduler.current, site)[0], index)
        _learn_pending(scheduler.current, site, learn)
        return index

    def read_hold(thing: Any, site: int) -> Any:
        reach(site, thing, None)
        peek(site, thing, None)
        scheduler.current.held.append((site + 1, thing, None))
        return thing

    def key_hold(index: Any, site: int) -> Any:
        thing, _ = _let_go(scheduler.current, site)
        reach(site, thing, index)
        peek(site, thing, index)
        scheduler.current.held.append((site + 1, thing, index))
        return index

    def late(operand: Any, site: int) -> Any:
        thing, index = _let_go(scheduler.current, site)
        reach(site, thing, index)
        scheduler.current.held.append((site, thing, index))
        return operand

    def after(site: int) -> None:
        peek(site, *_let_go(scheduler.current, site))

    def call(last: Any, site: int) -> Any:
        reach(site, _let_go(scheduler.current, site)[0], None)
        return last

    return {
        "hold": hold,
        "key": key,
        "read_hold": read_hold,
        "key_hold": key_hold,
        "late": late,
        "after": after,
        "call": call,
    }


def _let_go(task: Task, site: int) -> tuple[Any, Any]:
    """Return the base and key held for a site.

    What an exception left behind lies on top and is dropped with it.
    """
    while task.held:
        held_for, thing, key = task.held.pop()
        if held_for == site:
            return thing, key
    return None, None


def _learn_pending(task: Task, site: int, learn: Callable[[int, object], None]) -> None:
    if task.value is not None and task.value[0] == site:
        learn(site, task.value[1])
        task.value = None


def _walk(iterable: Any, step: Callable[[], object]) -> Iterator[Any]:
    """Iterate with a point before each element: others may change the container."""
    iterator = iter(iterable)
    while True:
        step()
        try:
            element = next(iterator)
        except StopIteration:
            return
        yield element


def _peek(thing: Any, key: object, name: str) -> object:
    """Look up what an augmented assignment reads or has written.

    Only in places where looking runs no code of the program.
    """
    if name == ITEMS:
        if type(thing) in _WALKED and key is not None:
            try:
                return thing[key]
            except (LookupError, TypeError):
                return None
        return None
    return getattr(thing, "__dict__", {}).get(name)


def _locate(site: Site, thing: Any, key: object) -> tuple[tuple[int, str], Access]:
    """Return which location a site touches, and how."""
    if site.owner >= 0:
        return (-1 - site.owner, f"{site.module}.{site.name}"), site.access
    if isinstance(thing, _CONTAINERS):
        return _locate_item(site, thing, key)
    return (id(thing), site.name), site.access


def _locate_item(site: Site, thing: Any, key: object) -> tuple[tuple[int, str], Access]:
    if site.name != ITEMS:
        access = Access.UPDATE if site.name in _MUTATORS else Access.READ
        return (id(thing), ITEMS), access
    if type(key) is int or type(key) is str:
        if site.access is Access.READ or isinstance(thing, list) or key in thing:
            return (id(thing), repr(key)), site.access
        # A new key changes the dictionary as a whole, as one atomic step.
        return (id(thing), ITEMS), Access.UPDATE
    if type(key) is slice and site.access is Access.WRITE:
        return (id(thing), ITEMS), Access.UPDATE  # one atomic step, whatever its part
    return (id(thing), ITEMS), site.access


def _record(  # noqa: PLR0913, PLR0917 - called for every access
    recorder: Recorder,
    task: Task,
    info: Site,
    site: int,
    thing: Any,
    key: object,
    own_modules: Collection[str],
) -> None:
    if info.owner < 0:
        if info.access is Access.WRITE and isinstance(thing, _OUTLIVING):
            recorder.changed_module_state()
        if isinstance(thing, (*_IMMUTABLE, Lock)):
            recorder.passed(site)
            return
        if not _is_known(thing, own_modules):
            if _keeps_own_order(thing, info.name):
                recorder.passed(site)
            else:
                recorder.touched(task, site, thing)
            return
    location, access = _locate(info, thing, key)
    recorder.accessed(task, site, location, access, thing)


def _is_known(thing: Any, own_modules: Collection[str]) -> bool:
    """Tell whether the parts of a thing can be told apart from outside."""
    if isinstance(thing, _CONTAINERS):
        return True
    owner = thing if isinstance(thing, type) else type(thing)
    if isinstance(thing, types.ModuleType | types.SimpleNamespace):
        return True
    return any(base.__module__ in own_modules for base in owner.__mro__)


def _keeps_own_order(thing: Any, name: str) -> bool:
    """Tell whether a library object's method meets a point of its own inside."""
    kind = type(thing)
    if not getattr(kind, "__rc_library__", False):
        return False
    if kind.__name__ == "_PySimpleQueue" and name in _SIMPLE_QUEUE:
        return False
    return name not in _LOCK_FREE
