"""fasteners: a re-entrant lock for readers and writers, first come, first served."""

import threading

from fasteners.lock import ReaderWriterLock


def _in_threads(*calls):
    threads = [threading.Thread(target=call) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def a_writer_may_read_while_another_one_waits():
    """The program of harlowja/fasteners#86."""
    lock = ReaderWriterLock()

    def write_and_read():
        with lock.write_lock(), lock.read_lock():
            pass

    def write():
        with lock.write_lock():
            pass

    _in_threads(write_and_read, write)


def a_writer_is_alone():
    lock = ReaderWriterLock()
    inside = []

    def read():
        with lock.read_lock():
            inside.append("reader")
            assert "writer" not in inside
            inside.remove("reader")

    def write():
        with lock.write_lock():
            assert inside == []
            inside.append("writer")
            inside.remove("writer")

    _in_threads(read, write, read)


def a_writer_may_enter_twice():
    lock = ReaderWriterLock()
    written = []

    def write():
        with lock.write_lock(), lock.write_lock():
            written.append(len(written))

    _in_threads(write, write)
    assert written == [0, 1]
