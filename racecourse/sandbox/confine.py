"""The last step before untrusted code: give up what the submission must not have.

`confine` runs in the worker, after the fork and before anything of the submission is
read. Each level is one function here; a level is offered only where its mechanism was
seen to work (`racecourse.sandbox.level`).
"""

import os
from collections.abc import Callable

from racecourse.sandbox import limits
from racecourse.sandbox.launch import LaunchSpec

# What students' code may expect of its environment; nothing else is handed on.
_ENVIRONMENT = {"PATH": os.defpath, "LANG": "C.UTF-8", "PYTHONHASHSEED": "0"}


def confine(spec: LaunchSpec) -> None:
    """Enter the confinement that the request names.

    Raises:
        KeyError: If this build has no such level.
        OSError: If the system refuses a step.
    """
    _LEVELS[spec.level](spec)


def _plain(spec: LaunchSpec) -> None:
    """Limits, a scratch folder and a stripped environment: guards against accidents."""
    os.chdir(spec.scratch)
    # PYTHONPATH stays: children started with `spawn` must find what the worker has.
    kept = {"PYTHONPATH": os.environ["PYTHONPATH"]}
    os.environ.clear()
    os.environ.update(_ENVIRONMENT, **kept, HOME=spec.scratch, TMPDIR=spec.scratch)
    limits.apply(spec.limits)


_LEVELS: dict[str, Callable[[LaunchSpec], None]] = {"plain": _plain}
