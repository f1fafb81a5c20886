"""Programs whose schedules are explored: small, whole, and checked by their own asserts.

The next step of any task that is ready may come first; callbacks keep their order, as
asyncio promises. A task named `victim` is cancelled at each of its suspensions in turn.
Here that is one who waits, and who cancels what it waits for when it is cancelled.
Time is virtual.
"""

import asyncio

from solution import TaskManager

_STEPS = 10  # more than the tasks before it and itself take, until a task has ended
_LONG_S = 20  # longer than any manager needs for them


class Mishap(Exception):  # noqa: N818 - a story's word, not a library's
    """What jobs raise on purpose."""


class Inside:
    """How many tasks are inside, clean-up included, and how many there were at most."""

    def __init__(self):
        self.now = 0
        self.most = 0

    async def job(self, seconds=0, error=None):
        """Work, perhaps for a while and in vain, then clean up for a step."""
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            await asyncio.sleep(seconds)
            await asyncio.sleep(0)
            if error is not None:
                raise error
        finally:
            try:
                await asyncio.sleep(0)
            finally:  # the clean-up may be interrupted too
                self.now -= 1


def _run(program):
    """Run a program, and no longer: `asyncio.run` would wait for a manager's own tasks."""
    asyncio.new_event_loop().run_until_complete(program)


async def _cancelled_some_time(handle):
    """Return what cancel() answered; empty if it was called at no time."""
    answers = []
    victim = asyncio.create_task(_cancels(handle, answers), name="victim")
    await asyncio.wait([victim])
    return answers


async def _cancels(handle, answers):
    """Wait, and when it is cancelled, cancel what it waits for."""
    try:
        for _ in range(_STEPS):
            await asyncio.sleep(0)
    except asyncio.CancelledError:
        answers.append(handle.cancel())


async def _end_of(*handles):
    """Return the statuses of tasks once they have ended, or when that takes too long."""
    for _ in range(_LONG_S):
        if not {"pending", "running"} & {handle.status for handle in handles}:
            break
        await asyncio.sleep(1)
    return [handle.status for handle in handles]


def _must_have_ended(statuses, what):
    late = [status for status in statuses if status in {"pending", "running"}]
    assert not late, f"{what} was still {late[0]} {_LONG_S} s later"


def limit():
    """One slot, and tasks that fail, are cancelled, time out, and just end (R1)."""
    _run(_limit())


async def _limit():
    manager, inside = TaskManager(1), Inside()
    handles = [
        manager.submit(inside.job, 0, Mishap()),
        manager.submit(inside.job),
        manager.submit(inside.job, 5, timeout=1),
        manager.submit(inside.job),
    ]
    await _cancelled_some_time(handles[1])
    _must_have_ended(await _end_of(*handles), "one of four tasks")
    assert inside.most == 1, f"{inside.most} tasks ran at once with max_concurrent=1"


def slots():
    """Tasks end badly on one slot, and then another one must get it (R2)."""
    _run(_slots())


async def _slots():
    manager, inside = TaskManager(1), Inside()
    trouble = [
        manager.submit(inside.job, 0, Mishap()),
        manager.submit(inside.job),
        manager.submit(inside.job, 5, timeout=1),
    ]
    await _cancelled_some_time(trouble[1])
    _must_have_ended(await _end_of(*trouble), "one of three tasks that end badly")
    last = manager.submit(inside.job)
    _must_have_ended(await _end_of(last), "a task behind three that ended badly")
    assert last.status == "done", f"an undisturbed task ended {last.status}"


def answer():
    """cancel() comes at any moment of a task's life, and keeps its word (R3)."""
    _run(_answer())


async def _answer():
    manager, inside = TaskManager(1), Inside()
    handles = [manager.submit(inside.job) for _ in range(3)]
    answers = await _cancelled_some_time(handles[1])
    before, status, behind = await _end_of(*handles)
    said = f"cancel() returned {answers[0]}" if answers else "nobody called cancel()"
    due = "cancelled" if True in answers else "done"
    assert status == due, f"{said}, and the task was {status} in the end"
    assert before == "done", f"{said}, and the task before it was {before} in the end"
    assert behind == "done", f"{said}, and the task behind it was {behind} in the end"
    counted = manager.stats()["cancelled"]
    assert counted == (status == "cancelled"), f"stats() counted {counted} as cancelled"
