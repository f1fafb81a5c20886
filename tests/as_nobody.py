"""Run a command as another user: `python as_nobody.py UID COMMAND ...`, as root.

The interpreter and the checkout may lie in a folder that only root may enter, such as
root's home. So the command gets a mount namespace of its own, in which that folder is
replaced by an empty one with just these in it. What is outside stays as it was.
"""

import os
import sys
from pathlib import Path

_NEWNS, _BIND, _PRIVATE, _REC = 0x20000, 1 << 12, 1 << 18, 1 << 14
ROOT = Path(__file__).resolve().parent.parent


def main() -> None:
    """Become the user and run the command."""
    sys.path.insert(0, str(ROOT))
    from racecourse.sandbox.linux import calls  # noqa: PLC0415 - found by the line above

    calls.leave_namespaces(_NEWNS)
    calls.mount(None, "/", None, _PRIVATE | _REC)
    needed = {
        str(Path(path).resolve())
        for path in (sys.prefix, sys.base_prefix, sys.executable, ROOT)
    }
    for closed in sorted({c for path in needed if (c := _closed_around(Path(path)))}):
        _replace(calls, closed, [path for path in needed if _is_below(path, closed)])
    uid = int(sys.argv[1])
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
    os.execv(sys.argv[2], sys.argv[2:])  # noqa: S606 - the command is the test's own


def _closed_around(path: Path) -> str:
    """Return the outermost folder around `path` that others may not enter, if any."""
    for folder in reversed((path, *path.parents)):
        if folder.is_dir() and not folder.stat().st_mode & 0o001:
            return str(folder)
    return ""


def _is_below(path: str, folder: str) -> bool:
    return Path(path).is_relative_to(folder)


def _replace(calls, folder: str, kept: list[str]) -> None:  # noqa: ANN001 - a module
    held = {path: os.open(path, os.O_PATH) for path in sorted(kept)}
    calls.mount("tmpfs", folder, "tmpfs", 0, "mode=755")
    for path, fd in held.items():
        target = Path(path)
        if target.exists():
            continue  # it lies in another one that is there already
        source = f"/proc/self/fd/{fd}"
        if Path(source).is_dir():
            target.mkdir(parents=True)
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.touch()
        calls.mount(source, path, None, _BIND)
    for fd in held.values():
        os.close(fd)


if __name__ == "__main__":
    main()
