"""Exercise 3: a producer-consumer pipeline, on threads or on processes.

There are two kinds of *hands*, things that are called again and again and answer
`("value", ...)`, `("error", text)` or `("end", "")`:

- a source answers with its next item;
- a worker is given an item and answers with what `consume` made of it.

One thread drives each hand. Between the threads stands a `_Run`, a bounded queue
with its book-keeping behind a single lock. It knows how many producers are left, so
the end needs no sentinel, and any object at all can be an item.

The process backend is the very same program. Only its hands live elsewhere: a
`_Child` passes each call to a process of its own and waits for the answer. So queue,
counters and `stop` stay in this process, where no dying child can take a lock with
it, and a child that dies is noticed as a pipe that ends.
"""

import contextlib
import multiprocessing
import multiprocessing.synchronize
import pickle
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing.connection import Connection
from typing import Any, Generic, Literal, TypeVar

T = TypeVar("T")
R = TypeVar("R")

Answer = tuple[Literal["value", "error", "end"], Any]
Hand = Callable[..., Answer]

# How often the calling thread looks for what cannot wake it: the caller's event, and
# the death of a child that nobody is waiting for.
_LOOK_AROUND_S = 0.05
# How long one that was told to go may take: a producer out of its source, an idle
# child out of its process.
_GRACE_S = 0.25

_NO_MORE = object()


class WorkerDied(RuntimeError):  # noqa: N818 - the name is part of the contract
    """A worker process ended without being asked to."""


@dataclass
class PipelineResult(Generic[R]):
    """What became of all the items of one run.

    Attributes:
        results: What `consume` returned, one per item, in any order.
        errors: `(item, "TypeName: text")` for each item whose `consume` raised, and
            `("producer i", "TypeName: text")` for each `produce(i)` that raised.
        produced: How many items were put on the queue.
        consumed: How many items `consume` returned or raised for.
        cancelled: Whether `stop` ended the run.
    """

    results: list[R]
    errors: list[tuple[Any, str]]
    produced: int
    consumed: int
    cancelled: bool


def run_pipeline(  # noqa: PLR0913 - all but two have a default
    produce: Callable[[int], Iterable[T]],
    consume: Callable[[T], R],
    *,
    producers: int = 1,
    consumers: int = 2,
    maxsize: int = 16,
    backend: Literal["thread", "process"] = "thread",
    stop: "threading.Event | multiprocessing.synchronize.Event | None" = None,
) -> PipelineResult[R]:
    """Consume every item of every producer exactly once.

    Producer i iterates over `produce(i)` in a thread or process of its own and puts
    the items on a queue. The consumers, threads or processes too, take them off and
    call `consume(item)`. The call returns when all producers are exhausted and all
    items are consumed, and leaves no thread and no process behind.

    Args:
        produce: Called with 0, 1, ... `producers - 1`; may go on for ever.
        consume: Called once per item. Its exceptions are recorded, not raised.
        producers: How many producers run at the same time.
        consumers: How many consumers run at the same time.
        maxsize: How many items the queue holds before producers have to wait.
        backend: What producers and consumers are: threads or processes.
        stop: When set, nothing more is taken from the sources, queued items are
            dropped, items being consumed are finished, and the call returns. A
            thread that is busy inside `produce` then is left to come out by itself.

    Raises:
        ValueError: If a count or `maxsize` is below 1, or the backend is unknown.
        WorkerDied: If a worker process ended without being asked to.
    """
    if min(producers, consumers, maxsize) < 1:
        raise ValueError("producers, consumers and maxsize must be at least 1")
    if backend not in ("thread", "process"):
        raise ValueError(f"backend must be 'thread' or 'process', not {backend!r}")
    sources: list[Hand] = [_Source(produce, index) for index in range(producers)]
    workers: list[Hand] = [partial(_answer, consume) for _ in range(consumers)]
    run: _Run[T, R] = _Run(producers, consumers, maxsize, stop)
    return _conduct(run, sources, workers, in_children=backend == "process")


