"""janus: a queue with one end for threads and one for coroutines."""

import asyncio
import threading

import janus


async def a_thread_feeds_a_coroutine():
    queue = janus.Queue(maxsize=1)

    def feed():
        for item in range(3):
            queue.sync_q.put(item)

    thread = threading.Thread(target=feed)
    thread.start()
    assert [await queue.async_q.get() for _ in range(3)] == [0, 1, 2]
    thread.join()
    await queue.aclose()


async def a_coroutine_feeds_two_threads():
    queue = janus.Queue(maxsize=1)
    taken = []

    def take():
        taken.append(queue.sync_q.get())

    takers = [asyncio.create_task(asyncio.to_thread(take)) for _ in range(2)]
    for item in "ab":
        await queue.async_q.put(item)
    await asyncio.gather(*takers)
    assert sorted(taken) == ["a", "b"]
    await queue.aclose()


async def join_waits_for_the_work_of_a_thread():
    queue = janus.Queue()
    done = []

    def work():
        for _ in range(2):
            done.append(queue.sync_q.get())
            queue.sync_q.task_done()

    await queue.async_q.put(1)
    await queue.async_q.put(2)
    worker = asyncio.create_task(asyncio.to_thread(work))
    await queue.async_q.join()
    assert done == [1, 2]
    await worker
    await queue.aclose()
