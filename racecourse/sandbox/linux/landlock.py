"""Landlock: a worker that may read and write only where it is told (landlock(7)).

Theory of operation. A process builds a set of rules, gives up to gain privileges, and
binds itself and all its children to the set for good. What is handled and not allowed is
refused with EACCES. Landlock knows file hierarchies; from ABI 6 on it also keeps a
process from signalling, or reaching by abstract sockets, any process outside.

What it does not do: it does not mediate connecting to a Unix socket by its path, UDP, or
reading `/proc` of others where the user is the same. So it is the level for places
without namespaces, and its promises are fewer.
"""

import ctypes
import os
import struct
from collections.abc import Iterable

from racecourse.sandbox.linux import calls

_VERSION_FLAG = 1
_PATH_BENEATH = 1
_READ_FILE, _READ_DIR, _EXECUTE, _WRITE_FILE = 1 << 2, 1 << 3, 1 << 0, 1 << 1
_ALL_FIRST = (1 << 13) - 1  # execute .. make_sym
_REFER, _TRUNCATE, _IOCTL_DEV = 1 << 13, 1 << 14, 1 << 15
_ABI_REFER, _ABI_TRUNCATE, _ABI_IOCTL, _ABI_SCOPES = 2, 3, 5, 6
_SCOPE_ABSTRACT_SOCKETS, _SCOPE_SIGNALS = 1, 2


def abi() -> int:
    """Return the version of landlock that this kernel has; 0 if it has none."""
    try:
        return calls.syscall("landlock_create_ruleset", None, 0, _VERSION_FLAG)
    except OSError:
        return 0


def restrict(
    *, readable: Iterable[str], listable: Iterable[str], writable: Iterable[str]
) -> None:
    """Allow this process and its children nothing else of the file system, for good.

    Args:
        readable: Files and folders to read and to execute.
        listable: Folders of which the names may be listed, those in folders of theirs too.
        writable: Folders, and devices, in which anything goes.

    Raises:
        OSError: If the kernel has no landlock, or not enough of it.
    """
    version = abi()
    handled = _handled(version)
    scopes = _SCOPE_ABSTRACT_SOCKETS | _SCOPE_SIGNALS if version >= _ABI_SCOPES else 0
    attributes = struct.pack("QQQ", handled, 0, scopes)
    size = len(attributes) if version >= _ABI_SCOPES else 8
    ruleset = calls.syscall("landlock_create_ruleset", attributes, size, 0)
    try:
        for path in readable:
            _allow(ruleset, path, _READ_FILE | _READ_DIR | _EXECUTE)
        for path in listable:
            _allow(ruleset, path, _READ_DIR)
        for path in writable:
            _allow(ruleset, path, handled)
        calls.no_new_privileges()
        calls.syscall("landlock_restrict_self", ruleset, 0)
    finally:
        os.close(ruleset)


def _handled(version: int) -> int:
    handled = _ALL_FIRST
    handled |= _REFER if version >= _ABI_REFER else 0
    handled |= _TRUNCATE if version >= _ABI_TRUNCATE else 0
    return handled | (_IOCTL_DEV if version >= _ABI_IOCTL else 0)


def _allow(ruleset: int, path: str, rights: int) -> None:
    try:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return  # what is not there needs no rule
    try:
        if not os.path.isdir(path):  # noqa: PTH112 - a file has no rights of a folder
            rights &= _READ_FILE | _EXECUTE | _WRITE_FILE | _TRUNCATE | _IOCTL_DEV
        rule = ctypes.create_string_buffer(struct.pack("=Qi", rights, place))
        calls.syscall("landlock_add_rule", ruleset, _PATH_BENEATH, rule, 0)
    finally:
        os.close(place)
