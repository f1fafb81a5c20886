"""Race scenarios: the submission once more, with a point at each place to hold a thread.

Some streams fail, so that all counts move. A handler may take its time, and then ends as
soon as a thread is held, so that its worker comes by just then.
"""

import contextlib
import functools
import itertools
import sys
import threading
import time

from scenarios.correctness import full_queue  # noqa: F401 - R1 asks it, too
from scenarios.events import WITHIN_S, plain, run_all, start_all, until

from racecourse.sandbox import stage, stalling

_PAUSE_S = 0.001
_DONE_WITHIN_S = 5.0  # for what should take milliseconds
_ROOM_WITHIN_S = 1.0  # for publishers that nobody wakes: they are the affair of X1


def _processor(handler, **options):
    processor = stalling.solution().StreamProcessor(handler, **options)
    processor.start()
    return processor


def _taking(pause_s):
    """Return a handler that takes so long, and fails for some streams."""

    def handle(event):
        stalling.pause(at_most_s=pause_s)
        if event.stream.startswith("bad"):
            raise ValueError(event.seq)

    return handle


def _events(stream, base, count):
    """Return events whose total tells which of them were added.

    Each value is `base`, a multiple of 2**20, and one bit, which comes again after 8.
    """
    make = stalling.solution().Event
    return [make(stream, seq, base + 2.0 ** (seq % 8)) for seq in range(count)]


# R1: pictures.


def _published(processor, streams, each, accepted, go_on=lambda: True):
    """Publish so many events of each stream, a thread for each, noting who was accepted."""

    def publish(stream, base):
        for event in _events(stream, base, each):
            if not go_on():
                return
            if processor.publish(event):
                accepted.append(1)

    return [functools.partial(publish, *stream) for stream in streams.items()]


def many_pictures(streams, each, looks, within_s):
    """Look at stats() so many times while events come and go; return what differed.

    Args:
        streams: The base of the values of each stream; those called bad fail.
        each: The most events of each stream.
        looks: How often to look.
        within_s: When to stop looking all the same.
    """
    processor = _processor(_taking(0.0), workers=3, capacity=5)
    accepted, pictures, over = [], [], threading.Event()

    def look():
        end = time.monotonic() + within_s
        while len(pictures) < looks and time.monotonic() < end:
            due = len(accepted)
            pictures.append((due, processor.stats()))
            time.sleep(0)  # noqa: TID251 - lets others run, so that pictures differ
        over.set()

    jobs = _published(processor, streams, each, accepted, lambda: not over.is_set())
    with _switching_often():
        run_all([look, *jobs])
    done = processor.stop(timeout=_DONE_WITHIN_S)
    pictures.append((len(accepted), processor.stats()))
    # Only now: a picture that goes on changing would be wrong by this time.
    told = [[due, plain(stats)] for due, stats in pictures]
    told = [now for before, now in itertools.pairwise([None, *told]) if now != before]
    return {"done": done, "pictures": told}


@contextlib.contextmanager
def _switching_often():
    """Let other threads run every few steps, and not every 5 ms."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        yield
    finally:
        sys.setswitchinterval(usual)


def pictures(streams, each, overflow):
    """Look at stats() when a thread is held, and now and then, while events come and go."""
    handler = _taking(_PAUSE_S)
    processor = _processor(handler, workers=2, capacity=2, overflow=overflow)
    accepted, over, pictures = [], threading.Event(), []

    def look():
        while not over.is_set():
            stalling.pause(over.is_set, at_most_s=0.002)
            picture = (len(accepted), processor.stats())
            if pictures[-1:] != [
                picture
            ]:  # while a thread is held we look all the time
                pictures.append(picture)

    end_of_looking = start_all([look])
    run_all(_published(processor, streams, each, accepted))
    done = processor.stop(timeout=_DONE_WITHIN_S)
    over.set()
    end_of_looking()
    pictures.append((len(accepted), processor.stats()))
    return {"done": done, "pictures": [[due, plain(stats)] for due, stats in pictures]}


# R2: totals.


def totals(streams, each, sizes, pause_s=_PAUSE_S, within_s=60.0):
    """Publish from a thread for each entry of `streams`; say what was counted.

    Args:
        streams: Stream and base of the values of each publisher.
        each: Events of each publisher, or fewer when the time is over.
        sizes: Workers and capacity.
        pause_s: Seconds that a handler takes.
        within_s: When the time is over. Slow is the affair of other checks.
    """
    workers, capacity = sizes
    processor = _processor(_taking(pause_s), workers=workers, capacity=capacity)
    start, end = threading.Barrier(len(streams)), time.monotonic() + within_s
    answers = [[] for _ in streams]

    def publish(number, stream, base):
        start.wait(WITHIN_S)
        for event in _events(stream, base, each):
            if time.monotonic() > end:
                break
            answers[number].append(processor.publish(event, _DONE_WITHIN_S))

    with _switching_often():
        run_all(
            functools.partial(publish, n, *entry) for n, entry in enumerate(streams)
        )
    done = processor.stop(timeout=_DONE_WITHIN_S)
    return {
        "published": [len(each) for each in answers],
        "accepted": [each.count(True) for each in answers],
        "done": done,
        "letters": len(processor.dead_letters()),
        "stats": plain(processor.stats()),
    }


def seen_from_outside(streams, each, sizes):
    """Publish from a thread for each stream, every event twice; the grader counts.

    Args:
        streams: The stream of each publisher.
        each: How many different events each of them publishes.
        sizes: Workers and capacity.
    """
    workers, capacity = sizes
    handled = []

    def handle(event):
        # The answer is held back, so that whoever else has this event can ask, too.
        stage.read(f"{event.stream}:{event.seq}")
        handled.append(event)

    processor = _processor(handle, workers=workers, capacity=capacity)
    accepted = []

    def publish(stream):
        for event in _events(stream, 0.0, each):
            accepted.extend(processor.publish(event, _DONE_WITHIN_S) for _ in range(2))

    run_all(functools.partial(publish, stream) for stream in streams)
    until(lambda: len(handled) >= accepted.count(True), within_s=_ROOM_WITHIN_S)
    processor.stop(timeout=_DONE_WITHIN_S)
    return accepted.count(True)


# R3: publish and stop.


def closing(publishers, each, overflow, drain):
    """Stop while others publish, half-way through or when a thread is held."""
    handled, late, accepted = [], [], []
    returned, half = threading.Event(), threading.Event()

    def handle(event):
        stalling.pause(returned.is_set, at_most_s=_PAUSE_S)
        (late if returned.is_set() else handled).append(event.seq)

    processor = _processor(handle, workers=2, capacity=2, overflow=overflow)

    def publish(stream):
        for number, event in enumerate(_events(stream, 0.0, each)):
            if number == each // 2:
                half.set()
                stalling.pause(returned.is_set, at_most_s=WITHIN_S)
            try:
                accepted.append(processor.publish(event, _ROOM_WITHIN_S))
            except RuntimeError:
                half.set()  # refused, as it should be
                return

    streams = [f"stream {n}" for n in range(publishers)]
    end_of_publishing = start_all(functools.partial(publish, name) for name in streams)
    stalling.pause(half.is_set, at_most_s=WITHIN_S)
    done = processor.stop(drain=drain, timeout=_DONE_WITHIN_S)
    returned.set()
    end_of_publishing()
    stalling.pause(lambda: late, at_most_s=0.002)  # who is late needs a moment to come
    return {
        "done": done,
        "accepted": accepted.count(True),
        "handled": len(handled),
        "late": len(late),
        "stats": plain(processor.stats()),
    }
