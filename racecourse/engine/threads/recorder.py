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
from racecourse.engine.threads.values import show
from racecourse.engine.trace import Event

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence
    from types import FrameType, TracebackType

    from racecourse.engine.happens_before import Race
    from racecourse.engine.sites import Site
    from racecourse.engine.threads.lock import Lock
    from racecourse.engine.threads.task import Task

_EVENTS_MAX = 5_000


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
        self._sites = sites
        self._paths = paths
        self._races = Detector(updates_conflict=False)
        self._sharing = Detector(updates_conflict=True)
        self._sites_at: dict[Hashable, set[int]] = defaultdict(set)
        self._entries: list[_Entry] = []
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

    # Accesses, told by the hooks

    def accessed(
        self, task: Task, site: int, location: Hashable, access: Access, thing: object
    ) -> None:
        """Note an access; `thing` is kept alive so that its address stays its own."""
        self._alive.append(thing)
        self.visited.add(site)
        self._sites_at[location].add(site)
        self._races.accessed(task.number, location, access, site)
        self._sharing.accessed(task.number, location, access, site)
        info = self._sites[site]
        place = Place(path=info.path, line=info.line)
        self._write(task, place, f"{access.value} {info.label}", site)

    def touched(self, task: Task, site: int, thing: object) -> None:
        """Note the use of an object that keeps its own order, or has none."""
        self._alive.append(thing)
        self.visited.add(site)
        location = (id(thing), "*")
        self._sites_at[location].add(site)
        self._sharing.accessed(task.number, location, Access.UPDATE, site)

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
        self._races.started(parent.number, child.number)
        self._sharing.started(parent.number, child.number)
        if child.number != 0:
            self._note(parent, f"starts {child.name}")

    def joined(self, waiter: Task, ended: Task) -> None:
        """Note that a task saw another one end."""
        self._races.joined(waiter.number, ended.number)
        self._sharing.joined(waiter.number, ended.number)
        self._note(waiter, f"has seen {ended.name} end")

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
        place, through = self._here()
        self._stands[task.number] = (place, through)
        if place is not None:
            what = through or self._describe(waits_for)
            self._write(task, place, f"waits for {what}", None)

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
        self.waiting = tuple(
            self._waiting(task) for task in tasks if not task.ended and task.waits_for
        )
        return self._here()[0]

    # Telling

    def _write(self, task: Task, place: Place, action: str, site: int | None) -> None:
        entry = _Entry(task.name, place, action, site)
        self._latest[task.number] = entry
        if len(self._entries) < _EVENTS_MAX:
            self._entries.append(entry)

    def _note(self, task: Task, action: str) -> None:
        place, _ = self._here()
        if place is not None:
            self._write(task, place, action, None)

    def _waiting(self, task: Task) -> Waiting:
        place, through = self._stands.get(task.number, (None, ""))
        waits_for: Any = task.waits_for
        owner = getattr(waits_for, "owner", None)
        # Inside the library the lock is a detail: nobody "holds" a queue's wake-up.
        holder = "" if owner is None or (through and owner is task) else owner.name
        return Waiting(
            task=task.name,
            place=place,
            waits_for=through or self._describe(waits_for),
            held_by=holder,
            held_since=self._taken_at.get(id(waits_for)) if holder else None,
        )

    def _describe(self, waits_for: object) -> str:
        if id(waits_for) in self._made_at:
            return self._name(waits_for)
        return str(waits_for)

    def _name(self, lock: object) -> str:
        made = self._made_at.get(id(lock))
        return "a lock" if made is None else f"the lock made in line {made.line}"

    # Frames

    def _here(self) -> tuple[Place | None, str]:
        """Return the program's innermost line, and the library call made there."""
        frame: FrameType | None = sys._getframe(2)  # noqa: SLF001 - no public way is fast
        through = ""
        while frame is not None:
            code = frame.f_code
            if code.co_filename in self._paths:
                return Place(path=code.co_filename, line=frame.f_lineno), through
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
