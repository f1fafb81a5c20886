"""Programs whose schedules are explored: small, whole, and checked by their own asserts."""

import threading
import time

from solution import Event, StreamProcessor

_MOMENT_S = 5.0


def _handle(event):
    if event.stream == "bad":
        raise ValueError(event.seq)


def _adds_up(stats):
    parts = stats.handled + stats.failed + stats.dropped
    parts += stats.queued + stats.in_flight
    assert stats.received == parts, (
        f"received was {stats.received}, and the other five add up to {parts}"
    )
    counts = sum(stream.count for stream in stats.streams.values())
    assert counts == stats.handled, (
        f"handled was {stats.handled}, and the counts of the streams add up to {counts}"
    )


def pictures():
    """Two looks at stats() while one worker handles two events, of which one fails."""
    processor = StreamProcessor(_handle, workers=1)
    processor.start()

    def look():
        for _ in range(2):
            _adds_up(processor.stats())

    looker = threading.Thread(target=look)
    looker.start()
    processor.publish(Event("bad", 0, 1.0))
    processor.publish(Event("good", 0, 1.0))
    looker.join()
    processor.stop()
    _adds_up(processor.stats())


def totals():
    """Two publishers, of a stream each and one they share; two workers, a queue of one."""
    processor = StreamProcessor(_handle, workers=2, capacity=1)
    processor.start()

    def publish(stream):
        processor.publish(Event("both", 0, 1.0))
        processor.publish(Event(stream, 0, 1.0))

    other = threading.Thread(target=publish, args=("bad",))
    other.start()
    publish("good")
    other.join()
    done = processor.stop()
    assert done, f"stop() returned {done} when nothing was left to do"
    stats = processor.stats()
    _adds_up(stats)
    assert stats.received == 4, f"received: got {stats.received}, expected 4"
    assert stats.handled == 3, f"handled: got {stats.handled}, expected 3"
    assert stats.failed == 1, f"failed: got {stats.failed}, expected 1"


def closing():
    """One thread publishes two events while another one stops the processor."""
    handled = []
    processor = StreamProcessor(lambda event: handled.append(event.seq), workers=1)
    processor.start()
    accepted = []

    def publish():
        try:
            for seq in range(2):
                accepted.append(processor.publish(Event("only", seq, 1.0)))  # noqa: PERF401 - keeps what came before the error
        except RuntimeError:
            pass  # refused, as it should be

    publisher = threading.Thread(target=publish)
    publisher.start()
    processor.stop()
    handled_then = len(handled)
    publisher.join()
    due = accepted.count(True)
    assert len(handled) == handled_then, (
        "an event was handled after stop() had returned"
    )
    assert len(handled) == due, f"{due} events were accepted, {len(handled)} handled"
    _adds_up(processor.stats())


def _take_time(_=None):
    """Let 15 seconds pass, in steps: a clock that leaps would be unfair to who looks at it."""
    for _ in range(5):
        time.sleep(3)  # noqa: TID251 - on the engine's clock


def patience():
    """A publisher waits for room; when there is some, another one may be quicker.

    The engine's time passes when nobody can run, and for a second in all before that.
    """
    processor = StreamProcessor(_take_time, workers=1, capacity=1)
    processor.start()
    for seq in range(2):  # one for the handler, one for the queue
        processor.publish(Event("only", seq, 1.0))

    def come_just_then():
        _take_time()
        processor.publish(Event("only", 3, 1.0), 0.0)

    rival = threading.Thread(target=come_just_then)
    rival.start()
    began = time.monotonic()
    processor.publish(Event("only", 2, 1.0), 20.0)
    took_s = time.monotonic() - began
    assert took_s < 25, (
        "somebody else was quicker to take the room that came, and"
        f" publish(event, timeout=20) returned after {took_s:.0f} s, on a clock of ours"
    )
    rival.join()
    processor.stop()


def last_moment():
    """There is room just when a publisher's time is over: either it has it, or it has not."""
    handled = []

    def handle(event):
        time.sleep(_MOMENT_S)  # noqa: TID251 - virtual, and meant to end with another wait
        handled.append(event.seq)

    processor = StreamProcessor(handle, workers=1, capacity=1)
    processor.start()
    for seq in range(2):  # one for the handler, one for the queue
        processor.publish(Event("only", seq, 1.0))
    accepted = processor.publish(Event("only", 2, 1.0), _MOMENT_S)
    processor.stop()
    assert (2 in handled) == accepted, (
        f"there was room just when publish(event, timeout={_MOMENT_S:g}) gave up: it was"
        f" {accepted}, and the event was {'' if 2 in handled else 'not '}handled"
    )
    due = 2 + accepted
    received = processor.stats().received
    assert received == due, (
        f"received: got {received}, expected {due}, as publish() was True {due} times"
    )
