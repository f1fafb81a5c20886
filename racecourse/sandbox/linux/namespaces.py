"""Namespaces: a worker that sees nothing of the machine but what it is given.

Theory of operation (namespaces(7), pivot_root(2), user_namespaces(7)). The keeper leaves
the machine's namespaces with `leave`; its next child is process 1 of a new world. That
child calls `furnish`: it takes a mount namespace of its own, makes a small tmpfs its root,
and binds into it, read-only, what an interpreter needs from the old root, which hangs
below the new one meanwhile. The worker calls `move_in` when it is launched: it adds its own
folders, sizes the places that it may write to, and cuts the old root off. The keeper
keeps seeing the machine's files and processes. Paths inside are those outside, so nothing
needs translating.

As root no user namespace is used: the worker gets a user id of its own for this run,
which makes the kernel's limits for each user limits for each run. Without root the user
namespace gives the rights to do all this, and the worker gives them up again.

The network namespace has a loopback device and nothing else. Listeners that the grader
serves are made inside, before the submission is loaded, and handed out.
"""

import fcntl
import os
import socket
import struct
from collections.abc import Iterable

from racecourse.sandbox.linux import calls

INNER_UID = 1000  # what an unprivileged user is called inside

_NEWNS, _NEWUTS, _NEWIPC = 0x00020000, 0x04000000, 0x08000000
_NEWUSER, _NEWPID, _NEWNET = 0x10000000, 0x20000000, 0x40000000
_WORLD = _NEWUTS | _NEWIPC | _NEWPID | _NEWNET

_MS_NOSUID, _MS_NODEV, _MS_NOEXEC, _MS_REMOUNT = 2, 4, 8, 32
_MS_BIND, _MS_REC, _MS_PRIVATE = 1 << 12, 1 << 14, 1 << 18
_ATTR_RDONLY, _ATTR_NOSUID, _ATTR_NODEV = 1, 2, 4
_AT_FDCWD, _AT_RECURSIVE = -100, 0x8000

_SIOCSIFFLAGS, _IFF_UP, _IFF_RUNNING = 0x8914, 0x1, 0x40

_DEVICES = ("null", "zero", "full", "random", "urandom")
_LINKS = {"fd": "fd", "stdin": "fd/0", "stdout": "fd/1", "stderr": "fd/2"}
_ETC = {
    "hosts": "127.0.0.1 localhost\n::1 localhost\n",
    "passwd": "root:x:0:0::/:/bin/false\nstudent:x:{uid}:{uid}::/tmp:/bin/false\n",
    "group": "root:x:0:\nstudent:x:{uid}:\n",
    "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
}
_ETC_OF_THE_MACHINE = tuple(
    f"/etc/{name}"
    for name in ("ld.so.cache", "localtime", "alternatives", "mime.types")
)
_SYSTEM = ("/usr", "/lib", "/lib32", "/lib64", "/bin", "/sbin")
_OLD = "/.old"  # where the machine's root hangs until the worker has moved in
_MOUNT_POINT = "/tmp"  # noqa: S108 - any folder that every machine has
_TEMPORARY, _SHARED = "/tmp", "/dev/shm"  # noqa: S108 - private: on tmpfs of this world


def leave(*, with_user: bool) -> None:
    """Leave the machine's namespaces; the next child is process 1 of new ones.

    Args:
        with_user: Whether the rights to do so come from a user namespace.

    Raises:
        OSError: If the kernel does not allow it.
    """
    if not with_user:
        calls.leave_namespaces(_WORLD)
        return
    uid, gid = os.getuid(), os.getgid()
    calls.leave_namespaces(_NEWUSER | _WORLD)
    _write("/proc/self/setgroups", "deny")
    _write("/proc/self/uid_map", f"{INNER_UID} {uid} 1")
    _write("/proc/self/gid_map", f"{INNER_UID} {gid} 1")


