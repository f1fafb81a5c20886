"""Attaches to another process as a debugger does.

Outcomes: passed
Test: gets nothing
Levels: root, user, container, landlock
"""


def attack():
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    got = []
    for request in (16, 0x4206):
        if libc.ptrace(request, DECOY, 0, 0) == 0:
            got.append(request)
    buffer = ctypes.create_string_buffer(8)
    vector = (ctypes.c_void_p * 2)(ctypes.addressof(buffer), 8)
    if libc.process_vm_readv(DECOY, vector, 1, vector, 1, 0) > 0:
        got.append("process_vm_readv")
    return got
