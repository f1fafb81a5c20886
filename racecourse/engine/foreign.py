"""What a program uses that is not under control, said in words."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

_REAL = {
    "multiprocessing": "real processes are started as they are and not scheduled",
    "subprocess": "real processes are started as they are and not scheduled",
    "socket": "network calls block for real, and nobody else runs meanwhile",
    "select": "waits for files and sockets block for real",
    "selectors": "waits for files and sockets block for real",
    "signal": "signals arrive when they like",
    "ctypes": "C code may start threads of its own",
    "uuid": "its values differ in every execution",
    "secrets": "its values differ in every execution",
    "datetime": "its clock is the real one",
}


def describe_foreign(modules: Collection[str]) -> tuple[str, ...]:
    """Return a sentence for each imported module that limits what can be claimed."""
    roots = sorted({module.partition(".")[0] for module in modules})
    return tuple(
        f"Not under control: {root} ({_REAL.get(root, _LIBRARY)})."
        for root in roots
        if root in _REAL or root not in sys.stdlib_module_names
    )


_LIBRARY = "its code runs as it is, as if each call were atomic"
