"""Rewrite a source so that it calls out between a read and the write that follows.

Each *site* is a place where another thread could come in between: after the value of
an assignment is known and before it is stored, or after a test is decided and before
it is acted on. There the rewritten code calls `POINT(value, index)`, which must return
the value. Everything else keeps its meaning: the order of evaluation, short circuits,
in-place operators, line numbers.

Only shared places have sites: attributes, items, and names declared `global` or
`nonlocal`. Code that runs once, at import, has none for its `+=`.

    self.n += 1         self.n = POINT(OPERATOR(self.n, 1), 0)
    d[key()] = f()      d[key()] = POINT(f(), 1)
    if a and b: ...     if POINT(True if a and b else False, 2): ...
"""

from __future__ import annotations

import ast
import operator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeVar

if TYPE_CHECKING:
    import types
    from collections.abc import Callable, Iterator

Kind = Literal["read-modify-write", "check-then-act", "write"]
_Node = TypeVar("_Node", bound=ast.AST)
_Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda

# Names with two underscores on both sides escape the mangling of class bodies.
POINT = "__stall_point__"
_OPERATORS = {
    f"__stall_{name}__": getattr(operator, name)
    for name in [
        "iadd",
        "iand",
        "iconcat",
        "ifloordiv",
        "ilshift",
        "imatmul",
        "imod",
        "imul",
        "ior",
        "ipow",
        "irshift",
        "isub",
        "itruediv",
        "ixor",
    ]
}
_HELPERS = {**_OPERATORS, "__stall_slice__": slice}
_OPERATOR_NAMES: dict[type[ast.operator], str] = {
    ast.Add: "iadd",
    ast.BitAnd: "iand",
    ast.BitOr: "ior",
    ast.BitXor: "ixor",
    ast.Div: "itruediv",
    ast.FloorDiv: "ifloordiv",
    ast.LShift: "ilshift",
    ast.MatMult: "imatmul",
    ast.Mod: "imod",
    ast.Mult: "imul",
    ast.Pow: "ipow",
    ast.RShift: "irshift",
    ast.Sub: "isub",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A place in a source where a thread can be held."""

    index: int  # its number in the rewritten source, in reading order
    kind: Kind
    file: str
    line: int
    function: str  # qualified, as in a traceback; "<module>" at the top
    text: str  # the source line


@dataclass(frozen=True, slots=True, kw_only=True)
class Rewritten:
    """A source compiled with its points, and the sites that they stand for."""

    code: types.CodeType
    sites: tuple[Site, ...]


def rewrite(source: str, file: str, *, first_index: int = 0) -> Rewritten:
    """Compile `source` with a point at every site.

    Args:
        source: What a file holds.
        file: Its name, for tracebacks and descriptions.
        first_index: The number of the first site.

    Raises:
        SyntaxError: As the source itself would.
    """
    tree = ast.parse(source, file)
    rewriter = _Rewriter(source, file, first_index)
    tree = ast.fix_missing_locations(rewriter.visit(tree))
    code = compile(tree, file, "exec", dont_inherit=True)
    return Rewritten(code=code, sites=tuple(rewriter.sites))


def globals_for(point: Callable[[Any, int], Any]) -> dict[str, Any]:
    """Return the names that a module must hold before its rewritten code runs."""
    return {POINT: point, **_HELPERS}


class _Scope:
    """What the rewriter must know about the function, class or module it is in."""

    def __init__(self, prefix: str, function: _Function | None) -> None:
        self.prefix = prefix
        self.function = function
        self.shared: set[str] = set()
        self.parameters: set[str] = set()
        if function is not None:
            arguments = [a for a in ast.walk(function.args) if isinstance(a, ast.arg)]
            rebindable = [n for n in ast.walk(function) if isinstance(n, ast.Nonlocal)]
            self.parameters = {argument.arg for argument in arguments}
            self.parameters -= {name for n in rebindable for name in n.names}
            body = function.body if isinstance(function.body, list) else []
            self.shared = set(_declared(body))


class _Rewriter(ast.NodeTransformer):
    def __init__(self, source: str, file: str, first_index: int) -> None:
        self.sites: list[Site] = []
        self._lines = source.splitlines()
        self._file = file
        self._first_index = first_index
        self._scopes = [_Scope("", None)]

    # Scopes

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        return self._in_scope(node, f"{node.name}.", node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        return self._in_scope(node, f"{node.name}.", node)

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        return self._in_scope(node, f"{node.name}.", None)

    def _in_scope(
        self, node: ast.AST, name: str, function: _Function | None
    ) -> ast.AST:
        outer = self._scopes[-1]
        locals_ = "<locals>." if outer.function is not None else ""
        self._scopes.append(_Scope(outer.prefix + locals_ + name, function))
        try:
            return self.generic_visit(node)
        finally:
            self._scopes.pop()

    # Writes

    def visit_Assign(self, node: ast.Assign) -> ast.AST:
        places = [place for target in node.targets for place in self._shared(target)]
        self.generic_visit(node)
        if places:
            kind = _kind_of_write(places, node.value)
            node.value = self._point(node, node.value, kind)
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        places = list(self._shared(node.target))
        self.generic_visit(node)
        if places and node.value is not None:
            kind = _kind_of_write(places, node.value)
            node.value = self._point(node, node.value, kind)
        return node

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.AST | list[ast.stmt]:
        in_function = self._scopes[-1].function is not None
        shared = in_function and any(self._shared(node.target))
        self.generic_visit(node)
        if not shared:
            return node
        held = _Held(self._scopes[-1].parameters, node.value)
        read, write = held.read_and_write(node.target)
        result = _call(f"__stall_{_OPERATOR_NAMES[type(node.op)]}__", read, node.value)
        value = self._point(node, _at(node, result), "read-modify-write")
        store = ast.Assign(targets=[write], value=value)
        return [_at(node, part) for part in held.around(store)]

    def _shared(self, target: ast.expr) -> Iterator[ast.expr]:
        """Yield the places in `target` that another thread can see."""
        match target:
            case ast.Attribute() | ast.Subscript():
                yield target
            case ast.Name(id=name) if name in self._scopes[-1].shared:
                yield target
            case ast.Tuple(elts=parts) | ast.List(elts=parts):
                for part in parts:
                    yield from self._shared(part)
            case ast.Starred(value=part):
                yield from self._shared(part)
            case _:  # a local name: no other thread can see it
                pass

    # Tests

    def visit_If(self, node: ast.If) -> ast.AST:
        return self._with_test(node)

    def visit_While(self, node: ast.While) -> ast.AST:
        return self._with_test(node)

    def visit_IfExp(self, node: ast.IfExp) -> ast.AST:
        return self._with_test(node)

    def visit_comprehension(self, node: ast.comprehension) -> ast.AST:
        self.generic_visit(node)
        node.ifs = [self._decided(test) for test in node.ifs]
        return node

    def visit_match_case(self, node: ast.match_case) -> ast.AST:
        self.generic_visit(node)
        if node.guard is not None:
            node.guard = self._decided(node.guard)
        return node

    def _with_test(self, node: ast.If | ast.While | ast.IfExp) -> ast.AST:
        node.test = self._decided(self.visit(node.test))
        for field in ("body", "orelse"):
            part = getattr(node, field)
            if isinstance(part, list):
                setattr(node, field, self._statements(part))
            else:
                setattr(node, field, self.visit(part))
        return node

    def _statements(self, statements: list[ast.stmt]) -> list[ast.stmt]:
        done: list[ast.stmt] = []
        for statement in statements:
            result = self.visit(statement)
            done.extend(result if isinstance(result, list) else [result])
        return done

    def _decided(self, test: ast.expr) -> ast.expr:
        """Wrap a test so that its truth is settled, once, before the point."""
        if isinstance(test, ast.Constant):  # `while True` checks nothing
            return test
        truth = ast.IfExp(
            test=test, body=_constant(value=True), orelse=_constant(value=False)
        )
        return self._point(test, _at(test, truth), "check-then-act")

    def _point(
        self, node: ast.stmt | ast.expr, value: ast.expr, kind: Kind
    ) -> ast.expr:
        index = self._first_index + len(self.sites)
        self.sites.append(
            Site(
                index=index,
                kind=kind,
                file=self._file,
                line=node.lineno,
                function=self._scopes[-1].prefix.removesuffix(".") or "<module>",
                text=self._lines[node.lineno - 1].strip(),
            )
        )
        return _at(value, _call(POINT, value, _constant(value=index)))


class _Held:
    """The parts of an augmented target, each evaluated once, before the read.

    What cannot change between read and write is named twice; anything else is kept in
    a local variable for the length of the statement.
    """

    def __init__(self, parameters: set[str], value: ast.expr) -> None:
        self._rebound = {
            node.target.id
            for node in ast.walk(value)
            if isinstance(node, ast.NamedExpr)
        }
        self._parameters = parameters
        self._kept: list[tuple[str, ast.expr]] = []

    def read_and_write(self, target: ast.expr) -> tuple[ast.expr, ast.expr]:
        """Split `target` into an expression that reads it and a target to write."""
        match target:
            case ast.Attribute(value=owner, attr=name):
                owner = self._once(owner)
                read: ast.expr = ast.Attribute(owner, name, ast.Load())
                return _at(target, read), _at(
                    target, ast.Attribute(owner, name, ast.Store())
                )
            case ast.Subscript(value=owner, slice=index):
                owner, index = self._once(owner), self._once(_as_value(index))
                read = ast.Subscript(owner, index, ast.Load())
                return _at(target, read), _at(
                    target, ast.Subscript(owner, index, ast.Store())
                )
            case ast.Name(id=name):
                return _at(target, ast.Name(name, ast.Load())), target
            case _:
                raise TypeError(f"not an augmented target: {target!r}")

    def around(self, store: ast.Assign) -> list[ast.stmt]:
        """Put the keeping before `store` and the forgetting after it."""
        before: list[ast.stmt] = [
            ast.Assign(targets=[ast.Name(name, ast.Store())], value=value)
            for name, value in self._kept
        ]
        if not before:
            return [store]
        names: list[ast.expr] = [ast.Name(name, ast.Del()) for name, _ in self._kept]
        forget = ast.Delete(targets=names)
        return [*before, ast.Try([store], [], [], [forget])]

    def _once(self, part: ast.expr) -> ast.expr:
        match part:
            case ast.Constant():
                return part
            case ast.Name(id=name) if name in self._parameters - self._rebound:
                return part
            case _:
                pass
        name = f"__stall_{len(self._kept)}__"
        self._kept.append((name, part))
        return _at(part, ast.Name(name, ast.Load()))


def _kind_of_write(places: list[ast.expr], value: ast.expr) -> Kind:
    """Call it a read-modify-write when the value mentions what is written."""
    written = {_spelling(place) for place in places}
    written |= {_spelling(p.value) for p in places if isinstance(p, ast.Subscript)}
    mentioned = {_spelling(n) for n in ast.walk(value) if isinstance(n, ast.expr)}
    return "read-modify-write" if written & mentioned else "write"


def _spelling(node: ast.expr) -> str:
    return ast.unparse(node)


def _declared(body: list[ast.stmt]) -> Iterator[str]:
    """Yield the names that a function body declares `global` or `nonlocal`."""
    waiting: list[ast.AST] = list(body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Global | ast.Nonlocal):
            yield from node.names
        elif not isinstance(node, _Function | ast.ClassDef):
            waiting.extend(ast.iter_child_nodes(node))


def _as_value(index: ast.expr) -> ast.expr:
    """Turn slice syntax into a slice object, which can be kept."""
    match index:
        case ast.Slice(lower=lower, upper=upper, step=step):
            parts = [part or _constant(value=None) for part in (lower, upper, step)]
            return _at(index, _call("__stall_slice__", *parts))
        case ast.Tuple(elts=parts):
            whole = ast.Tuple([_as_value(part) for part in parts], ast.Load())
            return _at(index, whole)
        case _:
            return index


def _call(name: str, *arguments: ast.expr) -> ast.Call:
    return ast.Call(ast.Name(name, ast.Load()), list(arguments), [])


def _constant(*, value: int | None) -> ast.Constant:
    return ast.Constant(value)


def _at(place: ast.AST, node: _Node) -> _Node:
    return ast.copy_location(node, place)
