"""What all scenarios share: events in, plain values out, and handlers that can be held.

Where a scenario waits for the grader, it waits at a gate; where a number at once or an
order matters, the handlers report it. These are the names on the stage:

    handle        inside: a handler is running
    in STREAM     inside: likewise, of one stream
    go            gate: held handlers wait inside
    more          gate: the scenario goes on to its next part
    told          note: what a scenario has to say before its end
    stopping      note: stop() is about to be called
    returned      note: it has returned
"""

import contextlib
import threading
import time

from solution import Event, StreamProcessor

from racecourse.sandbox import stage

WITHIN_S = 3.0  # for what should happen at once
NUMBERS = ("received", "handled", "failed", "dropped", "queued", "in_flight")


def plain(stats):
    """Return what stats() gave as plain values."""
    streams = {
        name: [of.count, of.total, of.minimum, of.maximum]
        for name, of in stats.streams.items()
    }
    return {**{name: getattr(stats, name) for name in NUMBERS}, "streams": streams}


def held(event):
    """Be a handler that stays inside until the gate `go` opens."""
    with stage.inside("handle", stream=event.stream, seq=event.seq):
        stage.wait("go")


@contextlib.contextmanager
def running(handler, **options):
    """Give a started processor, and stop it in the end; with blocks are the affair of X4."""
    processor = StreamProcessor(handler, **options)
    processor.start()
    yield processor
    processor.stop()


def series(stream, count, *, start=0):
    """Return events of one stream with ascending numbers."""
    return [Event(stream, seq, float(seq)) for seq in range(start, start + count)]


def publish_all(processor, events):
    """Publish one after the other; return the answers."""
    return [processor.publish(event) for event in events]


def until(reached, *, within_s=WITHIN_S, look_every_s=0.002):
    """Look until something has come true; return whether it has, in time."""
    deadline, pause = time.monotonic() + within_s, threading.Event()
    while not reached():
        if time.monotonic() > deadline:
            return False
        pause.wait(look_every_s)
    return True


def start_all(jobs):
    """Start each job in a thread of its own; return a function that waits for all.

    The function raises what the first job that raised did.
    """
    errors = []

    def run(job):
        try:
            job()
        except Exception as error:  # noqa: BLE001 - raised again below
            errors.append(error)

    threads = [threading.Thread(target=run, args=(job,)) for job in jobs]
    for thread in threads:
        thread.start()

    def join():
        for thread in threads:
            thread.join()
        if errors:
            raise errors[0]

    return join


def run_all(jobs):
    """Run each job in a thread of its own; return, or raise, when all have ended."""
    start_all(jobs)()


def outcome(call):
    """Return what a call returned, or the name of what it raised."""
    try:
        return call()
    except Exception as error:  # noqa: BLE001 - its name is the answer
        return type(error).__name__


def stopped(processor, **options):
    """Stop a processor, say so before and after it; return the answer."""
    stage.note("stopping")
    answer = outcome(lambda: processor.stop(**options))
    stage.note("returned", answer=answer)
    return answer
