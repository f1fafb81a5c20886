"""The recorder: follows one execution closely enough to explain it.

Recorded executions are some ten times slower than plain ones. They are used three
times: to learn which sites tasks share, to look for races in the serial run, and
to tell the story of the failing schedule.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from racecourse.engine.clocks import VectorClock
from racecourse.engine.failures import Waiting
from racecourse.engine.happens_before import Detector
from racecourse.engine.sites import Access, Place
from racecourse.engine.threads.lock import Lock
from racecourse.engine.threads.task import Task
from racecourse.engine.threads.values import show
from racecourse.engine.trace import Event

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator, Mapping, Sequence
    from types import FrameType, TracebackType

    from racecourse.engine.happens_before import Race
    from racecourse.engine.sites import Site

_EVENTS_MAX = 5_000
_ACCESSES_MAX = 50_000
"""More than this is a program that goes round in circles: it tells nothing new."""


class _Entry:
    """An event under construction: its value may only be known a little later."""

    __slots__ = ("action", "place", "site", "task", "value")

    def __init__(self, task: str, place: Place, action: str, site: int | None) -> None:
        self.task = task
        self.place = place
        self.action = action
        self.site = site
        self.value: str | None = None


class Recorder:
    """Told by the scheduler, the locks and the hooks what happens."""

    def __init__(self, sites: Sequence[Site], paths: frozenset[str]) -> None:
        self.waiting: tuple[Waiting, ...] = ()
        self.visited: set[int] = set()
        self.wrote_module_state = False
        """Whether something outlives an execution: a class or module was changed."""
        self._sites = sites
        self._paths = paths
        self._races = Detector(updates_conflict=False)
        self._sharing = Detector(updates_conflict=True)
        self._sites_at: dict[Hashable, set[int]] = defaultdict(set)
        self._entries: list[_Entry] = []
        self._names: list[str] = []
        self._latest: dict[int, _Entry] = {}
        self._alive: list[Any] = []  # an address means one object while it lives
        self._made_at: dict[int, Place | None] = {}
        self._taken_at: dict[int, Place | None] = {}
        self._stands: dict[int, tuple[Place | None, str]] = {}

    # What was learned

    def races(self) -> tuple[Race, ...]:
        """Return the pairs of sites that raced."""
        return tuple(sorted(self._races.races))

    def shared_sites(self) -> frozenset[int]:
        """Return the sites that touched a location which tasks share."""
        shared: set[int] = set()
        for location in self._sharing.locations:
            shared |= self._sites_at[location]
        return frozenset(shared)

    def events(self, shared: frozenset[int]) -> tuple[Event, ...]:
        """Return the story, each event marked whether it touches a shared site."""
        return tuple(
            Event(
                task=entry.task,
                place=entry.place,
                action=entry.action
                if entry.value is None
                else f"{entry.action}: {entry.value}",
                shared=entry.site is None or entry.site in shared,
            )
            for entry in self._entries
        )

    def names(self) -> tuple[str, ...]:
        """Return the names of the tasks in the order in which they were started."""
        acting = (entry.task for entry in self._entries)
        return tuple(dict.fromkeys((*self._names, *acting)))

    # Accesses, told by the hooks

    def accessed(
        self, task: Task, site: int, location: Hashable, access: Access, thing: object
    ) -> None:
        """Note an access; `thing` is kept alive so that its address stays its own."""
        if len(self._alive) > _ACCESSES_MAX:
            return
        self._alive.append(thing)
        self.visited.add(site)
        self._sites_at[location].add(site)
        self._races.accessed(task.number, location, access, site)
        self._sharing.accessed(task.actor, location, access, site)
        info = self._sites[site]
        place = Place(path=info.path, line=info.line)
        self._write(task, place, f"{access.value} {info.label}", site)

    def touched(self, task: Task, site: int, thing: object) -> None:
        """Note the use of an object that keeps its own order, or has none."""
        self._alive.append(thing)
        self.visited.add(site)
        location = (id(thing), "*")
        self._sites_at[location].add(site)
        self._sharing.accessed(task.actor, location, Access.UPDATE, site)

    def changed_module_state(self) -> None:
        """Note that a module, class or function was written to."""
        self.wrote_module_state = True

    def passed(self, site: int) -> None:
        """Note that a site was reached without touching anything of interest."""
        self.visited.add(site)

    def learned_value(self, task: Task, site: int, value: object) -> None:
        """Add to the latest event of the task the value that it read or wrote."""
        entry = self._latest.get(task.number)
        if entry is not None and entry.site == site and entry.value is None:
            entry.value = show(value)

    # Order, told by the scheduler and the locks

    def spawned(self, parent: Task, child: Task) -> None:
        """Note that a task was started."""
        self._names.append(child.name)
        self._races.started(parent.number, child.number)
        self._sharing.started(parent.number, child.number)

    def joined(self, waiter: Task, ended: Task) -> None:
        """Note that a task saw another one end."""
        self._races.joined(waiter.number, ended.number)
        self._sharing.joined(waiter.number, ended.number)

    def lock_made(self, lock: Lock) -> None:
        """Note where a lock comes from."""
        self._made_at[id(lock)] = self._here()[0]
        self._alive.append(lock)

    def acquired(self, task: Task, lock: Lock) -> None:
        """Note that a task took a lock."""
        if lock.heard is not None:
            self._races.acquired(task.number, lock.heard)
        place, through = self._here()
        self._taken_at[id(lock)] = place
        if place is not None and not through:
            self._write(task, place, f"takes {self._name(lock)}", None)

    def released(self, task: Task, lock: Lock) -> None:
        """Note that a task freed a lock."""
        if lock.heard is None:
            lock.heard = VectorClock()
        self._races.released(task.number, lock.heard)
        place, through = self._here()
        if place is not None and not through:
            self._write(task, place, f"frees {self._name(lock)}", None)

    def blocked(self, task: Task, waits_for: object) -> None:
        """Note where a task stands still, and in whose name."""
        place, what = self.stands(task, waits_for)
        if place is not None and not isinstance(waits_for, Task):
            self._write(task, place, f"waits for {what}", None)

    def stands(self, task: Task, before: object) -> tuple[Place | None, str]:
        """Note where a task would wait, should it have to."""
        frame, through = self._frame()
        if hasattr(before, "waiting_tasks"):
            through = str(before)  # the library's way into a loop tells nothing
        what = through or self._describe(before)
        place = None if frame is None else _place(frame)
        self._stands[task.number] = (place, what)
        return place, what

    def failed(
        self,
        tasks: Sequence[Task],
        current: Task,
        cause: BaseException | None,
    ) -> Place | None:
        """Note the end; return the line of the program where it showed."""
        if cause is not None:
            place = self._innermost(cause.__traceback__)
            if place is not None:
                self._write(current, place, f"raises {type(cause).__name__}", None)
            return place
        standing = [task for task in tasks if not task.ended and task.waits_for]
        self.waiting = (
            *(self._waiting(task) for task in standing),
            *(inner for task in standing for inner in self._awaiting(task.waits_for)),
        )
        return self._here()[0]

    # Telling

    def _write(self, task: Task, place: Place, action: str, site: int | None) -> None:
        entry = _Entry(task.name, place, action, site)
        self._latest[task.number] = entry
        if len(self._entries) < _EVENTS_MAX:
            self._entries.append(entry)

    def _waiting(self, task: Task) -> Waiting:
        place, what = self._stands.get(task.number, (None, ""))
        waits_for: Any = task.waits_for
        owner = getattr(waits_for, "owner", None)
        if isinstance(waits_for, Task):
            owner = waits_for
        # Inside the library the lock is a detail: a waiter itself "holds" its wake-up.
        holder = "" if owner is None or owner is task else owner.name
        return Waiting(
            task=task.name,
            place=place,
            waits_for=what,
            held_by=holder,
            held_since=self._taken_at.get(id(waits_for)) if holder else None,
        )

    def _awaiting(self, loop: Any) -> Iterator[Waiting]:
        """Tell where the coroutines of an idle event loop stand."""
        for task in getattr(loop, "waiting_tasks", tuple)():
            place = None
            inner = task.get_coro()
            while inner is not None:
                frame = getattr(inner, "cr_frame", None)
                if frame is not None and frame.f_code.co_filename in self._paths:
                    place = _place(frame)
                inner = getattr(inner, "cr_await", None)
            yield Waiting(task=task.get_name(), place=place, waits_for="what it awaits")

    def _describe(self, waits_for: object) -> str:
        if isinstance(waits_for, Lock):
            return self._name(waits_for)
        return str(waits_for)

    def _name(self, lock: Lock) -> str:
        """Return how the program calls a lock, or where it was made."""
        frame = self._frame()[0]
        name = "" if frame is None else _known_as(frame.f_locals, lock)
        if name:
            return f"the lock {name}"
        made = self._made_at.get(id(lock))
        return "a lock" if made is None else f"the lock made in line {made.line}"

    # Frames

    def _here(self) -> tuple[Place | None, str]:
        """Return the program's innermost line, and the library call made there."""
        frame, through = self._frame()
        if frame is None:
            return None, through
        return _place(frame), through

    def _frame(self) -> tuple[FrameType | None, str]:
        frame: FrameType | None = sys._getframe(2)  # noqa: SLF001 - a stack of records costs more
        through = ""
        while frame is not None:
            code = frame.f_code
            if code.co_filename in self._paths:
                return frame, through
            if "__rc_library__" in frame.f_globals:
                through = code.co_qualname
            frame = frame.f_back
        return None, through

    def _innermost(self, traceback: TracebackType | None) -> Place | None:
        place = None
        while traceback is not None:
            path = traceback.tb_frame.f_code.co_filename
            if path in self._paths:
                place = Place(path=path, line=traceback.tb_lineno)
            traceback = traceback.tb_next
        return place


def _place(frame: FrameType) -> Place:
    return Place(path=frame.f_code.co_filename, line=frame.f_lineno)


def _known_as(variables: Mapping[str, object], lock: Lock) -> str:
    """Find a lock among the variables of a frame and their attributes."""
    for name, value in variables.items():
        if _is_lock(value, lock):
            return name
    for name, value in variables.items():
        for attribute, inner in getattr(value, "__dict__", {}).items():
            if _is_lock(inner, lock):
                return f"{name}.{attribute}"
    return ""


def _is_lock(value: object, lock: Lock) -> bool:
    """Tell whether a value is the lock, or a re-entrant lock or condition around it."""
    for attribute in ("_lock", "_block"):
        value = getattr(value, "__dict__", {}).get(attribute, value)
    return value is lock
