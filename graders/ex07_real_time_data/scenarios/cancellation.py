"""Cancellation scenarios: publishers that wait, handlers that are stuck, and all who stop.

Besides the names of `scenarios.events` these are on the stage:

    publishing    note: a publisher is about to wait for room
    answered      note: it has an answer

Every processor is kept until the worker ends, so that garbage collection hides nothing.
"""

import threading

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

_KEPT = []


def _processor(*args, **options):
    processor = StreamProcessor(*args, **options)
    _KEPT.append(processor)
    return processor


# X1: publishers that wait for room.


def closing_on_publishers(publishers, drain):
    """Stop while so many publishers wait for room behind a held handler."""
    processor = _processor(held, workers=1, capacity=1)
    processor.start()
    processor.publish(Event("only", 0, 0.0))
    until(lambda: processor.stats().in_flight == 1)
    second = processor.publish(Event("only", 1, 0.0), 0.5)
    answers = []

    def publish(number):
        stage.note("publishing")
        event = Event("only", 2 + number, 0.0)
        answers.append(outcome(lambda: processor.publish(event)))
        stage.note("answered")

    threads = [
        threading.Thread(target=publish, args=(number,)) for number in range(publishers)
    ]
    for thread in threads:
        thread.start()
    stage.wait("more")
    answer = stopped(processor, drain=drain)
    for thread in threads:
        thread.join(WITHIN_S)
    return [second, answer, answers, plain(processor.stats())]


# X2: stop in time.


def stuck(workers, waiting, timeout):
    """Stop with a timeout while every worker is stuck and events are queued."""
    processor = _processor(held, workers=workers)
    processor.start()
    for number in range(workers):
        publish_all(processor, series(f"stream {number}", 1 + waiting))
    stage.wait("more")
    first = stopped(processor, timeout=timeout)
    at_return = plain(processor.stats())
    stage.note("told")
    stage.wait("go")
    until(lambda: processor.stats().in_flight == 0)
    second = stopped(processor)
    return [first, at_return, second, plain(processor.stats())]


def quick_stops(times, timeout):
    """Stop a processor that has nothing to do, again and again."""
    answers = []
    for _ in range(times):
        processor = _processor(lambda _: None, workers=2)
        processor.start()
        processor.publish(Event("only", 0, 0.0))
        until(lambda p=processor: p.stats().handled == 1)
        answers.append(processor.stop(timeout=timeout))
        if answers[-1] is not True:
            processor.stop()
    return answers


# X3: who may stop.


def stopped_inside(handlers, waiting, drain):
    """Stop inside so many handlers at once, with events queued; then outside."""
    inside, answers = [], []

    def handle(event):
        if event.seq == 0:
            inside.append(event)
            stage.wait("go")
            answers.append(stopped(processor, drain=drain))
        else:
            stage.note("handled", stream=event.stream)

    processor = _processor(handle, workers=handlers)
    processor.start()
    streams = [series(f"stream {number}", 1 + waiting) for number in range(handlers)]
    publish_all(processor, [first for first, *_ in streams])
    until(lambda: len(inside) == handlers)
    for _, *others in streams:
        publish_all(processor, others)
    stage.note("told")
    until(lambda: len(answers) == handlers, within_s=2 * WITHIN_S)
    if len(answers) == handlers:
        answers.append(outcome(processor.stop))
    return [answers, plain(processor.stats())]


def stopped_by_two(waiting):
    """Stop in two threads while a handler is held; then once more."""
    processor = _processor(held, workers=1)
    processor.start()
    publish_all(processor, series("only", 1 + waiting))
    stage.wait("more")
    answers = []

    def stop():
        answers.append(stopped(processor))

    run_all([stop, stop])
    answers.append(outcome(processor.stop))
    return [answers, plain(processor.stats())]


# X4: with blocks.


def with_block(text, waiting):
    """Leave a with block while a handler is held, by an exception if there is a text."""
    told = ""
    try:
        with _processor(held, workers=1) as processor:
            publish_all(processor, series("only", 1 + waiting))
            until(lambda: processor.stats().in_flight == 1)
            stage.note("told")
            if text:
                raise ValueError(text)  # noqa: TRY301 - out of a with block
    except ValueError as error:
        told = str(error)
    return [told, plain(processor.stats())]


def many_processors(count):
    """Start and stop several processors, one after the other; say how each stop went."""
    answers = []
    for number in range(count):
        processor = _processor(lambda _: None, workers=3)
        processor.start()
        publish_all(processor, series(f"stream {number}", 3))
        answers.append(processor.stop())
    return answers


def stopped_during_on_error():
    """Stop while the only event has failed, and on_error is held."""

    def handle(event):
        raise ValueError(event.seq)

    processor = _processor(handle, workers=1, on_error=lambda event, _: held(event))
    processor.start()
    processor.publish(Event("only", 0, 0.0))
    stage.wait("more")
    return stopped(processor)
