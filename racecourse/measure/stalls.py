"""Find a race by holding one thread at one place: systematic stalls on real threads.

A race hides because the dangerous moment, between a read and its write, is short.
This module makes it long, at one site and one visit at a time: the thread that comes
there is held until another thread has gone through the same site, has made progress
elsewhere, or a few milliseconds are over in which it could have done so. A hold always
ends, so correct code is only slowed down; a thread that waits for a lock the held one
owns costs those milliseconds.

    controller = StallController()
    module = controller.load(path, "solution")
    recording = controller.record(scenario)
    for stall in plan(recording.visits, limit=60):
        outcome = controller.run(scenario, stall)

A failing run is proof. That none fails is a claim about these schedules only. Which
thread comes first to a site is up to the system, so a replay may need a second try.
"""

from __future__ import annotations

import contextlib
import importlib.util
import sys
import threading
import time
import zlib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Generic, Literal, TypeVar

from racecourse.measure.hold import hold
from racecourse.measure.stall_points import Kind, Site, globals_for, rewrite

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from types import ModuleType

__all__ = [
    "Kind",
    "Recording",
    "Site",
    "SiteVisits",
    "Stall",
    "StallController",
    "StallRun",
    "decode",
    "describe",
    "encode",
    "plan",
]

T = TypeVar("T")
Release = Literal["passed", "progress", "time", "not reached"]

HOLD_S = 0.005  # how long a hold is at most where every thread has a core
PASSING_S = 0.001  # for the thread that passed the same site, to act on what it read
PROGRESS_POINTS = 2000  # of others: in a profiler's hook, starting a thread passes 230

