"""Cancellation: runs that a timeout, a death or Ctrl-C ends."""

from scenarios.runs import run

__all__ = ["run"]
