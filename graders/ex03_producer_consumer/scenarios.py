"""Driver code for producer-consumer: what is made, how it is worked on, and each run.

Everything handed to `run_pipeline` is a record or a function at the top level of this
module, so that it reaches a child process by any start method. A run reports to the
stage under these names:

    produced   note: a source has just made an item
    consume    inside: an item is being consumed
    stopped    note: `stop` has been set
    dying      note: a worker's process is about to end
    idle       note: a consumer's process is about to have nothing to do
    spared     note: produce() runs in the caller's process, which must not end
    seen       note: whether a consumer has inherited the caller's memory
    sources    meeting: the sources of pipelines that run at the same time
    returned   note: run_pipeline has returned or raised
    silent     gate: a source pauses in the middle
    go         gate: held consumers wait inside consume()
    die        gate: the process of an idle consumer ends when it opens
    stop       gate: `stop` is set when it opens
"""

import builtins
import contextlib
import hashlib
import itertools
import multiprocessing
import os
import random
import threading
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from solution import run_pipeline

from racecourse.sandbox import stage, stalling

_APART = 1_000_000  # producer 0 makes the items 1000000, 1000001, ...
_LARGE_BYTES = 1 << 20


# Results as plain values.


def _json(value):
    plain = value is None or type(value) in {bool, int, float, str, list}
    return value if plain else repr(value)


def _plain(result, show=_json):
    """Return a PipelineResult as JSON knows it, its results shown by `show`."""
    wanted = ("results", "errors", "produced", "consumed", "cancelled")
    if not all(hasattr(result, name) for name in wanted):
        raise TypeError(
            f"run_pipeline returned {type(result).__name__}, not a PipelineResult"
        )
    return {
        "results": [show(value) for value in result.results],
        "errors": [[_json(item), _json(text)] for item, text in result.errors],
        "produced": _json(result.produced),
        "consumed": _json(result.consumed),
        "cancelled": _json(result.cancelled),
    }


# Whole runs: a list of items for each producer, a keyed number out of each item.


@dataclass(frozen=True)
class _Lists:
    """Producer i makes the items of list i, perhaps with a pause in the middle."""

    lists: list
    pause_s: float = 0.0

    def __call__(self, number):
        items = self.lists[number]
        middle = len(items) // 2
        yield from items[:middle]
        if self.pause_s:
            time.sleep(self.pause_s)  # noqa: TID251 - a real pause is the point
        yield from items[middle:]


@dataclass(frozen=True)
class _Keyed:
    """Consuming an item gives a number that nobody knows without the key."""

    key: int
    offset: int

    def __call__(self, item):
        return item * self.key + self.offset


def whole_run(lists, key, offset, *, pause_s=0.0, **options):
    """Run one pipeline to its end."""
    source, work = _Lists(lists, pause_s), _Keyed(key, offset)
    run = stalling.solution().run_pipeline
    return _plain(run(source, work, producers=len(lists), **options))


@dataclass(frozen=True)
class _Together:
    """A source that begins when the other pipelines' sources begin too."""

    source: _Lists
    parties: int

    def __call__(self, number):
        stage.meet("sources", parties=self.parties, within_s=3)
        yield from self.source(number)


@dataclass(frozen=True)
class _Held:
    """Work that first waits for the gate `go`."""

    work: _Keyed

    def __call__(self, item):
        stage.wait("go")
        return self.work(item)


def runs_at_once(runs):
    """Run several pipelines at the same time, each from a thread of its own."""

    def work(run):
        source = _Together(_Lists(run["lists"]), parties=len(runs))
        job = _Held(_Keyed(run["key"], run["offset"]))
        return _plain(run_pipeline(source, job, consumers=2))

    with ThreadPoolExecutor(len(runs)) as pool:
        return list(pool.map(work, runs))


# Items that some programs take for their own signals.