def raise_loopback() -> None:
    """Switch on the loopback device of a new network namespace."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        request = struct.pack("16sh14x", b"lo", _IFF_UP | _IFF_RUNNING)
        fcntl.ioctl(control, _SIOCSIFFLAGS, request)


def furnish(*, shown: Iterable[str], hidden: Iterable[str], owner: int) -> None:
    """Build a root, as far as it does not depend on who will live in it.

    Args:
        shown: Files and folders that can be read in it, where they are on the machine.
        hidden: Folders that are empty in it, even inside of what is shown.
        owner: The user id to whom the places for everybody belong.

    Raises:
        OSError: If the kernel refuses a step.
    """
    # Links are followed while their ends are still where they point to.
    real = {path: os.path.realpath(path) for path in (*shown, *_ETC_OF_THE_MACHINE)}
    links = {path: os.readlink(path) for path in _SYSTEM if os.path.islink(path)}  # noqa: PTH114, PTH115
    calls.leave_namespaces(_NEWNS)
    calls.mount(None, "/", None, _MS_REC | _MS_PRIVATE)
    _enter_new_root()
    # Whoever has no name outside owns what is made inside.
    own = f",uid={owner},gid={owner}"
    for place in (_TEMPORARY, _SHARED):
        _make_folder(place)
        _tmpfs(place, size="4k", inodes=16384, mode="1777", more=own)
    for path in _SYSTEM:
        if path in links:  # into another system folder
            os.symlink(links[path], path)  # noqa: PTH211
        else:
            _show(path, path)
    for path, end in real.items():
        _show(end, path)
    _furnish_devices()
    _make_folder("/proc")
    calls.mount("proc", "/proc", "proc", _MS_NOSUID | _MS_NODEV | _MS_NOEXEC)
    for path in hidden:
        if os.path.isdir(path):  # noqa: PTH112 - hot path, plain strings
            _tmpfs(path, size="4k", inodes=1, mode="555")
            _seal(path)


def _enter_new_root() -> None:
    _tmpfs(_MOUNT_POINT, size="4m", inodes=4096, mode="755")
    old = f"{_MOUNT_POINT}{_OLD}"
    _make_folder(old)
    calls.syscall("pivot_root", _MOUNT_POINT.encode(), old.encode())
    os.chdir("/")


def move_in(*, box: str, home: str, uid: int, mib: int) -> None:
    """Finish the root for the one who will live in it, and cut the machine off.

    Args:
        box: A folder of the machine that it may read.
        home: The folder below it that it may write to; made anew, empty.
        uid: The user id that it will have.
        mib: Size of each place that it may write to.

    Raises:
        OSError: If the kernel refuses a step.
    """
    size = f"{mib}m"
    for place in (_TEMPORARY, _SHARED):
        flags = _MS_REMOUNT | _MS_NOSUID | _MS_NODEV
        calls.mount(None, place, None, flags, f"size={size}")
    _show(box, box)
    _tmpfs(home, size=size, inodes=16384, mode="700", more=f",uid={uid},gid={uid}")
    for name, text in _ETC.items():
        _make_file(f"/etc/{name}", text.format(uid=uid))
    calls.unmount_lazily(_OLD)
    os.rmdir(_OLD)  # noqa: PTH106
    _seal("/")


def _show(source: str, target: str) -> None:
    """Bind a file or folder of the machine, with all that is mounted below it, read-only."""
    source = f"{_OLD}{source}"
    if not os.path.exists(source) or os.path.lexists(target):  # noqa: PTH110
        return  # there is none, or a folder around it is shown already
    if os.path.isdir(source):  # noqa: PTH112
        _make_folder(target)
    else:
        _make_file(target)
    calls.mount(source, target, None, _MS_BIND | _MS_REC)
    _seal(target, _AT_RECURSIVE)


def _furnish_devices() -> None:
    for name in _DEVICES:
        _make_file(f"/dev/{name}")
        calls.mount(f"{_OLD}/dev/{name}", f"/dev/{name}", None, _MS_BIND)
    for name, link in _LINKS.items():
        os.symlink(f"/proc/self/{link}", f"/dev/{name}")  # noqa: PTH211


def _tmpfs(target: str, *, size: str, inodes: int, mode: str, more: str = "") -> None:
    options = f"size={size},nr_inodes={inodes},mode={mode}{more}"
    calls.mount("tmpfs", target, "tmpfs", _MS_NOSUID | _MS_NODEV, options)


def _seal(path: str, how: int = 0) -> None:
    """Make a mount read-only, without set-user-id programs and without devices."""
    wanted = _ATTR_RDONLY | _ATTR_NOSUID | _ATTR_NODEV
    attributes = struct.pack("QQQQ", wanted, 0, 0, 0)
    calls.syscall(
        "mount_setattr", _AT_FDCWD, path.encode(), how, attributes, len(attributes)
    )


def _make_folder(path: str) -> None:
    os.makedirs(path, mode=0o755, exist_ok=True)  # noqa: PTH103


def _make_file(path: str, text: str = "") -> None:
    _make_folder(os.path.dirname(path))  # noqa: PTH120
    _write(path, text)


def _write(path: str, text: str) -> None:
    with open(path, "w", encoding="ascii") as file:  # noqa: PTH123
        file.write(text)
