"""Makes namespaces of its own, and mounts something there.

Outcomes: passed
Test: gets nothing
Levels: root, user, container, landlock
"""


def attack():
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    got = [
        f for f in (0x10000000, 0x20000, 0x40000000, 0x20000000) if libc.unshare(f) == 0
    ]
    if libc.mount(b"tmpfs", b"/tmp", b"tmpfs", 0, None) == 0:
        got.append("mount")
    if libc.chroot(b"/tmp") == 0:
        got.append("chroot")
    return got
