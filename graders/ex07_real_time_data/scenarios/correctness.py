"""Correctness scenarios: aggregates, order, a full queue, errors, the life cycle.

Besides the names of `scenarios.events` this is on the stage:

    reporting     note: on_error has been called, and waits at `go`; twice
"""

import asyncio
import builtins
import functools
import itertools
import queue
import threading
import time

from scenarios.events import (
    WITHIN_S,
    held,
    outcome,
    plain,
    publish_all,
    run_all,
    series,
    stopped,
    until,
)
from solution import Event, StreamProcessor

from racecourse.sandbox import stage

# C1, C2: aggregates and order.


def aggregates(streams):
    """Publish each stream in a thread of its own; say what was handled and counted."""
    handled, published = [], threading.Event()

    def handle(event):
        if event.seq == 0:  # so that most events are still queued when stop() is called
            published.wait(WITHIN_S)
        handled.append([event.stream, event.seq, event.value])

    processor = StreamProcessor(handle)
    processor.start()
    at_first = plain(processor.stats())
    answers = []

    def publish(stream, values):
        events = [Event(stream, seq, value) for seq, value in enumerate(values)]
        answers.extend(publish_all(processor, events))

    run_all(functools.partial(publish, *item) for item in streams.items())
    published.set()
    done = processor.stop(timeout=3 * WITHIN_S)
    return {
        "at_first": at_first,
        "answers": answers,
        "done": done,
        "handled": handled,
        "stats": plain(processor.stats()),
    }


def lanes(events, first, workers):
    """Handle events of several streams; that of `first` with number 0 waits at `go`.

    Args:
        events: Stream, number and seconds of each event, in the order of publishing.
        first: The stream with the event that is held.
        workers: As for the constructor.
    """
    pause = threading.Event()

    def handle(event):
        with stage.inside(f"in {event.stream}", stream=event.stream, seq=event.seq):
            if (event.stream, event.seq) == (first, 0):
                stage.wait("go")
            pause.wait(event.value)
            # The grader keeps a number for each stream, and lets a second reader in.
            stage.write(event.stream, stage.read(event.stream) + 1)

    processor = StreamProcessor(handle, workers=workers)
    processor.start()
    publish_all(processor, [Event(*event) for event in events])
    stage.note("told")
    return processor.stop(timeout=3 * WITHIN_S)


# C3: a full queue.


def _busy(handler, **options):
    """Return a processor whose only worker is inside its first event."""
    processor = StreamProcessor(handler, workers=1, **options)
    processor.start()
    processor.publish(Event("first", 0, 0.0))
    until(lambda: processor.stats().in_flight == 1)
    return processor


def full_queue(overflow, filling, extra, timeout):
    """Fill the queue behind a held worker; publish some more; then let go.

    Args:
        overflow: What was agreed.
        filling: Streams of as many events as may be queued.
        extra: Streams of the events after these.
        timeout: For publishing these.
    """
    processor = _busy(held, capacity=len(filling), overflow=overflow)
    streams = enumerate(filling + extra, 1)
    events = [Event(stream, n, float(n)) for n, stream in streams]
    answers = publish_all(processor, events[: len(filling)])
    began = time.monotonic()
    more = [processor.publish(event, timeout) for event in events[len(filling) :]]
    took_s = time.monotonic() - began
    at_full = plain(processor.stats())
    stage.note("told")
    stage.wait("go")
    done = processor.stop(timeout=3 * WITHIN_S)
    at_end = plain(processor.stats())
    return {
        "answers": answers,
        "more": more,
        "took_s": took_s,
        "at_full": at_full,
        "done": done,
        "at_end": at_end,
    }


def patient_publisher(timeout):
    """Publish to a full queue, where there is room only when the gate `go` opens.

    The event that makes room then is held itself, at the gate `later`.
    """

    def handle(event):
        with stage.inside("handle", stream=event.stream, seq=event.seq):
            stage.wait("later" if event.stream == "queued" else "go")

    processor = _busy(handle, capacity=1)
    processor.publish(Event("queued", 0, 0.0))
    answers = []

    def publish():
        stage.note("publishing")
        answers.append(processor.publish(Event("late", 0, 0.0), timeout))
        stage.note("published")

    publisher = threading.Thread(target=publish)
    publisher.start()
    publisher.join(3 * WITHIN_S)
    done = processor.stop(timeout=WITHIN_S)
    return [answers, done, plain(processor.stats())]


# C4, C7: errors.


class SensorError(Exception):
    """An exception of the student's program."""


class Alarm(BaseException):
    """An exception that is no Exception."""


_KINDS = {
    "Alarm": Alarm,
    "CancelledError": asyncio.CancelledError,
    "Empty": queue.Empty,
    "Full": queue.Full,
    "SensorError": SensorError,
}


