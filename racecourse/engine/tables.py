"""Which names of a program are tables: built once, looked things up in, never changed.

    POOLS = {"thread": ThreadPoolExecutor, "process": ProcessPoolExecutor}
    ... POOLS[approach](workers) ...

A dictionary can change, so it is state, unless every use of its name, wherever in the
program, is one of the few that only read. Whatever is not known to read counts as a
change: to be handed on, to get a second name, to be reached from another module.
"""

import ast
from collections import Counter
from collections.abc import Iterable

_READING_METHODS = frozenset({"get", "items", "keys", "values", "index", "count"})
_READING_FUNCTIONS = frozenset(
    [
        *("all", "any", "dict", "enumerate", "frozenset", "len", "list", "max", "min"),
        *("reversed", "set", "sorted", "sum", "tuple"),
    ]
)
_BACK_DOORS = frozenset({"eval", "exec", "globals", "locals", "vars"})


def only_read(trees: Iterable[ast.Module]) -> frozenset[str]:
    """Return the names whose every use in the modules reads what they stand for.

    A name counts when it is assigned once, at the level of one module; what it is
    assigned, which must be of a built-in type, is not looked at.
    """
    trees = list(trees)
    nodes = [node for tree in trees for node in ast.walk(tree)]
    uses = Counter(name for node in nodes for name in _named(node))
    reads = Counter(name for node in nodes if (name := _read(node)))
    reads += Counter(name for node in nodes for name in _looked_for_in(node))
    assigned = [
        name for tree in trees for each in tree.body for name in _assigned(each)
    ]
    if _BACK_DOORS & uses.keys() or _READING_FUNCTIONS & _bound(nodes):
        return frozenset()
    # One use that is no reading: the assignment itself.
    return frozenset(name for name in assigned if uses[name] - reads[name] == 1)


def _assigned(statement: ast.stmt) -> list[str]:
    match statement:
        case ast.Assign(targets=[ast.Name(id=name)]):
            return [name]
        case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr()):
            return [name]
        case _:
            return []


def _named(node: ast.AST) -> list[str]:
    """Return what a node calls by its name, in whichever role, be it in quotes."""
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name) | ast.arg(arg=name):
            return [name]
        case ast.Constant(value=str(name)):
            return [name]
        case ast.alias(name=name, asname=other):
            return [name, *([other] if other else [])]
        case _:
            return []


def _bound(nodes: Iterable[ast.AST]) -> set[str]:
    """Return the names that the program gives a meaning of its own."""
    names = set()
    for node in nodes:
        match node:
            case ast.Name(id=name, ctx=ast.Store()) | ast.arg(arg=name):
                names.add(name)
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                names.add(name)
            case ast.alias(name=name, asname=other):
                names.add(other or name)
            case _:
                pass
    return names


def _read(node: ast.AST) -> str:
    """Return the name of what a node only looks into, or nothing."""
    match node:
        case ast.Subscript(value=ast.Name(id=name), ctx=ast.Load()):
            return name
        case (
            ast.For(iter=ast.Name(id=name)) | ast.comprehension(iter=ast.Name(id=name))
        ):
            return name
        case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr=method)):
            return name if method in _READING_METHODS else ""
        case ast.Call(func=ast.Name(id=function), args=[ast.Name(id=name)]):
            return name if function in _READING_FUNCTIONS else ""
        case ast.Call(
            func=ast.Attribute(value=ast.Constant(value=str()), attr="join"),
            args=[ast.Name(id=name)],
        ):
            return name
        case _:
            return ""


def _looked_for_in(node: ast.AST) -> list[str]:
    if not isinstance(node, ast.Compare):
        return []
    return [
        other.id
        for op, other in zip(node.ops, node.comparators, strict=True)
        if isinstance(op, ast.In | ast.NotIn) and isinstance(other, ast.Name)
    ]