def _conduct(
    run: "_Run[T, R]",
    sources: Sequence[Hand],
    workers: Sequence[Hand],
    *,
    in_children: bool,
) -> PipelineResult[R]:
    """Drive each hand with a thread of its own, and clear up on every way out."""
    children: list[_Child] = []
    threads: list[threading.Thread] = []
    try:
        # All children are born before the first thread: a fork copies the locks of
        # a program, but not the threads that would release them.
        if in_children:
            for hand in (*sources, *workers):
                children.append(_Child(hand))  # noqa: PERF401 - each counts at once
            sources, workers = children[: len(sources)], children[len(sources) :]
        for worker in workers:
            thread = threading.Thread(target=run.drain, args=(worker,))
            thread.start()
            threads.append(thread)
        for each in enumerate(sources):
            # A daemon: sleeping inside `produce`, it must not outlive the program.
            thread = threading.Thread(target=run.feed, args=each, daemon=True)
            thread.start()
            threads.append(thread)
        return run.wait(children)
    finally:
        run.halt()
        _end(children)
        deadline = time.monotonic() + _GRACE_S
        for thread in threads:  # the consumers' threads first, which always end
            patience = max(0, deadline - time.monotonic()) if thread.daemon else None
            thread.join(patience)
        for child in children:  # not before: a thread may have been reading from it
            child.close()


class _Run(Generic[T, R]):
    """A bounded queue that knows who still feeds it, and the books of one run.

    Everything is read and written under one lock, and whoever waits does so for a
    condition on it: there is no moment at which a wake-up could be missed.
    """

    def __init__(
        self,
        producers: int,
        consumers: int,
        maxsize: int,
        stop: "threading.Event | multiprocessing.synchronize.Event | None",
    ) -> None:
        self._changed = threading.Condition()
        self._items: deque[T] = deque()
        self._maxsize = maxsize
        self._left = {"producers": producers, "consumers": consumers}
        self._stop = stop
        self._halted = False  # once true, nothing is put and nothing is taken
        self._failure: BaseException | None = None
        self._result: PipelineResult[R] = PipelineResult([], [], 0, 0, cancelled=False)

    def feed(self, index: int, source: Hand) -> None:
        """Put the items of one source on the queue, in a thread of its own."""
        kind: str = "value"
        with self._leaving("producers"):
            while kind == "value" and not self._stopping():
                kind, value = source()
                if kind == "value":
                    self._put(value)
            if kind == "error":
                with self._changed:
                    self._result.errors.append((f"producer {index}", value))

    def drain(self, worker: Hand) -> None:
        """Have one worker consume items while there are any, in its own thread."""
        with self._leaving("consumers"):
            for item in self._take():
                kind, value = worker(item)
                with self._changed:
                    self._result.consumed += 1
                    if kind == "value":
                        self._result.results.append(value)
                    else:
                        self._result.errors.append((item, value))

    def wait(self, children: "Sequence[_Child]") -> PipelineResult[R]:
        """Return the result once the last consumer has left; raise what broke."""
        tick = _LOOK_AROUND_S if children or self._stop is not None else None
        with self._changed:
            while not self._changed.wait_for(self._is_over, tick):
                self._stopping()
                for child in children:
                    child.check()
            if self._failure is not None:
                raise self._failure
            self._changed.wait_for(lambda: not self._left["producers"], _GRACE_S)
            # A copy: a producer left inside its source must not change it later.
            return replace(
                self._result,
                results=self._result.results.copy(),
                errors=self._result.errors.copy(),
            )

    def halt(self) -> None:
        """Drop what is queued, and send everybody home."""
        with self._changed:
            self._halted = True
            self._items.clear()
            self._changed.notify_all()

    def _stopping(self) -> bool:
        """Whether the run is being ended early; whoever sees `stop` tells the rest."""
        if self._stop is not None and self._stop.is_set():
            with self._changed:
                if not self._halted:
                    self._result.cancelled = True
                    self.halt()
        return self._halted

    def _is_over(self) -> bool:
        return not self._left["consumers"] or self._failure is not None

    def _put(self, item: T) -> None:
        """Put an item on the queue when there is room, unless the run is halted."""
        with self._changed:
            self._changed.wait_for(
                lambda: self._halted or len(self._items) < self._maxsize
            )
            if not self._halted:
                self._items.append(item)
                self._result.produced += 1
                self._changed.notify_all()

    def _take(self) -> Iterator[T]:
        """Yield items, waiting for them, until no more can come."""
        while not self._stopping():
            with self._changed:
                self._changed.wait_for(
                    lambda: self._items or self._halted or not self._left["producers"]
                )
                if not self._items:
                    return
                item = self._items.popleft()
                self._changed.notify_all()
            if not self._stopping():
                yield item

    @contextlib.contextmanager
    def _leaving(self, side: str) -> Iterator[None]:
        """Count the thread out however it ends, so that nobody waits for it."""
        try:
            yield
        except BaseException as error:  # noqa: BLE001 - raised again by `wait`
            with self._changed:
                self._failure = self._failure or error
                self.halt()
        finally:
            with self._changed:
                self._left[side] -= 1
                self._changed.notify_all()