def _raise(kind, text):
    error = _KINDS.get(kind) or getattr(builtins, kind)
    raise error(text)


def _told(event, error):
    return [event.stream, event.seq, type(error).__name__, str(error)]


def failing(events, bad):
    """Handle events of which some fail; on_error is held twice, and raises most times.

    It is held at the first failure of two streams: the others of the one are queued then,
    those of the other one are published meanwhile.

    Args:
        events: Stream and number of each event, in the order of publishing.
        bad: Stream, number, kind of exception and text for those that fail.
    """
    errors = {(stream, seq): error for stream, seq, *error in bad}
    raising = dict(zip(errors, itertools.cycle([None, RuntimeError, SystemExit])))
    firsts = {}
    for stream, seq in errors:
        firsts.setdefault(stream, seq)
    held_at = [*firsts.items()][:2]
    alone, last = held_at[1]
    called, handled, heard, written, reporting, overtaking = [], [], [], [], [], []

    def handle(event):
        called.append([event.stream, event.seq])
        if error := errors.get((event.stream, event.seq)):
            _raise(*error)
        handled.append([event.stream, event.seq])

    def on_error(event, error):
        heard.append((event, error))
        if (event.stream, event.seq) in held_at:
            written.extend(_is_written(processor, error))
            stage.note("reporting")
            reporting.append(event)
            stage.wait("go")
            this = [event.stream, event.seq]
            since = called[called.index(this) + 1 :]
            overtaking.extend(e for e in since if e[0] == this[0] and e != this)
        if kind := raising[event.stream, event.seq]:
            raise kind("on_error has failed")

    processor = StreamProcessor(handle, workers=3, on_error=on_error)
    processor.start()
    late = [e for e in events if e[0] == alone and e[1] > last]
    publish_all(processor, [Event(*e, 1.0) for e in events if e not in late])
    until(lambda: len(reporting) == 2, within_s=1.0)  # perhaps it is called in turn
    publish_all(processor, [Event(*e, 1.0) for e in late])
    stage.note("told")
    stage.wait("go")  # not in stop(), or how long it takes would be up to the grader
    done = processor.stop(timeout=3 * WITHIN_S)
    letters = processor.dead_letters()
    known = {id(error) for _, error in letters}
    seen = {
        "done": done,
        "called": called,
        "handled": handled,
        "letters": [_told(*letter) for letter in letters],
        "heard": [_told(*letter) for letter in heard],
        "same": sum(id(error) in known for _, error in heard),
        "written": written,
        "overtaking": overtaking,
        "stats": plain(processor.stats()),
    }
    letters.clear()
    return {**seen, "kept": len(processor.dead_letters())}


def _is_written(processor, error):
    """Return whether a dead letter has this exception; nothing if nobody can say now.

    Another thread looks, because on_error may be called with a lock held.
    """
    answers = []

    def look():
        letters = processor.dead_letters()
        answers.append(any(error is written for _, written in letters))

    looker = threading.Thread(target=look, daemon=True)
    looker.start()
    looker.join(1.0)
    return answers


def hard_failures(kinds, text):
    """Have the only worker handle events that raise, each followed by one that does not."""
    handled = []

    def handle(event):
        if event.stream == "bad":
            _raise(kinds[event.seq], text)
        handled.append(event.seq)

    processor = StreamProcessor(handle, workers=1)
    processor.start()
    for number in range(len(kinds)):
        publish_all(processor, [Event("bad", number, 1.0), Event("good", number, 1.0)])
        if not until(lambda due=number: len(handled) > due):
            return [handled, None, []]  # it will not come back; neither would stop
    processor.stop(timeout=WITHIN_S)
    letters = [_told(*letter)[1:] for letter in processor.dead_letters()]
    return [handled, plain(processor.stats()), letters]


# C5, C6: beginning and end.


def life_cycle(policies):
    """Publish before start, after it and after stop, for each policy of a full queue."""
    seen = []
    for overflow in policies:
        processor = StreamProcessor(lambda _: None, overflow=overflow)
        publish = functools.partial(processor.publish, Event("any", 0, 0.0), 1.0)
        before = outcome(publish)
        processor.start()
        between = outcome(publish)
        processor.stop()
        seen.append([before, between, outcome(publish), plain(processor.stats())])
    return seen


def refusals(cases):
    """Return for each set of arguments what the constructor raised."""
    return [
        outcome(lambda case=case: StreamProcessor(print, **case) and "")
        for case in cases
    ]


def stopping(drain, waiting):
    """Stop while the only worker is held, with events queued in three streams."""
    processor = _busy(held)
    stage.note("told")
    stage.wait("more")
    for stream in ("first", "second", "third"):
        publish_all(processor, series(stream, waiting, start=1))
    answer = stopped(processor, drain=drain)
    return [answer, plain(processor.stats())]
