"""What all categories share: plain results, and work that the stage can watch.

Everything handed to `process_files` is a record at the top level of this module, so that
it reaches a child process by any start method. Names on the stage:

    work       inside: the worker has the content of a file
    returned   note: the call has returned or raised
"""

import contextlib
import hashlib
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import solution

from racecourse.sandbox import stage, stalling


def json_value(value):
    """Return the value as JSON knows it; anything else is told by its repr."""
    plain = value is None or type(value) in {bool, int, float, str}
    return value if plain else repr(value)


def plain(results):
    """Return FileResults as JSON knows them."""
    return [_plain(result) for result in results]


def _plain(result):
    if not all(hasattr(result, name) for name in ("path", "ok", "value", "error")):
        raise TypeError(
            f"process_files returned a list with {type(result).__name__} in it; it"
            " should have a FileResult for each file"
        )
    error = result.error
    return {
        "path": str(result.path),
        "ok": json_value(result.ok),
        "value": json_value(result.value),
        "error": [base.__name__ for base in type(error).__mro__] if error else [],
        "text": str(error) if error else "",
        "cancelled": isinstance(error, solution.Cancelled),
    }


@contextlib.contextmanager
def noting_return():
    """Note on the stage that the block has ended, however."""
    try:
        yield
    finally:
        stage.note("returned")


@dataclass(frozen=True)
class Digest:
    """The work: a text that nobody knows without the key and the whole content."""

    key: str

    def __call__(self, content):
        """Work on a content."""
        kind = type(content).__name__
        if kind != "bytes":
            raise TypeError(f"the worker got {kind}; it should get bytes")
        key = bytes.fromhex(self.key)
        return hashlib.blake2b(content, key=key, digest_size=12).hexdigest()


@dataclass(frozen=True)
class Watched:
    """Work in sight of the stage; may be held at a gate, and may burn CPU time.

    Where a supply has the name of the gate, each call is held at one that it draws.
    """

    work: Any
    gate: str = ""
    burn_s: float = 0.0

    def __call__(self, content):
        """Work on a content."""
        with stage.inside("work"):
            if self.gate:
                stage.wait(stage.draw(self.gate) or self.gate)
            until = time.process_time() + self.burn_s
            while time.process_time() < until:
                pass
            return self.work(content)


def paths_of(names):
    """Return the paths as students get them."""
    return [Path(name) for name in names]


def whole_run(paths, key, *, gate="", burn_s=0.0, watched=True, **options):
    """Process files to the end, in sight of the stage unless that costs too much."""
    work = Digest(key)
    if watched:
        work = Watched(work, gate, burn_s)
    with noting_return():
        run = stalling.solution().process_files
        return plain(run(paths_of(paths), work, **options))


def caller():
    """Return the process that calls the submission; its children are others."""
    return os.getpid()
