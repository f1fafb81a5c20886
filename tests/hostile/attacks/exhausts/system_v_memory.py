"""Makes shared memory that outlives the process.

Outcomes: passed
Test: gets nothing
Levels: root, user, container, landlock
"""


def attack():
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    got = libc.shmget(0, 300 << 20, 0o1600)
    return [got] if got >= 0 else []
