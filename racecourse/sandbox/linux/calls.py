"""System calls that Python's standard library does not offer.

Each function is one call and raises `OSError` when the kernel refuses. Numbers are those
of the two architectures named here; elsewhere the stronger levels are not offered.
"""

import ctypes
import os
import platform
import sys

_MACHINES = {"x86_64": 0, "aarch64": 1}
# (x86_64, aarch64), from the kernel's unistd headers.
_NUMBERS = {
    "pivot_root": (155, 41),
    "capset": (126, 91),
    "mount_setattr": (442, 442),
    "landlock_create_ruleset": (444, 444),
    "landlock_add_rule": (445, 445),
    "landlock_restrict_self": (446, 446),
}
_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_CAPBSET_DROP = 1, 4, 24
_PR_SET_NO_NEW_PRIVS = 38

MACHINE = platform.machine()
SUPPORTED = sys.platform == "linux" and MACHINE in _MACHINES

_libc = ctypes.CDLL(None, use_errno=True)


def set_attribute(option: int, value: int, address: int = 0) -> None:
    """Set an attribute of this process: prctl(2)."""
    rest = map(ctypes.c_ulong, (value, address, 0, 0))
    _checked(_libc.prctl(option, *rest), f"prctl {option}")


def die_with_parent(number: int) -> None:
    """Have the kernel send us this signal when our parent ends."""
    set_attribute(_PR_SET_PDEATHSIG, number)


def set_dumpable(*, dumpable: bool) -> None:
    """Say whether processes of the same user may look into our memory."""
    set_attribute(_PR_SET_DUMPABLE, int(dumpable))


def no_new_privileges() -> None:
    """Give up, for good and for all children, to gain anything through exec."""
    set_attribute(_PR_SET_NO_NEW_PRIVS, 1)


def drop_bounding_set() -> None:
    """Give up, for good, ever to get a capability by running a program."""
    last = int(_read("/proc/sys/kernel/cap_last_cap"))
    for capability in range(last + 1):
        try:
            set_attribute(_PR_CAPBSET_DROP, capability)
        except PermissionError:
            return  # who may not lose them has none to lose


def drop_capabilities() -> None:
    """Give up every capability that this process has."""
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)  # version 3, this process
    nothing = (ctypes.c_uint32 * 6)()
    syscall("capset", header, nothing)


def leave_namespaces(flags: int) -> None:
    """Leave namespaces shared with others: unshare(2)."""
    _checked(_libc.unshare(flags), "unshare")


def mount(
    source: str | None, target: str, kind: str | None, flags: int, data: str = ""
) -> None:
    """Mount something somewhere; `data` is for the kind of file system."""
    done = _libc.mount(
        _text(source), _text(target), _text(kind), ctypes.c_ulong(flags), _text(data)
    )
    _checked(done, f"mount {target}")


def unmount_lazily(target: str) -> None:
    """Unmount now what nobody uses, and the rest when nobody does (MNT_DETACH)."""
    _checked(_libc.umount2(_text(target), 2), f"umount {target}")


def syscall(name: str, *arguments: object) -> int:
    """Make a system call by its number; whole numbers are passed as longs."""
    number = _NUMBERS[name][_MACHINES[MACHINE]]
    passed = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    return _checked(_libc.syscall(ctypes.c_long(number), *passed), name)


def _checked(returned: int, what: str) -> int:
    if returned < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return returned


def _text(value: str | None) -> bytes | None:
    return None if value is None else value.encode()


def _read(path: str) -> str:
    with open(path, encoding="ascii") as file:  # noqa: PTH123 - read at each launch
        return file.read()
