"""Makes the system calls that exploits are made of.

Outcomes: passed
Test: gets nothing
Levels: root, user, container, landlock
"""


def attack():
    import ctypes
    import platform

    libc = ctypes.CDLL(None, use_errno=True)
    numbers = {
        "x86_64": {
            "io_uring": 425,
            "keyctl": 250,
            "bpf": 321,
            "perf": 298,
            "userfaultfd": 323,
            "add_key": 248,
        },
        "aarch64": {
            "io_uring": 425,
            "keyctl": 219,
            "bpf": 280,
            "perf": 241,
            "userfaultfd": 282,
            "add_key": 217,
        },
    }[platform.machine()]
    got = []
    for name, number in numbers.items():
        ctypes.set_errno(0)
        libc.syscall(number, 0, 0, 0, 0, 0)
        if ctypes.get_errno() != 1:
            got.append(name)
    return got
