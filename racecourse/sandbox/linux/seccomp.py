"""Seccomp: system calls that no exercise needs and every exploit likes (seccomp(2)).

Theory of operation. A filter is a small program for the kernel's classic BPF machine; it
sees the number and the arguments of each call, cannot follow pointers, and cannot be
taken off again. Ours is a list of refusals, not of permissions: students' code may use
whatever Python uses, and what is refused are the doors out: other processes' memory,
mounts and namespaces, kernel keyrings, io_uring, BPF, System V objects that outlive the
run, sockets of other families, and calls for another architecture. A refused call gets
EPERM, `clone3` gets ENOSYS, so that the C library falls back to `clone`, whose flags
the filter can see. The set broke none of the 23 features that students' code needs.
"""

import ctypes
import errno
import struct
from collections.abc import Iterator

from racecourse.sandbox.linux import calls

_PR_SET_SECCOMP, _MODE_FILTER = 22, 2
_ALLOW, _ERRNO, _KILL = 0x7FFF0000, 0x00050000, 0x80000000
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER, _ARCHITECTURE, _ARGUMENTS = 0, 4, 16
_X32_BIT = 0x40000000
_AUDIT = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_NEW_NAMESPACES = 0x7E020080  # every CLONE_NEW* flag
_FAMILIES = (1, 2, 10)  # AF_UNIX, AF_INET, AF_INET6
_TERMINAL_TRICKS = (0x5412, 0x541C)  # TIOCSTI, TIOCLINUX

# name: (x86_64, aarch64); None where an architecture lacks the call
_REFUSED: dict[str, tuple[int | None, int | None]] = {
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "process_madvise": (440, 440),
    "kcmp": (312, 272),
    "pidfd_getfd": (438, 438),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    "unshare": (272, 97),
    "setns": (308, 268),
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "shmget": (29, 194),
    "shmat": (30, 196),
    "shmctl": (31, 195),
    "semget": (64, 190),
    "semop": (65, 193),
    "semctl": (66, 191),
    "msgget": (68, 186),
    "msgsnd": (69, 189),
    "msgrcv": (70, 188),
    "msgctl": (71, 187),
    "personality": (135, 92),
    "quotactl": (179, 60),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "reboot": (169, 142),
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "syslog": (103, 116),
    "acct": (163, 89),
    "settimeofday": (164, 170),
    "clock_settime": (227, 112),
    "adjtimex": (159, 171),
    "clock_adjtime": (305, 266),
    "open_by_handle_at": (304, 265),
    "name_to_handle_at": (303, 264),
    "fanotify_init": (300, 262),
    "lookup_dcookie": (212, 18),
    "iopl": (172, None),
    "ioperm": (173, None),
    "modify_ldt": (154, None),
}
_WATCHED = {"clone": (56, 220), "clone3": (435, 435), "socket": (41, 198)}
_WATCHED |= {"ioctl": (16, 29)}

Instruction = tuple[int, int, int, int]  # code, jump if true, jump if false, operand


def restrict() -> None:
    """Put this process and its children under the filter, for good.

    Raises:
        OSError: If the kernel has no seccomp filters.
    """
    calls.no_new_privileges()
    program = list(instructions(calls.MACHINE))
    code = b"".join(struct.pack("HBBI", *each) for each in program)
    buffer = ctypes.create_string_buffer(code)
    header = struct.pack("H6xP", len(program), ctypes.addressof(buffer))
    place = ctypes.create_string_buffer(header)
    calls.set_attribute(_PR_SET_SECCOMP, _MODE_FILTER, ctypes.addressof(place))


def instructions(machine: str) -> Iterator[Instruction]:
    """Yield the filter for a machine, as the kernel's BPF machine runs it."""
    column = {"x86_64": 0, "aarch64": 1}[machine]
    yield (_LOAD, 0, 0, _ARCHITECTURE)
    yield (_EQUAL, 1, 0, _AUDIT[machine])
    yield _return(_KILL)
    yield (_LOAD, 0, 0, _NUMBER)
    if machine == "x86_64":
        yield (_AT_LEAST, 0, 1, _X32_BIT)
        yield _return(_KILL)
    for numbers in _REFUSED.values():
        number = numbers[column]
        if number is not None:
            yield (_EQUAL, 0, 1, number)
            yield _return(_ERRNO | errno.EPERM)
    yield (_EQUAL, 0, 1, _WATCHED["clone3"][column])
    yield _return(_ERRNO | errno.ENOSYS)
    yield from _clone(_WATCHED["clone"][column])
    yield from _one_of(_WATCHED["ioctl"][column], 1, _TERMINAL_TRICKS, refused=True)
    yield from _one_of(_WATCHED["socket"][column], 0, _FAMILIES, refused=False)
    yield _return(_ALLOW)


def _clone(number: int) -> Iterator[Instruction]:
    """Refuse a `clone` that asks for a new namespace."""
    yield (_EQUAL, 0, 4, number)
    yield (_LOAD, 0, 0, _ARGUMENTS)
    yield (_ANY_BIT, 0, 1, _NEW_NAMESPACES)
    yield _return(_ERRNO | errno.EPERM)
    yield _return(_ALLOW)


def _one_of(
    number: int, argument: int, values: tuple[int, ...], *, refused: bool
) -> Iterator[Instruction]:
    """Refuse, or allow only, a call whose argument (32 bits of it) is one of these."""
    count = len(values)
    yield (_EQUAL, 0, 2 * count + 2, number)
    yield (_LOAD, 0, 0, _ARGUMENTS + 8 * argument)
    found, other = _ERRNO | errno.EPERM, _ALLOW
    if not refused:
        found, other = other, found
    for value in values:
        yield (_EQUAL, 0, 1, value)
        yield _return(found)
    yield _return(other)


def _return(action: int) -> Instruction:
    return (_RETURN, 0, 0, action)
