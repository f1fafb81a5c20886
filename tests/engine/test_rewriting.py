"""Rewritten code means what the original meant, and numbers its sites alike."""

from __future__ import annotations

import ast
import dataclasses
from typing import TYPE_CHECKING

import pytest

from racecourse.engine.rewriting.rewrite import EverySite, rewrite

if TYPE_CHECKING:
    from racecourse.engine.sites import Site

SNIPPETS = {
    "augmented item with side effects": """
log = []
class Box:
    def __init__(self):
        self.d = {"a": 1}
def box():
    log.append("box")
    return b
def key():
    log.append("key")
    return "a"
b = Box()
box().d[key()] += len(log)
result = (b.d, log)
""",
    "slices": """
x = list(range(10))
x[1:3] = [7]
del x[::4]
result = (x[2:], x[:-1], x[1:6:2])
""",
    "mangled names": """
class C:
    def __init__(self):
        self.__hidden = 1
    def add(self):
        self.__hidden += 2
        return self.__hidden
result = C().add()
""",
    "patterns": """
import enum
class Color(enum.Enum):
    RED = 1
def name(value):
    match value:
        case Color.RED: return "red"
        case {"k": [first, *_]}: return first
        case _ if value.real > 3: return "big"
        case _: return "other"
result = [name(v) for v in (Color.RED, {"k": [5, 6]}, 7, 1)]
""",
    "globals and nonlocals": """
total = 1
def outer():
    count = 10
    def inner():
        nonlocal count
        global total
        count += 1
        total *= 3
        return count + total
    return inner() + inner() + count
def stranger():
    count = 5
    return count
result = (outer(), total, stranger())
""",
    "calls": """
class Recorder(list):
    def put(self, *args, **kwargs):
        self.append((args, kwargs))
        return self
r = Recorder()
xs = [1, 2]
r.put(*xs).put(1, k=len(xs)).put(max(xs), **{"z": 3})
result = list(r)
""",
    "comprehensions, walrus, chained comparison": """
class P:
    data = [3, 1, 2]
p = P()
result = [y for x in p.data if (y := x * 2) > 2 and 1 in p.data < [9]]
""",
    "generators and star targets": """
class T: pass
t = T()
t.a, (t.b, *t.c) = 1, (2, 3, 4)
def g():
    for x in t.c:
        yield x
    else:
        yield t.a
result = (list(g()), t.b)
""",
    "a loop over a container that grows": """
xs = [1]
for x in xs:
    if len(xs) < 4:
        xs.append(x + 1)
result = xs
""",
}


def _plain_hooks() -> dict[str, object]:
    """Return hooks that change nothing, for both forms."""

    def first(value: object = None, _site: int = 0) -> object:
        return value

    names = (
        *("at", "read", "write", "hold", "key", "read_hold", "key_hold", "late"),
        *("call", "value", "seen", "name_written", "each"),
    )
    hooks: dict[str, object] = dict.fromkeys(names, first)
    hooks.update(
        slice=slice,
        tick=lambda: None,
        name=lambda _value, _site: None,
        after=lambda _site: None,
    )
    return {f"__rc_{name}__": hook for name, hook in hooks.items()}


def _execute(tree: ast.Module, hooks: dict[str, object]) -> object:
    namespace: dict[str, object] = {"__name__": "snippet", **hooks}
    exec(compile(tree, "snippet", "exec"), namespace)  # noqa: S102 - the subject
    return namespace["result"]


@pytest.mark.parametrize("full", [False, True], ids=["lean", "full"])
@pytest.mark.parametrize("name", SNIPPETS)
def test_a_rewritten_program_computes_the_same(name: str, *, full: bool):
    source = SNIPPETS[name]
    rewritten = rewrite(
        source,
        module="m",
        path="m.py",
        first_site=0,
        full=full,
        keep=EverySite(),
    )
    expected = _execute(ast.parse(source), {})
    assert _execute(rewritten.tree, _plain_hooks()) == expected


@pytest.mark.parametrize("name", SNIPPETS)
def test_both_forms_number_the_same_sites(name: str):
    def sites(*, full: bool, keep: object) -> list[Site]:
        found = rewrite(
            SNIPPETS[name],
            module="m",
            path="m.py",
            first_site=0,
            full=full,
            keep=keep,
        ).sites
        return [dataclasses.replace(site, label="") for site in found]

    assert sites(full=True, keep=EverySite()) == sites(full=False, keep=frozenset())


def test_a_site_that_is_not_kept_costs_nothing():
    source = "def f(c):\n    c.v = 1\n"
    rewritten = rewrite(
        source, module="m", path="m.py", first_site=0, full=False, keep=frozenset()
    )
    assert ast.unparse(rewritten.tree) == ast.unparse(ast.parse(source))