_SUSPICION: dict[Kind, int] = {"read-modify-write": 0, "check-then-act": 1, "write": 2}
_really_sleep = time.sleep  # noqa: TID251 - bound before anybody moves the clock


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteVisits:
    """How often a scenario came to a site, and with how many threads."""

    site: Site
    visits: int
    threads: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Stall:
    """Hold the `visit`-th thread that comes to `site`, counted from 1."""

    site: Site
    visit: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording(Generic[T]):
    """One undisturbed run: its outcome and the sites that it reached."""

    value: T | None
    error: BaseException | None
    visits: tuple[SiteVisits, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StallRun(Generic[T]):
    """One run with a stall: its outcome, and what ended the hold."""

    stall: Stall
    value: T | None
    error: BaseException | None
    released: Release


class StallController:
    """Owns the rewritten modules and decides what their points do.

    One scenario at a time. Outside `record` and `run` a point costs one function call.
    """

    def __init__(self) -> None:
        self.sites: tuple[Site, ...] = ()
        self._hook: _Counts | _Hold | None = None

    def load(self, path: Path, name: str) -> ModuleType:
        """Import the file at `path` as module `name`, with its points."""
        return self.load_source(path.read_text(encoding="utf-8"), str(path), name)

    def load_source(self, source: str, file: str, name: str) -> ModuleType:
        """Make module `name` from `source`; leaves it in `sys.modules`.

        Raises:
            SyntaxError: As the source itself would; likewise what its import raises.
        """
        rewritten = rewrite(source, file, first_index=len(self.sites))
        self.sites += rewritten.sites
        spec = importlib.util.spec_from_loader(name, loader=None, origin=file)
        assert spec is not None  # noqa: S101 - a name always makes a spec
        module = importlib.util.module_from_spec(spec)
        vars(module).update(globals_for(self._point), __file__=file)
        sys.modules[name] = module
        try:
            exec(rewritten.code, vars(module))  # noqa: S102 - importing is running
        except BaseException:
            del sys.modules[name]
            raise
        return module

    def record(self, scenario: Callable[[], T]) -> Recording[T]:
        """Run `scenario` once and count who comes where."""
        counts = _Counts()
        with self._hooked(counts):
            value, error = _value_or_error(scenario)
        return Recording(value=value, error=error, visits=counts.of(self.sites))

    def run(
        self, scenario: Callable[[], T], stall: Stall, *, hold_s: float = HOLD_S
    ) -> StallRun[T]:
        """Run `scenario` once with one thread held; returns when the scenario does."""
        hold = _Hold(stall, hold_s)
        with self._hooked(hold):
            value, error = _value_or_error(scenario)
        return StallRun(stall=stall, value=value, error=error, released=hold.released)

    def is_holding(self) -> bool:
        """Whether a thread is held right now; a scenario may act just then."""
        hook = self._hook
        return isinstance(hook, _Hold) and hook.is_holding()

    def is_running(self) -> bool:
        """Whether a recording or a run with a stall is under way."""
        return self._hook is not None

    def first_failure(
        self,
        scenario: Callable[[], T],
        failed: Callable[[Recording[T] | StallRun[T]], bool],
        *,
        limit: int | None = None,
    ) -> Recording[T] | StallRun[T] | None:
        """Record, plan and run until an outcome has `failed`; None if none has."""
        recording = self.record(scenario)
        if failed(recording):
            return recording
        runs = (self.run(scenario, s) for s in plan(recording.visits, limit=limit))
        return next((run for run in runs if failed(run)), None)

    def _point(self, value: T, index: int) -> T:
        hook = self._hook
        if hook is not None:
            hook(index)
        return value

    @contextlib.contextmanager
    def _hooked(self, hook: _Counts | _Hold) -> Iterator[None]:
        self._hook = hook
        try:
            yield
        finally:
            self._hook = None


def plan(
    visits: Iterable[SiteVisits],
    *,
    at: tuple[int, ...] = (1, 2),
    limit: int | None = None,
) -> tuple[Stall, ...]:
    """List the stalls to try, the most suspicious first; the same list every time.

    Sites where several threads met come before those of one thread. Among them
    read-modify-writes come before tests, and tests before plain writes.

    Args:
        visits: What a recording saw.
        at: The visits of each site to hold; a site visited less often has fewer.
        limit: The most stalls to list; all if omitted.
    """
    ranked = sorted(
        ((seen, visit) for seen in visits for visit in at if visit <= seen.visits),
        key=lambda pair: (_rank(pair[0]), pair[1], pair[0].site.index),
    )
    stalls = [Stall(site=seen.site, visit=visit) for seen, visit in ranked]
    return tuple(stalls[:limit])


def describe(stall: Stall) -> str:
    """Tell a student who was held where, with the source line."""
    site = stall.site
    moment = {
        "read-modify-write": "between reading and writing",
        "check-then-act": "between the test and what follows from it",
        "write": "before the value is stored",
    }[site.kind]
    return (
        f"{Path(site.file).name}:{site.line} in {site.function}: `{site.text}`; "
        f"visit {stall.visit} was held {moment}"
    )


def encode(stall: Stall) -> str:
    """Name a stall in a short token, for `decode` and the same source."""
    return f"{stall.site.index}.{stall.visit}.{_fingerprint(stall.site):04x}"


def decode(token: str, sites: Iterable[Site]) -> Stall:
    """Find the stall that `token` names.

    Raises:
        ValueError: If the token is malformed, or the source has changed there.
    """
    try:
        index_text, visit_text, fingerprint_text = token.split(".")
        index, visit = int(index_text), int(visit_text)
        fingerprint = int(fingerprint_text, 16)
    except ValueError:
        raise ValueError(f"not a stall token: {token!r}") from None
    for site in sites:
        if site.index == index and _fingerprint(site) == fingerprint and visit > 0:
            return Stall(site=site, visit=visit)
    raise ValueError(f"token {token!r} is not of this source; it may have changed")


class _Counts:
    """Counts the visits of each thread, and lets others in as often as it can."""

    def __init__(self) -> None:
        self._own = threading.local()
        self._per_thread: list[Counter[int]] = []

    def __call__(self, index: int) -> None:
        own: Counter[int] | None = getattr(self._own, "counts", None)
        if own is None:
            own = self._own.counts = Counter()
            self._per_thread.append(own)
        own[index] += 1
        _really_sleep(0)

    def of(self, sites: tuple[Site, ...]) -> tuple[SiteVisits, ...]:
        counted = [counts.copy() for counts in self._per_thread]
        seen = (
            SiteVisits(
                site=site,
                visits=sum(counts[site.index] for counts in counted),
                threads=sum(site.index in counts for counts in counted),
            )
            for site in sites
        )
        return tuple(each for each in seen if each.visits)


class _Hold:
    """Holds one thread at one visit and watches the others go by."""

    def __init__(self, stall: Stall, hold_s: float) -> None:
        self.released: Release = "not reached"
        self._stall = stall
        self._hold_s = hold_s
        self._lock = threading.Lock()
        self._go = threading.Event()
        self._visits = 0
        self._progress = 0
        self._holder: int | None = None
        self._cause: Release = "time"

    def __call__(self, index: int) -> None:
        if self._is_the_one(index):
            self._hold()
        elif self._holder is not None:
            self._watch(index)

    def is_holding(self) -> bool:
        return self._holder is not None

    def _is_the_one(self, index: int) -> bool:
        if index != self._stall.site.index:
            return False
        with self._lock:
            self._visits += 1
            chosen = self._visits == self._stall.visit
            if chosen:
                self._holder = threading.get_ident()
        return chosen

    def _hold(self) -> None:
        hold(self._go.wait, at_least_s=self._hold_s)
        self.released = self._cause
        if self._cause == "passed":
            hold(threading.Event().wait, at_least_s=PASSING_S)
        self._holder = None

    def _watch(self, index: int) -> None:
        """Note another thread's point; only the held one can be at none."""
        with self._lock:
            self._progress += 1
            if index == self._stall.site.index:
                self._cause = "passed"
            elif self._progress >= PROGRESS_POINTS:
                self._cause = "progress"
            else:
                return
        self._go.set()


def _value_or_error(scenario: Callable[[], T]) -> tuple[T | None, BaseException | None]:
    try:
        return scenario(), None
    except Exception as error:  # noqa: BLE001 - a failing scenario is an outcome
        return None, error


def _rank(seen: SiteVisits) -> tuple[bool, int]:
    return seen.threads < 2, _SUSPICION[seen.site.kind]  # noqa: PLR2004 - one is alone


def _fingerprint(site: Site) -> int:
    return zlib.crc32(f"{site.function}\n{site.text}".encode()) & 0xFFFF
