"""What names mean: which variables outlive their function, and which are modules.

The first are written through global or nonlocal. Python decides this per scope; so do
we, because taking every variable called `total` for the shared one would report races
between strangers. The others only ever mean a module of the standard library.
"""

from __future__ import annotations

import ast
import dataclasses
import sys

MODULE = 0
"""Number of the module's own scope."""

_SCOPES = frozenset([ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef])
_BINDING = frozenset(
    [
        *(ast.Name, ast.arg, ast.Import, ast.ImportFrom, ast.Global, ast.Nonlocal),
        *(ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.ExceptHandler),
    ]
)
"""Most nodes bind nothing, and need not be looked at: programs are parsed often."""


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
    """What the names of one module mean."""

    scopes: dict[ast.AST, Scope]
    shared: frozenset[tuple[int, str]]
    """(owner, name) of each variable that an inner scope assigns."""
    library: frozenset[str]
    """Names that only ever mean a module of the standard library."""

    def owner_if_shared(self, scope: Scope, name: str) -> int | None:
        """Return the owning scope if the variable is shared, otherwise None."""
        owner = scope.owner(name)
        return owner if (owner, name) in self.shared else None


def resolve(tree: ast.Module) -> Names:
    """Find every scope of a module, and what its names mean."""
    found = _Found(scopes={tree: Scope(number=MODULE, parent=None)})
    _collect(tree, found.scopes[tree], found)
    shared = {
        (scope.owner(name), name)
        for scope in found.scopes.values()
        for name in scope.declared_global | scope.declared_nonlocal
    }
    return Names(
        scopes=found.scopes,
        shared=frozenset(shared),
        library=frozenset(found.modules - found.assigned),
    )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """What one walk over a module collects."""

    scopes: dict[ast.AST, Scope]
    modules: set[str] = dataclasses.field(default_factory=set)
    assigned: set[str] = dataclasses.field(default_factory=set)


def _collect(node: ast.AST, scope: Scope, found: _Found) -> None:
    for child in ast.iter_child_nodes(node):
        kind = type(child)
        if kind in _BINDING:
            _bind(child, scope, found)
        inner = scope
        if kind in _SCOPES:
            inner = Scope(
                number=len(found.scopes),
                parent=scope,
                is_class=kind is ast.ClassDef,
            )
            found.scopes[child] = inner
        _collect(child, inner, found)


def _bind(node: ast.AST, scope: Scope, found: _Found) -> None:
    match node:
        case ast.Name(id=name, ctx=ast.Store()) | ast.arg(arg=name):
            scope.bound.add(name)
            found.assigned.add(name)
        case ast.Name(id=name, ctx=ast.Del()):
            scope.bound.add(name)
        case ast.Import(names=aliases):
            scope.bound.update(map(_bound_by, aliases))
            found.modules.update(map(_bound_by, filter(_is_standard, aliases)))
        case ast.ImportFrom(names=aliases):
            names = {alias.asname or alias.name for alias in aliases}
            scope.bound.update(names)
            found.assigned.update(names)
        case ast.Global(names=names):
            scope.declared_global.update(names)
        case ast.Nonlocal(names=names):
            scope.declared_nonlocal.update(names)
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
            scope.bound.add(name)
        case ast.ClassDef(name=name) | ast.ExceptHandler(name=str(name)):
            scope.bound.add(name)
        case _:
            pass


def _bound_by(alias: ast.alias) -> str:
    """Return the name that an import binds."""
    return alias.asname or alias.name.partition(".")[0]


def _is_standard(alias: ast.alias) -> bool:
    return alias.name.partition(".")[0] in sys.stdlib_module_names
