"""Namespaces: a worker that sees nothing of the machine but what it is given.

Theory of operation (namespaces(7), pivot_root(2), user_namespaces(7)). The keeper leaves
the machine's namespaces with `leave`; its next child is process 1 of a new world. That
child calls `furnish`: it takes a mount namespace of its own, builds a root on a small
tmpfs, binds into it, read-only, what an interpreter needs, gives it private and
size-limited places to write to, and makes it the only root there is. The keeper itself
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
from dataclasses import dataclass

from racecourse.sandbox.linux import calls

INNER_UID = 1000  # what an unprivileged user is called inside

_NEWNS, _NEWUTS, _NEWIPC = 0x00020000, 0x04000000, 0x08000000
_NEWUSER, _NEWPID, _NEWNET = 0x10000000, 0x20000000, 0x40000000
_WORLD = _NEWUTS | _NEWIPC | _NEWPID | _NEWNET

_MS_NOSUID, _MS_NODEV, _MS_NOEXEC = 2, 4, 8
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
_ETC_OF_THE_MACHINE = ("ld.so.cache", "localtime", "alternatives", "mime.types")
_SYSTEM = ("/usr", "/lib", "/lib32", "/lib64", "/bin", "/sbin")


@dataclass(frozen=True, slots=True, kw_only=True)
class Furniture:
    """What a worker finds in its world.

    Attributes:
        root: An empty folder, private to this run, on which the root is built.
        shown: Files and folders that it may read.
        hidden: Folders that it must find empty, even inside of what is shown.
        home: The folder it may write to; made anew, empty.
        uid: The user id that it will have.
        mib: Size of each place that it may write to.
    """

    root: str
    shown: tuple[str, ...]
    hidden: tuple[str, ...]
    home: str
    uid: int
    mib: int


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


def furnish(furniture: Furniture) -> None:
    """Build the root and make it ours. The order is the point; see the module's text.

    Raises:
        OSError: If the kernel refuses a step.
    """
    calls.leave_namespaces(_NEWNS)
    calls.mount(None, "/", None, _MS_REC | _MS_PRIVATE)
    new, size = furniture.root, f"{furniture.mib}m"
    # Whoever has no name outside owns what is made inside.
    own = f",uid={furniture.uid},gid={furniture.uid}"
    _tmpfs(new, size="4m", inodes=4096, mode="755")
    temporary = f"{new}/tmp"  # noqa: S108 - private to this run
    _make_folder(temporary)
    _tmpfs(temporary, size=size, inodes=16384, mode="1777", more=own)
    for path in _SYSTEM:
        _show_system(path, new)
    for path in furniture.shown:
        _show(path, new)
    _furnish_etc(new, furniture.uid)
    _furnish_devices(new, furniture)
    _make_folder(f"{new}/proc")
    calls.mount("proc", f"{new}/proc", "proc", _MS_NOSUID | _MS_NODEV | _MS_NOEXEC)
    _tmpfs(f"{new}{furniture.home}", size=size, inodes=16384, mode="700", more=own)
    for path in furniture.hidden:
        if os.path.isdir(f"{new}{path}"):  # noqa: PTH112 - hot path, plain strings
            _tmpfs(f"{new}{path}", size="4k", inodes=1, mode="555")
            _seal(f"{new}{path}")
    _enter(new)


def _enter(new: str) -> None:
    old = f"{new}/.old"
    _make_folder(old)
    calls.syscall("pivot_root", new.encode(), old.encode())
    os.chdir("/")
    calls.unmount_lazily("/.old")
    os.rmdir("/.old")  # noqa: PTH106
    _seal("/")


def _show_system(path: str, new: str) -> None:
    """Show a system folder; where it is a link into another one, make the link."""
    if os.path.islink(path):  # noqa: PTH114
        os.symlink(os.readlink(path), f"{new}{path}")  # noqa: PTH115, PTH211
    else:
        _show(path, new)


def _show(path: str, new: str) -> None:
    """Bind a file or folder, with all that is mounted below it, read-only."""
    target = f"{new}{path}"
    if not os.path.exists(path) or os.path.lexists(target):  # noqa: PTH110
        return  # there is none, or a folder around it is shown already
    if os.path.isdir(path):  # noqa: PTH112
        _make_folder(target)
    else:
        _make_file(target)
    calls.mount(path, target, None, _MS_BIND | _MS_REC)
    _seal(target, _AT_RECURSIVE)


def _furnish_etc(new: str, uid: int) -> None:
    for name, text in _ETC.items():
        _make_file(f"{new}/etc/{name}", text.format(uid=uid))
    for name in _ETC_OF_THE_MACHINE:
        _show(f"/etc/{name}", new)


def _furnish_devices(new: str, furniture: Furniture) -> None:
    for name in _DEVICES:
        target = f"{new}/dev/{name}"
        _make_file(target)
        calls.mount(f"/dev/{name}", target, None, _MS_BIND)
    for name, link in _LINKS.items():
        os.symlink(f"/proc/self/{link}", f"{new}/dev/{name}")  # noqa: PTH211
    shared = f"{new}/dev/shm"  # noqa: S108 - private: it is on a tmpfs of this run
    _make_folder(shared)
    size = f"{furniture.mib}m"
    _tmpfs(shared, size=size, inodes=4096, mode="1777")


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