class EqualToAll:
    """Compares equal to everything, as values of some libraries do."""

    def __eq__(self, other):
        return True

    def __ne__(self, other):
        return False

    __hash__ = None

    def __repr__(self):
        return "equal to everything"


_ODD = {
    repr(item): item
    for item in (
        *(None, False, 0, -1, "", "STOP", "DONE", "END", (), [], {}, ...),
        *(ValueError("data"), StopIteration(), EqualToAll()),
    )
}


@dataclass(frozen=True)
class _Odd:
    names: list

    def __call__(self, number):
        return (_ODD[name] for name in self.names[number])


def _unchanged(item):
    return item


def odd_run(names, **options):
    """Send odd items through a pipeline that returns them unchanged; name what came."""
    source, producers = _Odd(names), len(names)
    result = run_pipeline(source, _unchanged, producers=producers, **options)
    return _plain(result, show=repr)


# Faults.


class TwoPartError(Exception):
    """An exception that survives no pickling: it wants two arguments and keeps one."""

    def __init__(self, what, why):
        super().__init__(f"{what}: {why}")


@dataclass(frozen=True)
class _Faulty:
    """Work that raises for some items, and for some returns what cannot be pickled."""

    work: _Keyed
    faults: dict
    unpicklable: list

    def __call__(self, item):
        if item in self.unpicklable:
            return threading.Lock()
        if item in self.faults:
            kind, text = self.faults[item]
            if kind == "TwoPartError":
                raise TwoPartError(*text.split(": "))
            raise getattr(builtins, kind)(text)
        return self.work(item)


def faulty_run(lists, key, offset, *, faults, unpicklable=(), **options):
    """Run a pipeline whose consume raises for the items of `faults`."""
    table = {item: (kind, text) for item, kind, text in faults}
    work = _Faulty(_Keyed(key, offset), table, list(unpicklable))
    return _plain(run_pipeline(_Lists(lists), work, producers=len(lists), **options))


@dataclass(frozen=True)
class _Failing:
    """A source where some producers raise at their end, and some at once."""

    source: _Lists
    late: dict
    early: dict

    def __call__(self, number):
        if number in self.early:
            raise RuntimeError(self.early[number])
        return self._items(number)

    def _items(self, number):
        yield from self.source(number)
        if number in self.late:
            raise ValueError(self.late[number])


def failing_sources(lists, key, offset, late, early, **options):
    """Run a pipeline where produce(i) raises: at its end if late, at once if early."""
    source = _Failing(_Lists(lists), dict(late), dict(early))
    work = _Keyed(key, offset)
    return _plain(run_pipeline(source, work, producers=len(lists), **options))


# Start methods.

_set_at_run_time = []


@dataclass(frozen=True)
class _Telling:
    """Work that tells whether it sees what the caller set at run time."""

    work: _Keyed

    def __call__(self, item):
        stage.note("seen", inherited=bool(_set_at_run_time))
        return self.work(item)


def run_in_processes(lists, key, offset):
    """Run processes, by the start method that this worker has been given."""
    _set_at_run_time.append("seen by a forked process only")
    source, work = _Lists(lists), _Telling(_Keyed(key, offset))
    run = {"producers": len(lists), "backend": "process"}
    return _plain(run_pipeline(source, work, **run))


# Arguments.


def _nothing(_):
    return ()


def refusals(cases):
    """Return for each set of arguments the name of the exception, or ''."""
    return [_refusal(case) for case in cases]


def _refusal(case):
    try:
        run_pipeline(_nothing, _unchanged, **case)
    except Exception as error:  # noqa: BLE001 - whatever it is, its name is the answer
        return type(error).__name__
    return ""


# Large items and results.


@dataclass(frozen=True)
class _Large:
    seeds: list

    def __call__(self, _):
        return (random.Random(seed).randbytes(_LARGE_BYTES) for seed in self.seeds)


def _backwards(data):
    return data[::-1]


