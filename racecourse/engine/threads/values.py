"""Values in a report: short, and shown without running the program's own code."""

from __future__ import annotations

import collections
import collections.abc

_SCALARS = (int, float, bool, str, bytes, complex, type(None))
_CONTAINERS = (list, tuple, set, frozenset, dict, collections.deque)
"""Exactly these types: a subclass may do anything when it is looked at."""
_WIDTH = 40
_ITEMS_MAX = 6


def show(value: object) -> str:
    """Return a short text for a value; a `__repr__` of the program is never called."""
    text = _show(value, depth=2)
    return text if len(text) <= _WIDTH else text[: _WIDTH - 1] + "…"


def _show(  # noqa: PLR0911 - one return per kind of value
    value: object, *, depth: int
) -> str:
    kind = type(value)
    if kind in _SCALARS:
        return repr(value)
    if isinstance(value, type):
        return value.__name__
    if kind not in _CONTAINERS or depth == 0:
        return f"a {kind.__name__}"
    if isinstance(value, dict):
        items = [
            f"{_show(k, depth=0)}: {_show(v, depth=depth - 1)}"
            for k, v in list(value.items())[:_ITEMS_MAX]
        ]
        return "{" + ", ".join([*items, *_more(value)]) + "}"
    if isinstance(value, set | frozenset):
        # Their order depends on the hash seed; that of the texts does not.
        items = sorted(_show(item, depth=depth - 1) for item in value)[:_ITEMS_MAX]
        return "{" + ", ".join([*items, *_more(value)]) + "}"
    if isinstance(value, list | tuple | collections.deque):
        items = [_show(item, depth=depth - 1) for item in list(value)[:_ITEMS_MAX]]
        inner = ", ".join([*items, *_more(value)])
        return f"({inner})" if isinstance(value, tuple) else f"[{inner}]"
    return f"a {kind.__name__}"


def _more(value: collections.abc.Sized) -> list[str]:
    return ["…"] if len(value) > _ITEMS_MAX else []
