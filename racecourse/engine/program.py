"""Programs: source files that are loaded together, rewritten, and run many times."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import hashlib
import sys
import types
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

from racecourse.engine.failures import CannotExploreError
from racecourse.engine.rewriting.rewrite import EverySite, rewrite

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterator, Mapping

    from racecourse.engine.sites import Site
    from racecourse.engine.threads.library import Library

EVERY_SITE = EverySite()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One file of a program."""

    module: str
    """Name under which the other files import it."""
    path: str
    text: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """Several sources and the function that starts them.

    Sources are executed in order, so that a later one can import the earlier
    ones; the function is looked up in the last.
    """

    sources: tuple[Source, ...]
    function: str

    def digest(self) -> str:
        """Return a fingerprint of all sources: schedules mean nothing without it."""
        text = "\0".join(source.text for source in self.sources)
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    def paths(self) -> frozenset[str]:
        """Return the file names, as they appear in places and tracebacks."""
        return frozenset(source.path for source in self.sources)

    def modules(self) -> frozenset[str]:
        """Return the names of the modules."""
        return frozenset(source.module for source in self.sources)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """A program, rewritten and compiled in one form."""

    parts: tuple[tuple[Source, types.CodeType], ...]
    sites: tuple[Site, ...]


def read_program(
    path: str | Path, function: str, modules: Mapping[str, str | Path] | None = None
) -> Program:
    """Return the program in a file and the modules that go with it.

    Raises:
        CannotExploreError: If a file cannot be read.
    """
    files = {**(modules or {}), Path(path).stem: path}
    sources = tuple(
        Source(module=name, path=str(file), text=_read(file))
        for name, file in files.items()
    )
    return Program(sources=sources, function=function)


def _read(path: str | Path) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CannotExploreError(f"{path} cannot be read: {error}.") from error


def compile_program(program: Program, *, full: bool, keep: Container[int]) -> Code:
    """Rewrite and compile every source; sites are numbered across all of them.

    Raises:
        CannotExploreError: If a source is not Python.
    """
    parts = []
    sites: list[Site] = []
    for source in program.sources:
        try:
            rewritten = rewrite(
                source.text,
                module=source.module,
                path=source.path,
                first_site=len(sites),
                full=full,
                keep=keep,
            )
            code = compile(rewritten.tree, source.path, "exec", dont_inherit=True)
        except (SyntaxError, ValueError) as error:
            raise CannotExploreError(f"{source.path} is not Python: {error}") from error
        parts.append((source, code))
        sites.extend(rewritten.sites)
    return Code(parts=tuple(parts), sites=tuple(sites))


def load(
    code: Code, library: Library, hooks: Mapping[str, object], function: str
) -> Callable[[], Any]:
    """Execute the modules afresh and return the function that starts the program.

    Raises:
        CannotExploreError: If there is no such function.
    """
    own: dict[str, types.ModuleType] = {}
    names = {f"__rc_{name}__": hook for name, hook in hooks.items()}
    module_builtins = library.builtins(names, own)
    for source, part in code.parts:
        module = types.ModuleType(source.module)
        vars(module).update(
            __builtins__=module_builtins,
            __file__=source.path,
            __package__=_package_of(source),
        )
        _link_to_package(module, {**library.modules, **own})
        own[source.module] = module
        if source.module not in sys.stdlib_module_names:
            sys.modules[source.module] = module  # dataclasses look their module up
        exec(part, vars(module))  # noqa: S102 - running the program is the purpose
    start = vars(module).get(function)
    if not callable(start):
        raise CannotExploreError(f"{source.path} has no function {function!r}.")
    return start  # type: ignore[no-any-return]


def _package_of(source: Source) -> str:
    """Return the package from which a module's relative imports start."""
    is_package = Path(source.path).name == "__init__.py"
    return source.module if is_package else source.module.rpartition(".")[0]


def _link_to_package(
    module: types.ModuleType, own: Mapping[str, types.ModuleType]
) -> None:
    """Make a module an attribute of its package, whichever of them comes first."""
    name = module.__name__
    parent, _, child = name.rpartition(".")
    if parent in own:
        vars(own[parent])[child] = module
    for other, inner in own.items():
        if other.rpartition(".")[0] == name:
            vars(module)[other.rpartition(".")[2]] = inner


@contextlib.contextmanager
def module_names_borrowed(program: Program) -> Iterator[None]:
    """Give the names of the program's modules back when it has been explored."""
    before = {name: sys.modules.get(name) for name in program.modules()}
    try:
        yield
    finally:
        for name, module in before.items():
            if module is None:
                sys.modules.pop(name, None)
            else:
                sys.modules[name] = module


@contextlib.contextmanager
def generated_code_kept() -> Iterator[None]:
    """Compile what `dataclasses` generates once, however often a class is made.

    A program that keeps state in its modules is executed anew for each schedule, and
    most of the time that a dataclass takes goes into compiling its methods.
    """

    @functools.cache
    def compiled(text: str) -> types.CodeType:
        return compile(text, "<string>", "exec", dont_inherit=True)

    def execute(text: str, names: dict[str, Any], found: dict[str, Any]) -> None:
        exec(compiled(text), names, found)  # noqa: S102 - as dataclasses itself would

    # The module finds its own `exec` before the built-in one.
    with mock.patch.object(dataclasses, "exec", execute, create=True):
        yield
