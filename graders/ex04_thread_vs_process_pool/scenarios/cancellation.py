"""Cancellation: runs that a timeout, a death or Ctrl-C ends."""

import os
import time

from scenarios.runs import run

__all__ = ["run"]  # the other is below


def let_births_take(birth_s):
    """Let whoever forks from now on stand still then, as it may on a busy machine."""
    # It orders nothing: it makes a moment longer in which a timeout may come.
    os.register_at_fork(after_in_parent=lambda: time.sleep(birth_s))  # noqa: TID251
