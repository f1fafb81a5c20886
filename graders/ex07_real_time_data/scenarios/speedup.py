"""Speedup scenarios: streams at the same time, and what waiting and working cost.

Besides the names of `scenarios.events` these are on the stage:

    together N    meeting: as many handlers as are expected at once, in round N
    publish N     gate: the scenario publishes the next event
    publishing    note: it does so now, to the processor of so many workers
    started       note: its handler has begun
"""

import contextlib
import threading

from scenarios.events import (
    WITHIN_S,
    held,
    outcome,
    publish_all,
    running,
    series,
    until,
)
from solution import Event, StreamProcessor

from racecourse.sandbox import stage

# S1: streams at the same time.


def meetings(rounds, workers):
    """Let one event of each stream of a round meet, round after round, until one fails."""
    answers = []

    def meet(event):
        name = f"together {event.seq}"
        answers.append(stage.meet(name, parties=workers, within_s=WITHIN_S))

    with running(meet, workers=workers) as processor:
        for number, streams in enumerate(rounds, 1):
            publish_all(processor, [Event(name, number, 0.0) for name in streams])
            until(lambda due=number: len(answers) == due * workers, within_s=9)
            if not all(answers):
                break
    return answers.count(True)


def beside(stuck, others, each, workers):
    """Hold the streams `stuck`, with events queued in each; publish others after it.

    Args:
        stuck: Streams of which the first event is held.
        others: Streams whose events are not.
        each: Events of each stream.
        workers: As for the constructor.
    """

    def handle(event):
        if event.stream in stuck:
            return held(event)
        return stage.note("passed by", stream=event.stream)

    with running(handle, workers=workers) as processor:
        for name in (*stuck, *others):
            publish_all(processor, series(name, each))
        stage.note("told")


def crowd(streams, workers):
    """Publish an event in so many streams, all of which are held."""
    with running(held, workers=workers) as processor:
        publish_all(processor, [Event(f"stream {n}", 0, 0.0) for n in range(streams)])
        stage.note("told")


# S2 to S4: what waiting and working cost.


def no_ops(count):
    """Publish many events that do nothing, in two streams; return how many were handled."""
    processor = StreamProcessor(lambda _: None)
    processor.start()
    for number in range(count):
        processor.publish(Event("odd" if number % 2 else "even", number, 1.0))
    processor.stop()
    return processor.stats().handled


def wake_ups(times):
    """Publish an event whenever a gate opens, in a new stream and in an old one.

    Two processors are given each: one with three workers, whose right one must be woken,
    and one with one, because of three that look now and then one may look just in time.
    """

    def handler_of(workers):
        return lambda event: stage.note("started", number=event.seq, workers=workers)

    with contextlib.ExitStack() as stack:
        processors = {
            workers: stack.enter_context(running(handler_of(workers), workers=workers))
            for workers in (3, 1)
        }
        for processor in processors.values():
            processor.publish(Event("old", 0, 0.0))
        for number in range(1, times + 1):
            stage.wait(f"publish {number}")
            stream = "old" if number % 2 else f"new {number}"
            for workers, processor in processors.items():
                stage.note("publishing", number=number, workers=workers)
                processor.publish(Event(stream, number, 0.0))
        stage.wait("more")  # or stop() would wake who sleeps over the last event


def idle():
    """Handle one event, and be idle until the gate `more` opens."""
    with running(lambda _: None, workers=3) as processor:
        processor.publish(Event("only", 0, 0.0))
        until(lambda: processor.stats().handled == 1)
        stage.note("told")
        stage.wait("more")


def waiting_for_room():
    """Let a publisher wait for room while a handler is held, until the gate `go` opens."""
    with running(held, workers=2, capacity=1) as processor:
        processor.publish(Event("only", 0, 0.0))
        until(lambda: processor.stats().in_flight == 1)
        processor.publish(Event("only", 1, 0.0), 0.5)
        publisher = threading.Thread(
            target=outcome, args=(lambda: processor.publish(Event("only", 2, 0.0)),)
        )
        publisher.start()
        stage.note("told")
        publisher.join(3 * WITHIN_S)
