"""Speedup: runs in sight of the stage."""

from scenarios.runs import measured, run

__all__ = ["measured", "run"]
