"""Which variables outlive their function: names written through global or nonlocal.

Python decides this per scope; so do we, because taking every variable called
`total` for the shared one would report races between strangers.
"""

from __future__ import annotations

import ast
import dataclasses

MODULE = 0
"""Number of the module's own scope."""

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_SCOPES = (*_FUNCTIONS, ast.ClassDef)


@dataclasses.dataclass(slots=True, kw_only=True)
class Scope:
    """One scope under construction; complete once `resolve` returns."""

    number: int
    parent: Scope | None
    is_class: bool = False
    bound: set[str] = dataclasses.field(default_factory=set)
    declared_global: set[str] = dataclasses.field(default_factory=set)
    declared_nonlocal: set[str] = dataclasses.field(default_factory=set)

    def owner(self, name: str) -> int:
        """Return the number of the scope to which `name` refers here."""
        if name in self.declared_global:
            return MODULE
        scope: Scope | None = self
        if name in self.declared_nonlocal:
            scope = self.parent
        while scope is not None and scope.number != MODULE:
            visible = scope is self or not scope.is_class
            if visible and name in scope.bound and name not in scope.declared_nonlocal:
                return scope.number
            scope = scope.parent
        return MODULE


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """The shared variables of one module."""

    scopes: dict[ast.AST, Scope]
    shared: frozenset[tuple[int, str]]
    """(owner, name) of each variable that an inner scope assigns."""

    def owner_if_shared(self, scope: Scope, name: str) -> int | None:
        """Return the owning scope if the variable is shared, otherwise None."""
        owner = scope.owner(name)
        return owner if (owner, name) in self.shared else None


def resolve(tree: ast.Module) -> Names:
    """Find every scope of a module and the variables shared between them."""
    root = Scope(number=MODULE, parent=None)
    scopes: dict[ast.AST, Scope] = {tree: root}
    _collect(tree, root, scopes)
    shared = {
        (scope.owner(name), name)
        for scope in scopes.values()
        for name in scope.declared_global | scope.declared_nonlocal
    }
    return Names(scopes=scopes, shared=frozenset(shared))


def _collect(node: ast.AST, scope: Scope, scopes: dict[ast.AST, Scope]) -> None:
    for child in ast.iter_child_nodes(node):
        _bind(child, scope)
        inner = scope
        if isinstance(child, _SCOPES):
            inner = Scope(
                number=len(scopes),
                parent=scope,
                is_class=isinstance(child, ast.ClassDef),
            )
            scopes[child] = inner
        _collect(child, inner, scopes)


def _bind(node: ast.AST, scope: Scope) -> None:
    match node:
        case ast.Global(names=names):
            scope.declared_global.update(names)
        case ast.Nonlocal(names=names):
            scope.declared_nonlocal.update(names)
        case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
            scope.bound.add(name)
        case ast.arg(arg=name):
            scope.bound.add(name)
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
            scope.bound.add(name)
        case ast.ClassDef(name=name):
            scope.bound.add(name)
        case ast.alias(name=name, asname=asname):
            scope.bound.add((asname or name).partition(".")[0])
        case ast.ExceptHandler(name=str(name)):
            scope.bound.add(name)
        case _:
            pass
