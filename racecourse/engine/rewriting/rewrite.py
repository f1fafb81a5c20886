"""Rewrite a module so that it stops before each access that tasks may share.

What is rewritten is the text, never the running frame: tracing every opcode costs
ten times more and makes schedules depend on the Python version. Each access gets
exactly one preemption point, as late as the language allows: after everything
that the access needs has been evaluated, and before it happens.

Two forms come out of the same walk, with the same site numbers:

lean    `at(x)` only counts the point and returns x. For speed: nothing is known
        about the access except that it comes next.
full    each hook also learns which object, which name, which value. A base is
        *held* while its key or its arguments are evaluated, and the access is
        recorded when they are ready.

    self.cells[i] = f(x)    lean   self.cells[at(i)] = f(x)
                            full   hold(self.cells, 3)[key(i, 3)] = value(f(x), 3)
    self.total += 1         lean   at(self).total += at(1)
                            full   read_hold(self, 4).total += late(1, 5); after(5)

Variables are shared if an inner scope assigns them (see `scopes`). Reads of what
an import statement bound, the standard library's own modules, stay untouched.
"""

from __future__ import annotations

import ast
import dataclasses
from typing import TYPE_CHECKING

from racecourse.engine.rewriting import scopes
from racecourse.engine.sites import ITEMS, Access, Site

if TYPE_CHECKING:
    from collections.abc import Container

_CONTAINER_READERS = frozenset(
    [
        *("len", "list", "tuple", "set", "frozenset", "dict", "sorted", "sum"),
        *("min", "max", "any", "all", "iter", "enumerate", "reversed"),
        *("str", "repr", "zip", "map", "filter"),
    ]
)
_ATTRIBUTE_CALLS = {
    "getattr": Access.READ,
    "hasattr": Access.READ,
    "setattr": Access.WRITE,
    "delattr": Access.WRITE,
}
_FINITE_CALLS = _CONTAINER_READERS | {"range"}
_FRESH = (ast.Constant, ast.Tuple, ast.List, ast.Set, ast.Dict)
"""Displays: nobody else has seen the value yet."""
_LABEL_WIDTH = 40


class EverySite:
    """The collection of all sites, for a first look at a program."""

    def __contains__(self, site: object) -> bool:
        return True


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Rewritten:
    """One module, rewritten."""

    tree: ast.Module
    sites: tuple[Site, ...]
    """The sites found here; the first has the number that was asked for.

    In the lean form their labels are mere names."""


def rewrite(  # noqa: PLR0913 - keywords, and all are needed
    source: str,
    *,
    module: str,
    path: str,
    first_site: int,
    full: bool,
    keep: Container[int],
) -> Rewritten:
    """Return the module with a hook at every site that `keep` contains.

    Args:
        source: Text of the module.
        module: Name under which the program imports it.
        path: File name for reports and tracebacks.
        first_site: Number of the first site.
        full: Whether the hooks shall learn objects, names and values.
        keep: Sites that get a hook. The numbers of the others are left unused.

    Raises:
        SyntaxError: If the source is not Python.
    """
    tree = ast.parse(source, path)
    walker = _Rewriter(
        tree, module=module, path=path, first_site=first_site, full=full, keep=keep
    )
    walker.visit(tree)
    ast.fix_missing_locations(tree)
    return Rewritten(tree=tree, sites=tuple(walker.sites))


