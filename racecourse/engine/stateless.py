"""Does a program keep state in its modules? If not, one import serves all executions.

Executing a module anew for each schedule is what makes executions independent; a module
of nothing but functions, classes and constants need not be. Classes are dear: a
dataclass takes longer to make than a short schedule to run.
"""

from __future__ import annotations

import ast
import sys
from typing import TYPE_CHECKING

from racecourse.engine.tables import only_read

if TYPE_CHECKING:
    from racecourse.engine.program import Program

_PLAIN_DECORATORS = frozenset(
    [
        *("dataclass", "dataclasses.dataclass", "staticmethod", "classmethod"),
        *("property", "override", "typing.override", "abstractmethod"),
        *("contextmanager", "contextlib.contextmanager", "overload", "typing.overload"),
        *("asynccontextmanager", "contextlib.asynccontextmanager"),
    ]
)
_PLAIN_CALLS = frozenset(
    [
        *("field", "dataclasses.field", "TypeVar", "typing.TypeVar"),
        *("ParamSpec", "typing.ParamSpec", "NewType", "typing.NewType"),
        "object",  # a mark that is no value
    ]
)
_NEVER_RUN = frozenset(
    {"__name__ == '__main__'", "TYPE_CHECKING", "typing.TYPE_CHECKING"}
)


def keeps_no_state(program: Program) -> bool:
    """Tell whether executing the modules once serves for all executions.

    True only if module level holds nothing but imports, constants, types, plain
    functions and classes, and tables that nobody changes. Writes to a module or class
    at run time are noticed elsewhere.
    """
    trees = [ast.parse(source.text) for source in program.sources]
    others = [
        statement
        for tree in trees
        for statement in tree.body
        if not _is_stateless(statement)
    ]
    tables = only_read(trees) if others else frozenset()
    return all(_is_table(other, tables) for other in others) and not any(
        isinstance(node, ast.Global)
        for source, tree in zip(program.sources, trees, strict=True)
        if "global" in source.text
        for node in ast.walk(tree)
    )


def _is_stateless(statement: ast.stmt) -> bool:
    match statement:
        case ast.Import() | ast.ImportFrom() | ast.Pass() | ast.Expr(ast.Constant()):
            return True
        case ast.Assign(value=value) | ast.AnnAssign(value=value):
            return value is None or _is_constant(value)
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            return _is_plain(statement.decorator_list) and _has_constant_defaults(
                statement.args
            )
        case ast.ClassDef(bases=bases, decorator_list=decorators, body=body):
            return (
                _is_plain(decorators)
                and all(_is_known_base(base) for base in bases)
                and all(_is_stateless(inner) for inner in body)
            )
        case ast.If(test=test, orelse=orelse):
            return ast.unparse(test) in _NEVER_RUN and all(map(_is_stateless, orelse))
        case _:
            return False


def _is_table(statement: ast.stmt, only_read: frozenset[str]) -> bool:
    match statement:
        case (
            ast.Assign(targets=[ast.Name(id=name)], value=value)
            | ast.AnnAssign(target=ast.Name(id=name), value=value)
        ) if name in only_read:
            return value is not None and _is_fixed(value)
        case _:
            return False


def _is_fixed(value: ast.expr) -> bool:
    """Tell whether a display holds only what cannot change."""
    match value:
        case ast.Dict(keys=keys, values=values):
            parts = [*keys, *values]
        case ast.List(elts=elements) | ast.Set(elts=elements):
            parts = list(elements)
        case _:
            parts = [value]
    return all(part is not None and _is_unchanging(part) for part in parts)


def _is_unchanging(value: ast.expr) -> bool:
    if isinstance(value, ast.Tuple):
        return all(map(_is_unchanging, value.elts))
    return isinstance(value, ast.Attribute) or _is_constant(value)


def _has_constant_defaults(args: ast.arguments) -> bool:
    return all(
        default is None or _is_constant(default)
        for default in (*args.defaults, *args.kw_defaults)
    )


def _is_constant(value: ast.expr) -> bool:
    match value:
        case ast.Constant() | ast.Name():
            return True
        case ast.Tuple() | ast.UnaryOp() | ast.BinOp():
            parts = ast.iter_child_nodes(value)
            return all(_is_constant(p) for p in parts if isinstance(p, ast.expr))
        case ast.Lambda(args=args):
            return _has_constant_defaults(args)
        case ast.Subscript():
            return _is_type(value)
        case ast.Call(func=func):
            return ast.unparse(func) in _PLAIN_CALLS
        case _:
            return False


def _is_type(value: ast.expr) -> bool:
    """Tell whether this is how one writes a type: `Callable[[int], str | None]`."""
    match value:
        case ast.Subscript(value=ast.Name() | ast.Attribute(), slice=inner):
            parts = inner.elts if isinstance(inner, ast.Tuple) else [inner]
            return all(_is_type(part) for part in parts)
        case ast.List(elts=parts):
            return all(_is_type(part) for part in parts)
        case ast.BinOp(left=left, right=right, op=ast.BitOr()):
            return _is_type(left) and _is_type(right)
        case ast.Constant() | ast.Name() | ast.Attribute():
            return True
        case _:
            return False


def _is_plain(decorators: list[ast.expr]) -> bool:
    """Tell whether decorators keep nothing from one call to the next."""
    return all(
        ast.unparse(d.func if isinstance(d, ast.Call) else d) in _PLAIN_DECORATORS
        for d in decorators
    )


def _is_known_base(base: ast.expr) -> bool:
    match base:
        case ast.Attribute():
            return ast.unparse(base).partition(".")[0] in sys.stdlib_module_names
        case ast.Subscript(value=value):
            return _is_known_base(value) and _is_type(base)
        case _:
            return isinstance(base, ast.Name)
