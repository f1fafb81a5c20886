"""Compiled forms of what workers import, made once for all workers of a grading.

Some thirty workers import the submission and the scenarios, and compiling them takes longer
than executing them. So the file that Python itself would leave in `__pycache__` lies there
already. It is of the checked kind (PEP 552): Python compares it with the source and
compiles again if they differ, so it can never stand for another text.
"""

import functools
import importlib.util
import marshal
import sys
import warnings
from pathlib import PurePosixPath

_CHECKED = 0b11  # by the hash of the source, at each import


def cached_path(path: str) -> str:
    """Return where Python looks for the compiled form of a source file."""
    source = PurePosixPath(path)
    name = f"{source.stem}.{sys.implementation.cache_tag}.pyc"
    return str(source.parent / "__pycache__" / name)


@functools.lru_cache(maxsize=64)
def compiled(text: str, name: str) -> bytes:
    """Return the content of that file; empty if Python shall compile the text itself.

    It shall where it has something to say about it: a warning belongs into the output
    of the worker, an error into its answer.
    """
    try:
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            code = compile(text, name, "exec", dont_inherit=True)
        body = marshal.dumps(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return b""
    if said:
        return b""
    head = importlib.util.MAGIC_NUMBER + _CHECKED.to_bytes(4, "little")
    return head + importlib.util.source_hash(text.encode("utf-8")) + body