class _Rewriter(ast.NodeTransformer):
    def __init__(  # noqa: PLR0913 - those of `rewrite`
        self,
        tree: ast.Module,
        *,
        module: str,
        path: str,
        first_site: int,
        full: bool,
        keep: Container[int],
    ) -> None:
        self.sites: list[Site] = []
        self._module = module
        self._path = path
        self._first = first_site
        self._full = full
        self._keep = keep
        self._names = scopes.resolve(tree)
        self._scope = self._names.scopes[tree]

    # Sites and hooks

    def _site(self, node: ast.expr, access: Access, name: str, owner: int = -1) -> int:
        """Number a new site; `node` must not have been rewritten yet."""
        last = isinstance(node, ast.Attribute) and node.end_lineno
        self.sites.append(
            Site(
                module=self._module,
                path=self._path,
                line=last or node.lineno,
                access=access,
                name=name,
                label=(self._full and _text(node)) or name,
                owner=owner,
            )
        )
        return self._first + len(self.sites) - 1

    def _hook(self, hook: str, value: ast.expr, site: int) -> ast.expr:
        """Wrap `value` in the hook that makes the point of `site`."""
        if site not in self._keep:
            return value
        if not self._full:
            return _call("at", value)
        return _call(hook, value, ast.Constant(site))

    def _note(self, hook: str, value: ast.expr, site: int) -> ast.expr:
        """Wrap `value` in a hook that makes no point and exists in the full form."""
        if not self._full or site not in self._keep:
            return value
        return _call(hook, value, ast.Constant(site))

    # Attributes and items

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        if self._is_library(node):
            return node
        store = not isinstance(node.ctx, ast.Load)
        access = Access.WRITE if store else Access.READ
        site = self._site(node, access, node.attr)
        node.value = self._hook(
            "write" if store else "read", self.visit(node.value), site
        )
        return node if store else self._note("seen", node, site)

    def visit_Subscript(self, node: ast.Subscript) -> ast.expr:
        store = not isinstance(node.ctx, ast.Load)
        site = self._site(node, Access.WRITE if store else Access.READ, ITEMS)
        self._rewrite_item(node, site)
        return node if store else self._note("seen", node, site)

    def _rewrite_item(self, node: ast.Subscript, site: int) -> None:
        node.value = self._note("hold", self.visit(node.value), site)
        node.slice = self._hook("key", self.visit(node.slice), site)

    def visit_Slice(self, node: ast.Slice) -> ast.expr:
        self.generic_visit(node)
        # A slice is no expression of its own before it is called by its name.
        parts = [part or ast.Constant(None) for part in (node.lower, node.upper)]
        return _call("slice", *parts, node.step or ast.Constant(None))

    # Assignments

    def visit_Assign(self, node: ast.Assign) -> ast.stmt:
        node.value = self.visit(node.value)
        for target in node.targets:
            first = len(self.sites)
            self._visit_target(target)
            if len(self.sites) > first and isinstance(
                target, ast.Attribute | ast.Subscript
            ):
                site = self._target_site(first)
                node.value = self._note("value", node.value, site)
            elif isinstance(target, ast.Name):
                node.value = self._name_written(target, node.value)
        return node

    def _target_site(self, first: int) -> int:
        """Return the site of a target: it is numbered before those inside it."""
        return self._first + first

    def _visit_target(self, target: ast.expr) -> None:
        if not isinstance(target, ast.Name):
            self.visit(target)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.stmt:
        if node.value is not None:
            node.value = self.visit(node.value)
            if isinstance(node.target, ast.Name):
                node.value = self._name_written(node.target, node.value)
        self._visit_target(node.target)
        return node

    def visit_NamedExpr(self, node: ast.NamedExpr) -> ast.expr:
        node.value = self._name_written(node.target, self.visit(node.value))
        return node

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.stmt | list[ast.stmt]:
        target = node.target
        if isinstance(target, ast.Name):
            return self._augment_name(node, target)
        name = target.attr if isinstance(target, ast.Attribute) else ITEMS
        read = self._site(target, Access.READ, name)
        write = self._site(target, Access.WRITE, name)
        if isinstance(target, ast.Attribute):
            target.value = self._hook("read_hold", self.visit(target.value), read)
        else:
            target.value = self._note("hold", self.visit(target.value), read)
            target.slice = self._hook("key_hold", self.visit(target.slice), read)
        node.value = self._hook("late", self.visit(node.value), write)
        if not self._full or write not in self._keep:
            return node
        return [node, ast.Expr(_call("after", ast.Constant(write)))]

    # Variables

    def visit_Name(self, node: ast.Name) -> ast.expr:
        owner = self._names.owner_if_shared(self._scope, node.id)
        if owner is None or not isinstance(node.ctx, ast.Load):
            return node
        site = self._site(node, Access.READ, node.id, owner)
        if site not in self._keep:
            return node
        point = self._hook("name", ast.Constant(None), site)
        read = self._note("seen", node, site)
        return ast.copy_location(ast.BoolOp(ast.Or(), [point, read]), node)

    def _name_written(self, target: ast.Name, value: ast.expr) -> ast.expr:
        owner = self._names.owner_if_shared(self._scope, target.id)
        if owner is None:
            return value
        site = self._site(target, Access.WRITE, target.id, owner)
        return self._hook("name_written", value, site)

    def _augment_name(self, node: ast.AugAssign, target: ast.Name) -> ast.stmt:
        owner = self._names.owner_if_shared(self._scope, target.id)
        if owner is None:
            node.value = self.visit(node.value)
            return node
        # The read comes first and cannot be wrapped in place: spell the sum out.
        load = ast.copy_location(ast.Name(target.id, ast.Load()), target)
        read = self.visit_Name(load)
        total = ast.BinOp(read, node.op, self.visit(node.value))
        assign = ast.Assign([target], self._name_written(target, total))
        return ast.copy_location(assign, node)

    # Calls

    def visit_Call(self, node: ast.Call) -> ast.expr:
        match node.func:
            case ast.Name(id=name) if name in _CONTAINER_READERS:
                return self._reader_call(node)
            case ast.Name(id="next"):
                return self._wrap_first(node, Access.UPDATE, ITEMS)
            case ast.Name(id=name) if name in _ATTRIBUTE_CALLS:
                return self._attribute_call(node, _ATTRIBUTE_CALLS[name])
            case ast.Attribute() if not self._is_library(node.func):
                return self._method_call(node, node.func)
            case _:
                self.generic_visit(node)
                return node

    def _reader_call(self, node: ast.Call) -> ast.expr:
        if len(node.args) == 1 and isinstance(node.args[0], ast.GeneratorExp):
            self.generic_visit(node)
            return node
        return self._wrap_first(node, Access.READ, ITEMS)

    def _wrap_first(self, node: ast.Call, access: Access, name: str) -> ast.expr:
        if not node.args or isinstance(node.args[0], ast.Starred | ast.Constant):
            self.generic_visit(node)
            return node
        site = self._site(node.args[0], access, name)
        self.generic_visit(node)
        node.args[0] = self._hook("read", node.args[0], site)
        return node

    def _attribute_call(self, node: ast.Call, access: Access) -> ast.expr:
        match node.args:
            case [_, ast.Constant(value=str(name)), *_]:
                return self._wrap_first(node, access, name)
            case _:
                self.generic_visit(node)
                return node

    def _method_call(self, node: ast.Call, func: ast.Attribute) -> ast.expr:
        """Put the point of `base.method(args)` behind the last argument.

        The method is looked up before its arguments are evaluated, but what it
        does to the base happens after them. Plain names and constants evaluate
        to themselves, so the point may stay at the base.
        """
        site = self._site(func, Access.READ, func.attr)
        simple = _all_simple(node)
        func.value = self.visit(func.value)
        node.args = [self.visit(arg) for arg in node.args]
        for keyword in node.keywords:
            keyword.value = self.visit(keyword.value)
        if simple:
            func.value = self._hook("read", func.value, site)
        else:
            func.value = self._note("hold", func.value, site)
            self._wrap_last(node, site)
        return node

    def _wrap_last(self, node: ast.Call, site: int) -> None:
        if node.keywords:
            last = node.keywords[-1]
            last.value = self._hook("call", last.value, site)
        elif isinstance(node.args[-1], ast.Starred):
            starred = node.args[-1]
            starred.value = self._hook("call", starred.value, site)
        else:
            node.args[-1] = self._hook("call", node.args[-1], site)

    # Iteration and membership

    def visit_Compare(self, node: ast.Compare) -> ast.expr:
        sites = {
            index: self._site(node.comparators[index], Access.READ, ITEMS)
            for index, operator in enumerate(node.ops)
            if isinstance(operator, ast.In | ast.NotIn)
            and not isinstance(node.comparators[index], _FRESH)
        }
        self.generic_visit(node)
        for index, site in sites.items():
            node.comparators[index] = self._hook("read", node.comparators[index], site)
        return node

    def visit_For(self, node: ast.For) -> ast.stmt:
        site = None if _is_finite(node.iter) else self._each_site(node.iter)
        self.generic_visit(node)
        if site is not None:
            node.iter = self._each(node.iter, site)
            node.body.insert(0, ast.Expr(_call("tick")))
        return node

    def visit_comprehension(self, node: ast.comprehension) -> ast.comprehension:
        known = node.is_async or _is_finite(node.iter)
        site = None if known else self._each_site(node.iter)
        self.generic_visit(node)
        if site is not None:
            node.iter = self._each(node.iter, site)
        return node

    def _each_site(self, iterable: ast.expr) -> int:
        return self._site(iterable, Access.READ, ITEMS)

    def _each(self, iterable: ast.expr, site: int) -> ast.expr:
        if site not in self._keep:
            return iterable
        return _call("each", iterable, ast.Constant(site))

    def visit_While(self, node: ast.While) -> ast.stmt:
        self.generic_visit(node)
        node.body.insert(0, ast.Expr(_call("tick")))
        return node

    # Scopes

    def _visit_scope(self, node: ast.AST) -> ast.AST:
        outer, self._scope = self._scope, self._names.scopes[node]
        self.generic_visit(node)
        self._scope = outer
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        return self._visit_function(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        return self._visit_function(node)

    def _visit_function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> ast.AST:
        # An annotation is read by tools, not by tasks.
        returns, node.returns = node.returns, None
        self._visit_scope(node)
        node.returns = returns
        return node

    def visit_arg(self, node: ast.arg) -> ast.arg:
        return node  # nothing in it but an annotation

    def visit_Lambda(self, node: ast.Lambda) -> ast.AST:
        return self._visit_scope(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        return self._visit_scope(node)

    def visit_match_case(self, node: ast.match_case) -> ast.match_case:
        # A pattern is no expression: nothing in it may be wrapped.
        pattern, node.pattern = node.pattern, ast.MatchAs()
        self.generic_visit(node)
        node.pattern = pattern
        return node

    def _is_library(self, node: ast.expr) -> bool:
        """Tell whether a read reaches no further than the standard library."""
        while isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load):
            node = node.value
        return isinstance(node, ast.Name) and node.id in self._names.library


def _call(hook: str, *args: ast.expr) -> ast.Call:
    # Two underscores at both ends: a class body must not mangle the name.
    return ast.Call(ast.Name(f"__rc_{hook}__", ast.Load()), list(args), [])


def _text(node: ast.expr) -> str:
    """Return the expression as a label, or nothing if it is too long for one."""
    try:
        text = ast.unparse(node)
    except ValueError:  # Python 3.11 cannot print some nested f-strings
        return ""
    return text if len(text) <= _LABEL_WIDTH else ""


def _all_simple(call: ast.Call) -> bool:
    """Tell whether evaluating the arguments can neither stop nor change anything."""
    values = [*call.args, *(keyword.value for keyword in call.keywords)]
    return all(isinstance(v, ast.Name | ast.Constant | ast.Lambda) for v in values)


def _is_finite(iterable: ast.expr) -> bool:
    """Tell whether a loop over this needs neither points nor a look at its length."""
    if isinstance(iterable, _FRESH):
        return True
    return (
        isinstance(iterable, ast.Call)
        and isinstance(iterable.func, ast.Name)
        and iterable.func.id in _FINITE_CALLS
    )
