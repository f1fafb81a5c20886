"""Sites: the places in the source where tasks can meet.

A site is one access in the text of the program. Sites are numbered in source
order, whether or not code is emitted for them, so that a number means the same in
every form of the rewritten program and on every Python version.
"""

from __future__ import annotations

import dataclasses
import enum


class Access(enum.Enum):
    """What a site does to the thing it touches."""

    READ = "reads"
    WRITE = "writes"
    UPDATE = "updates"
    """One atomic call that changes a container; two of them do not race."""


ITEMS = "[]"
"""Name of the location "the contents of a container"."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """One access in the text of a program."""

    module: str
    """Name of the rewritten module."""
    path: str
    """File as the user named it."""
    line: int
    access: Access
    name: str
    """Attribute or variable, or `ITEMS`."""
    label: str
    """How to call it in a report: `self.value`, `balance`, `cells[...]`."""
    owner: int = -1
    """Scope that owns the variable; -1 for attributes and items."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A line of the program."""

    path: str
    line: int