class _Source:
    """The hand that gives the items of `produce(index)`, one for each call."""

    def __init__(self, produce: Callable[[int], Iterable[Any]], index: int) -> None:
        self._produce = produce
        self._index = index
        self._items: Iterator[Any] | None = None

    def __call__(self) -> Answer:
        # Begun here and not in __init__: a generator cannot travel to a child, and
        # what it does first belongs to the producer's own thread or process.
        try:
            if self._items is None:
                self._items = iter(self._produce(self._index))
            # Not caught: a StopIteration of produce's own is an error like any other.
            item = next(self._items, _NO_MORE)
        except BaseException as error:  # noqa: BLE001 - it is the answer
            return "error", _describe(error)
        return ("end", "") if item is _NO_MORE else ("value", item)


def _answer(consume: Callable[[T], R], item: T) -> Answer:
    """The hand of a consumer: the value, or what went wrong."""
    # Every exception, SystemExit too: a thread that ended here would lose its item.
    try:
        return "value", consume(item)
    except BaseException as error:  # noqa: BLE001 - it is the answer
        return "error", _describe(error)


def _describe(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"


class _Child:
    """A hand in a process of its own: called like the hand, one call at a time."""

    # One birth at a time in the whole program: a fork between another child's pipe
    # and its `close` would inherit the far end, and hold it open beyond its owner's
    # death. Reentrant, as in a forked child it is held, by the copy of this thread.
    _birth = threading.RLock()

    def __init__(self, hand: Hand) -> None:
        self._busy = False
        with self._birth:
            self._pipe, far_end = multiprocessing.Pipe()
            self._process = multiprocessing.Process(
                target=_serve, args=(far_end, hand), daemon=True
            )
            with far_end:
                try:
                    self._process.start()
                except BaseException:
                    self._pipe.close()
                    raise

    def __call__(self, *request: Any) -> Answer:
        """Have the hand called over there.

        Raises:
            WorkerDied: If no answer can come any more.
        """
        message = pickle.dumps(request)
        self._busy = True
        try:
            self._pipe.send_bytes(message)
            reply = self._pipe.recv_bytes()
        except (EOFError, OSError):
            raise self._died() from None
        self._busy = False
        try:
            answer: Answer = pickle.loads(reply)  # noqa: S301 - from our own child
        except Exception as error:  # noqa: BLE001 - a value that only pickles one way
            return "error", _describe(error)
        return answer

    def check(self) -> None:
        """Raise WorkerDied if the process has ended."""
        if not self._process.is_alive():
            raise self._died()

    def dismiss(self) -> None:
        """Tell an idle child to go home; a busy one would not listen."""
        if not self._busy:
            with contextlib.suppress(OSError):
                self._pipe.send_bytes(b"")

    def end(self, patience_s: float) -> None:
        """See the process off; kill it if it is busy or slow to go."""
        self._process.join(0 if self._busy else patience_s)
        self._process.kill()
        self._process.join()

    def close(self) -> None:
        """Give back what the process and its pipe hold in this one."""
        self._pipe.close()
        self._process.close()

    def _died(self) -> WorkerDied:
        return WorkerDied(f"worker process {self._process.pid} died")


def _end(children: Sequence[_Child]) -> None:
    """End all children within one period of grace."""
    for child in children:
        child.dismiss()
    deadline = time.monotonic() + _GRACE_S
    for child in children:
        child.end(max(0, deadline - time.monotonic()))


def _serve(pipe: Connection, hand: Hand) -> None:
    """Call the hand for each request, in the child, until an empty message comes."""
    # Ctrl-C goes to every process of a terminal. What follows is for the parent to say.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with contextlib.suppress(EOFError, ConnectionError):  # the parent is gone
        while request := pipe.recv_bytes():
            try:
                answer = pickle.dumps(hand(*pickle.loads(request)))  # noqa: S301
            except Exception as error:  # noqa: BLE001 - the value cannot travel
                answer = pickle.dumps(("error", _describe(error)))
            pipe.send_bytes(answer)
