"""Speedup: runs in sight of the stage."""

from scenarios.runs import run

__all__ = ["run"]
