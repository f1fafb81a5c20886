"""Does a submission offer what the starter promises? Names and parameters only. Pure."""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from racecourse.sandbox.protocol import ProtocolError


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """A public name of the starter; `parameters` is None when only the name counts."""

    path: str
    parameters: tuple[str, ...] | None


def expected_interface(starter: str) -> tuple[Expected, ...]:
    """Read the public functions, classes and methods from the starter's source."""
    return tuple(_expected(ast.parse(starter).body, ""))


def _expected(body: list[ast.stmt], prefix: str) -> Iterator[Expected]:
    for node in body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield Expected(path=node.name, parameters=_constructor(node))
            yield from _expected(node.body, f"{node.name}.")
        elif isinstance(
            node, ast.FunctionDef | ast.AsyncFunctionDef
        ) and not node.name.startswith("_"):
            decorators = {_name(decorator) for decorator in node.decorator_list}
            # A property may as well be an attribute that only instances have.
            if not decorators & {"property", "cached_property"}:
                bound = bool(prefix) and "staticmethod" not in decorators
                yield Expected(
                    path=prefix + node.name, parameters=_parameters(node, bound=bound)
                )


def _constructor(node: ast.ClassDef) -> tuple[str, ...] | None:
    for member in node.body:
        if isinstance(member, ast.FunctionDef) and member.name == "__init__":
            return _parameters(member, bound=True)
    return None


def _parameters(
    node: ast.FunctionDef | ast.AsyncFunctionDef, *, bound: bool
) -> tuple[str, ...] | None:
    """The parameters that callers may give by name; None if that is not all they may."""
    spec = node.args
    if spec.vararg or spec.kwarg or spec.posonlyargs:
        return None
    return tuple(a.arg for a in (*spec.args[bound:], *spec.kwonlyargs))


def _name(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def readable(described: Any) -> dict[str, Any]:
    """Return a description that has the form we rely on; it comes from a stranger.

    Whatever has not is left out, and its name counts as one that does not tell.
    """
    if not isinstance(described, dict):
        raise ProtocolError("a description that is not a table")
    return {
        path: parameters if _is_parameters(parameters) else None
        for path, parameters in described.items()
    }


def _is_parameters(value: Any) -> bool:
    return isinstance(value, list) and all(
        isinstance(each, dict)
        and isinstance(each.get("name"), str)
        and isinstance(each.get("kind"), str)
        and isinstance(each.get("required"), bool)
        for each in value
    )


def differences(
    expected: tuple[Expected, ...], described: Mapping[str, Any]
) -> tuple[str, ...]:
    """Return what a submission lacks, one sentence each.

    Args:
        expected: What the starter has.
        described: Public callables of the submission by dotted name: a list of their
            parameters (name, kind, required, without `self`), or None where they do
            not tell. Attributes that are not callable are there with None.
    """
    # A factory function may stand where the starter has a class: only calls can tell.
    classes = {path.rpartition(".")[0] for path in described}
    found = []
    for each in expected:
        owner, _, member = each.path.rpartition(".")
        if each.path not in described:
            if not owner or owner in classes:
                what = (
                    f"the class {owner} has no {member}"
                    if owner
                    else (f"{each.path} is missing")
                )
                found.append(what)
        elif each.parameters is not None and described[each.path] is not None:
            found += _parameter_differences(each, described[each.path])
    return tuple(found)


def _parameter_differences(
    each: Expected, actual: list[Mapping[str, Any]]
) -> list[str]:
    wanted = each.parameters or ()
    kinds = {p["kind"] for p in actual}
    names = {p["name"] for p in actual}
    found = []
    if "VAR_KEYWORD" not in kinds:
        missing = [n for n in wanted if n not in names]
        if "VAR_POSITIONAL" in kinds:
            missing = []
        found += [f"{each.path}() has no parameter {name!r}" for name in missing]
    extra = [
        p["name"]
        for p in actual
        if p["required"]
        and p["kind"] not in {"VAR_KEYWORD", "VAR_POSITIONAL", "POSITIONAL_ONLY"}
        and p["name"] not in wanted
    ]
    # A renamed parameter was already said; once is enough.
    if not found:
        found += [f"{each.path}() demands an extra parameter {n!r}" for n in extra]
    return found
