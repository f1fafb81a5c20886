"""Published libraries under the engine: the correct ones pass, old mistakes are found.

Each library's own files are rewritten with a program that uses it. The programs are
the same for a repaired release and for the old one, kept under `old/`.
"""

from __future__ import annotations

import ast
import dataclasses
import hashlib
import importlib.metadata
import importlib.util
import tomllib
from pathlib import Path

import pytest

from racecourse.engine import Kind, Report, Verdict, explore_file, replay

HERE = Path(__file__).parent
ROOT = HERE.parent.parent.parent
PROGRAMS = HERE / "programs"
OLD = HERE / "old"

MODULES = {
    "aiolimiter": ["aiolimiter.leakybucket"],
    "aiorwlock": ["aiorwlock"],
    "async_lru": ["async_lru"],
    "cached_property": ["cached_property"],
    "cachetools": [
        *("cachetools.keys", "cachetools._decorator", "cachetools._cached"),
        "cachetools",
    ],
    "fasteners": ["fasteners.lock"],
    "janus": ["janus"],
    "readerwriterlock": ["readerwriterlock.rwlock"],
}
"""The modules of each library that are rewritten, in the order of their imports."""

MISUSE = ("cachetools", "without_the_lock_that_the_manual_demands")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class OldMistake:
    """A mistake that a release had, and the program that meets it."""

    library: str
    module: str
    file: str
    sha256: str
    function: str
    kind: Kind


OLD_MISTAKES = [
    OldMistake(
        library="aiorwlock",
        module="aiorwlock",
        file="aiorwlock_1_1_0.py",
        sha256="7cdc51f9ca0ab8a71adfe64a4e57a7496451c995b422f9c005152095f963a01a",
        function="nobody_writes_beside_a_writer",
        kind=Kind.ASSERTION,
    ),
    OldMistake(
        library="aiorwlock",
        module="aiorwlock",
        file="aiorwlock_1_1_0.py",
        sha256="7cdc51f9ca0ab8a71adfe64a4e57a7496451c995b422f9c005152095f963a01a",
        function="a_writer_is_alone",
        kind=Kind.ASSERTION,
    ),
    OldMistake(
        library="aiorwlock",
        module="aiorwlock",
        file="aiorwlock_1_5_0.py",
        sha256="dfb209dbb1c5092010a2570b914eda78e81f24dc5913ab842f3fd1ce1efe6530",
        function="a_cancelled_writer_leaves_the_lock_usable",
        kind=Kind.DEADLOCK,
    ),
    OldMistake(
        library="aiorwlock",
        module="aiorwlock",
        file="aiorwlock_1_5_0.py",
        sha256="dfb209dbb1c5092010a2570b914eda78e81f24dc5913ab842f3fd1ce1efe6530",
        function="a_cancelled_reader_leaves_the_lock_usable",
        kind=Kind.DEADLOCK,
    ),
    OldMistake(
        library="fasteners",
        module="fasteners.lock",
        file="fasteners_lock_0_17_2.py",
        sha256="e6492831668865c3a2af77f8a441b50228a6900e6e577fea2e03f3306bad0493",
        function="a_writer_may_read_while_another_one_waits",
        kind=Kind.DEADLOCK,
    ),
]


def _functions(library: str) -> list[str]:
    """Return the programs that use a library, in the order of their file."""
    return [
        node.name
        for node in ast.parse(_program(library).read_text()).body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and not node.name.startswith("_")
    ]


def _program(library: str) -> Path:
    return PROGRAMS / f"{library}_programs.py"


def _installed(module: str) -> str:
    spec = importlib.util.find_spec(module)
    assert spec is not None
    assert spec.origin is not None
    return spec.origin


def _explore(library: str, function: str) -> Report:
    modules = {module: _installed(module) for module in MODULES[library]}
    return explore_file(_program(library), function, modules=modules)


CORRECT = [
    (library, function)
    for library in MODULES
    for function in _functions(library)
    if (library, function) != MISUSE
]


@pytest.mark.parametrize(("library", "function"), CORRECT)
def test_a_published_library_is_not_accused(library: str, function: str):
    report = _explore(library, function)
    assert report.verdict is Verdict.NOTHING_FOUND, report


@pytest.mark.parametrize(
    "mistake", OLD_MISTAKES, ids=lambda one: f"{one.file[:-3]}-{one.function}"
)
def test_a_known_mistake_of_an_old_release_is_found(mistake: OldMistake):
    """And repeated. That the repaired release passes is a case of the test above."""
    assert (mistake.library, mistake.function) in CORRECT
    report = explore_file(
        _program(mistake.library),
        mistake.function,
        modules={mistake.module: OLD / mistake.file},
    )
    assert report.verdict is Verdict.FAILED, report
    assert report.failure is not None
    assert report.failure.kind is mistake.kind
    again = replay(report.token)
    assert again.verdict is Verdict.FAILED
    assert again.explanation == report.explanation


def test_use_against_the_manual_is_found():
    assert _explore(*MISUSE).verdict is Verdict.FAILED


@pytest.mark.parametrize("mistake", OLD_MISTAKES, ids=lambda one: one.function)
def test_the_old_files_are_as_they_were_published(mistake: OldMistake):
    text = (OLD / mistake.file).read_bytes()
    assert hashlib.sha256(text).hexdigest() == mistake.sha256


def test_the_page_names_the_releases_that_are_tried():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    pinned = project["optional-dependencies"]["dev"]
    page = (ROOT / "docs" / "engine.md").read_text()
    for library in MODULES:
        name = library.replace("_", "-")
        version = importlib.metadata.version(name)
        assert f"{name}=={version}" in pinned
        assert f"{name} {version}" in page
