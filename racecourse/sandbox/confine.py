"""The steps from a fork to untrusted code: give up what the submission must not have.

Three processes take them, in this order: the keeper `enclose`s what comes after it, the
first process of a new world `furnish`es it, both ahead of any launch; and the worker, once
it is launched, moves in and `confine`s itself before anything of the submission is read.
Which steps are taken is the level's choice (`racecourse.sandbox.levels`).
"""

import functools
import os
import sys
from collections.abc import Iterable
from pathlib import Path

import racecourse
from racecourse.sandbox import limits
from racecourse.sandbox.launch import OURS, LaunchSpec, World
from racecourse.sandbox.levels import level_named
from racecourse.sandbox.linux import calls, landlock, namespaces, seccomp

# What students' code may expect of its environment; nothing else is handed on.
_ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8"}
_ENVIRONMENT |= {"PYTHONHASHSEED": "0", "USER": "student", "LOGNAME": "student"}
_PACKAGE = str(Path(racecourse.__file__).resolve().parent)
_CONTENT = f"{_PACKAGE}/content"  # an installed course: graders and references
_READABLE = (
    *("/usr", "/lib", "/lib32", "/lib64", "/bin", "/sbin", "/proc"),
    *("/etc/hosts", "/etc/passwd", "/etc/group", "/etc/nsswitch.conf"),
    *("/etc/ld.so.cache", "/etc/localtime", "/etc/alternatives"),
    *("/dev/urandom", "/dev/random", "/sys/devices/system/cpu"),
)
_WRITABLE = ("/dev/null", "/dev/zero", "/dev/full", "/dev/tty", "/dev/shm")  # noqa: S108


def enclose(world: World) -> bool:
    """In the keeper: leave the machine's namespaces, if the level says so.

    Returns:
        Whether the next child is the first process of a new world.

    Raises:
        OSError: If the system refuses.
    """
    level = level_named(world.level)
    if level.namespaces:
        namespaces.leave(with_user=not level.own_user)
        namespaces.raise_loopback()
    return level.namespaces


def furnish(world: World) -> None:
    """In the first process of a new world: make it one, as far as all of them are alike.

    Raises:
        OSError: If the system refuses a step.
    """
    calls.set_dumpable(dumpable=False)  # whoever comes after us cannot look into us
    namespaces.furnish(
        shown=python_paths(),
        hidden=(_CONTENT, *world.hidden),
        owner=0 if level_named(world.level).own_user else namespaces.INNER_UID,
    )


def confine(world: World, spec: LaunchSpec) -> None:
    """In the worker: enter the confinement that the world and the request name.

    Raises:
        KeyError: If this build has no such level.
        OSError: If the system refuses a step.
    """
    level = level_named(world.level)
    if level.namespaces:
        uid = spec.uid or namespaces.INNER_UID
        namespaces.move_in(
            box=spec.box, home=spec.home, uid=uid, mib=spec.limits.memory_mib
        )
    os.chdir(spec.home)
    _strip_environment(spec, private=level.namespaces)
    counted = level.own_user or level.namespaces
    limits.apply(spec.limits, tasks=world.tasks if counted else None)
    if level.own_user or level.namespaces:
        calls.drop_bounding_set()
    if level.own_user:
        os.setgroups([])
        os.setresgid(spec.uid, spec.uid, spec.uid)
        os.setresuid(spec.uid, spec.uid, spec.uid)
    if level.namespaces:
        calls.drop_capabilities()
    if level.own_user or level.namespaces:
        calls.set_dumpable(dumpable=True)  # ours to look at from outside
    if level.landlock:
        _import_ours_from(f"{spec.box}/{OURS}")
        visible = (*_READABLE, *python_paths(), spec.box)
        shown, listed = around(visible, (_CONTENT, *world.hidden))
        landlock.restrict(
            readable=shown, listable=listed, writable=(*_WRITABLE, spec.home)
        )
    if level.seccomp:
        seccomp.restrict()


def _import_ours_from(folder: str) -> None:
    """Find our package through a link in a folder of the worker's.

    Python lists the folders that it imports from, and whoever may list the one around our
    package may, by the rules of landlock, list all that is beside it.
    """
    os.environ["PYTHONPATH"] = folder
    around_us = str(Path(_PACKAGE).parent)
    sys.path[:] = [folder if path == around_us else path for path in sys.path]


def _strip_environment(spec: LaunchSpec, *, private: bool) -> None:
    # PYTHONPATH stays: children started with `spawn` must find what the worker has.
    kept = {"PYTHONPATH": os.environ["PYTHONPATH"]}
    os.environ.clear()
    # A world of its own has its own /tmp; its short name leaves room for the paths of
    # Unix sockets, which may have 107 characters and not one more.
    temporary = "/tmp" if private else spec.home  # noqa: S108
    os.environ.update(_ENVIRONMENT, **kept, HOME=spec.home, TMPDIR=temporary)


@functools.cache
def python_paths() -> tuple[str, ...]:
    """Return what an interpreter needs to read, besides the system's own folders.

    Of ourselves that is the package alone: what lies beside it may be a course.
    """
    prefixes = {sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix}
    real = {str(Path(prefix).resolve()) for prefix in prefixes}
    return tuple(sorted({*prefixes, *real, _PACKAGE}))


def around(
    readable: Iterable[str], hidden: Iterable[str]
) -> tuple[list[str], list[str]]:
    """Return paths that together show all of `readable` but nothing that is `hidden`.

    Returns:
        The paths, and the folders around what is hidden. Their lists of names must be
        readable, or Python finds no package in them; what is hidden has its name shown.
    """
    shown, listed = [], []
    for path in readable:
        inside = [
            h for h in hidden if Path(h).exists() and Path(h).is_relative_to(path)
        ]
        if not inside:
            shown.append(path)
        elif path not in inside:
            children = sorted(str(child) for child in Path(path).iterdir())
            more_shown, more_listed = around(children, inside)
            shown += more_shown
            listed += [path, *more_listed]
    return shown, listed