def large_run(seeds, **options):
    """Send a mebibyte for each seed through processes; return digests of what came."""
    result = run_pipeline(_Large(seeds), _backwards, backend="process", **options)
    return _plain(result, show=lambda data: hashlib.sha256(data).hexdigest())


# Runs that the stage watches.


@dataclass(frozen=True)
class _Watched:
    """Makes `each` numbered items per producer, or without end if that is None.

    All fall silent after some items, but one that ends there, if it is named.
    """

    each: int | None = None
    silent_after: int | None = None
    ends_there: int | None = None

    def __call__(self, number):
        for count in itertools.count() if self.each is None else range(self.each):
            if count == self.silent_after:
                if number == self.ends_there:
                    return
                stage.wait("silent")
            item = (number + 1) * _APART + count
            stage.note("produced", item=item)
            yield item


@dataclass(frozen=True)
class _Seen:
    """Consumes in sight of the stage; may be held, and may burn CPU time."""

    key: int = 1
    hold: bool = False
    burn_s: float = 0.0

    def __call__(self, item):
        with stage.inside("consume", item=item):
            if self.hold:
                stage.wait("go")
            until = time.process_time() + self.burn_s
            while time.process_time() < until:
                pass
            return item * self.key


def watched_run(source, work=None, **options):
    """Run a pipeline in sight of the stage; `source` and `work` say how they behave."""
    source, work = _Watched(**source), _Seen(**(work or {}))
    with _noting_return():
        return _plain(run_pipeline(source, work, **options))


@contextlib.contextmanager
def _noting_return():
    try:
        yield
    finally:
        stage.note("returned")


def stoppable_run(backend, press, **options):
    """Run a pipeline in sight of the stage with a `stop`.

    `press` says when it is set: "never", "before" the run, or at the "gate" `stop`.
    """
    module = threading if backend == "thread" else multiprocessing
    stop = module.Event()
    if press == "before":
        stop.set()
    if press == "gate":
        # Python 3.12 warns of a fork beside a thread; this one only waits.
        warnings.filterwarnings("ignore", ".*multi-threaded.*", DeprecationWarning)
        threading.Thread(target=_press, args=(stop,)).start()
    return watched_run(backend=backend, stop=stop, **options)


def _press(stop):
    stage.wait("stop")
    stop.set()
    stage.note("stopped")


def _die(code):
    """End this process: by the exit code, or by a signal if that is negative."""
    stage.note("dying")
    if code >= 0:
        os._exit(code)
    os.kill(os.getpid(), -code)


def _die_later(code):
    stage.wait("die")
    _die(code)


@dataclass(frozen=True)
class _Deadly:
    """Work that ends its own process at one item, or when it is idle after that."""

    item: int
    code: int
    idle: bool

    def __call__(self, item):
        if item == self.item and self.idle:
            stage.note("idle")
            # A daemon: it must not keep a process that goes home after each item.
            later = {"target": _die_later, "args": (self.code,), "daemon": True}
            threading.Thread(**later).start()
        elif item == self.item:
            _die(self.code)
        return item


@dataclass(frozen=True)
class _Doomed:
    """A source that ends the process it runs in, unless that is the caller's."""

    count: int
    code: int
    caller: int

    def __call__(self, _):
        yield from range(self.count)
        if os.getpid() != self.caller:
            _die(self.code)
        stage.note("spared")


def deadly_run(who, count, code):
    """Run processes of which one ends early.

    `who` ends: a consumer inside consume(), "busy" while the source is silent and
    "leaving" while it goes on; an "idle" one when the gate `die` opens; or a "producer".
    """
    if who == "producer":
        source, work = _Doomed(count, code, os.getpid()), _unchanged
    else:
        source = _Watched(
            each=count + 2, silent_after=None if who == "leaving" else count + 1
        )
        work = _Deadly(_APART + count, code, idle=who == "idle")
    with _noting_return():
        return _plain(run_pipeline(source, work, backend="process"))
