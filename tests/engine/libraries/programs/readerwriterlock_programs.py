"""readerwriterlock: three locks, which prefer readers, writers, or nobody."""

import threading

from readerwriterlock.rwlock import RWLockFair, RWLockFairD, RWLockRead, RWLockWrite


class Room:
    """Counts who is inside and refuses a writer who is not alone."""

    def __init__(self):
        self.guard = threading.Lock()
        self.readers = self.writers = 0

    def enter(self, *, write):
        with self.guard:
            self.writers += write
            self.readers += not write
            assert self.writers == 0 or (self.writers, self.readers) == (1, 0)

    def leave(self, *, write):
        with self.guard:
            self.writers -= write
            self.readers -= not write


def _visit(lock, room, *, write):
    with lock.gen_wlock() if write else lock.gen_rlock():
        room.enter(write=write)
        room.leave(write=write)


def _readers_and_writers(lock, *writes):
    room = Room()
    threads = [
        threading.Thread(target=_visit, args=(lock, room), kwargs={"write": write})
        for write in writes
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def the_fair_lock_keeps_a_writer_alone():
    _readers_and_writers(RWLockFair(), False, True, False)


def the_lock_for_readers_keeps_a_writer_alone():
    _readers_and_writers(RWLockRead(), False, True, False)


def the_lock_for_writers_keeps_writers_alone():
    _readers_and_writers(RWLockWrite(), True, False, True)


def a_writer_that_steps_down_lets_readers_in():
    lock, room = RWLockFairD(), Room()

    def write_then_read():
        mine = lock.gen_wlock()
        assert mine.acquire()
        room.enter(write=True)
        room.leave(write=True)
        mine = mine.downgrade()
        room.enter(write=False)
        room.leave(write=False)
        mine.release()

    threads = [
        threading.Thread(target=write_then_read),
        threading.Thread(target=_visit, args=(lock, room), kwargs={"write": False}),
        threading.Thread(target=_visit, args=(lock, room), kwargs={"write": True}),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def a_reader_that_gives_up_leaves_no_trace():
    lock, room = RWLockFair(), Room()

    def try_to_read():
        mine = lock.gen_rlock()
        if mine.acquire(timeout=1):
            room.enter(write=False)
            room.leave(write=False)
            mine.release()

    threads = [
        threading.Thread(target=_visit, args=(lock, room), kwargs={"write": True}),
        threading.Thread(target=try_to_read),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    _visit(lock, room, write=True)
