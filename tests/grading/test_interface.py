"""The interface check: no way that calls could go right is refused."""

import sys
import types

import pytest

from racecourse.grading.interface import differences, expected_interface, readable
from racecourse.sandbox import worker
from racecourse.sandbox.protocol import ProtocolError

_STARTER = """
class Counter:
    def __init__(self, start=0): ...
    def add(self, n=1): ...
    @classmethod
    def of(cls, n): ...
    @staticmethod
    def zero(): ...
    @property
    def value(self): ...

async def gather(jobs, *, limit): ...
"""
_REST = "async def gather(jobs, *, limit): ...\n"
_RIGHT = f"""
class Counter:
    def __init__(self, start=0): self.value = start
    def add(self, n=1): ...
    @classmethod
    def of(cls, n): ...
    @staticmethod
    def zero(): ...
{_REST}"""


def _found(source: str, monkeypatch: pytest.MonkeyPatch) -> tuple[str, ...]:
    solution = types.ModuleType("solution")
    monkeypatch.setitem(sys.modules, "solution", solution)
    exec(source, solution.__dict__)  # noqa: S102 - a text of this test
    described = readable(worker._signatures())  # noqa: SLF001 - it runs in a worker
    return differences(expected_interface(_STARTER), described)


@pytest.mark.parametrize(
    "source",
    [
        _STARTER,
        _RIGHT,
        _RIGHT.replace("def add(self, n=1)", "def add(this, n=1, *, extra=2)"),
        _RIGHT.replace("def add(self, n=1)", "async def add(self, /, *args, **kwargs)"),
        _RIGHT.replace("def add(self, n=1)", "def add(self, **kwargs)"),
        _RIGHT.replace("def add(self, n=1): ...", "add = Adder()").replace(
            "class Counter",
            "class Adder:\n    def __call__(self, n): ...\nclass Counter",
        ),
        _RIGHT.replace("    def add", "    @functools.lru_cache\n    def add").replace(
            "\nclass", "import functools\nclass", 1
        ),
        "import functools\n"
        "def wrapped(f):\n"
        "    @functools.wraps(f)\n"
        "    def inner(*args, **kwargs): return f(*args, **kwargs)\n"
        "    return inner\n"
        + _RIGHT.replace("    def add", "    @wrapped\n    def add"),
        "def bare(f): return lambda *args, **kwargs: f(*args, **kwargs)\n"
        + _RIGHT.replace("    def add", "    @bare\n    def add"),
        "import dataclasses\n@dataclasses.dataclass\n"
        + _RIGHT.strip().replace(
            "def __init__(self, start=0): self.value = start", "start: int = 0"
        ),
        "def Counter(start=0, lock=None): ...\n" + _REST,
        "import functools\ndef g(jobs, *, limit, how): ...\n"
        "gather = functools.partial(g, how=1)\n" + _RIGHT.replace(_REST, ""),
        "class B:\n    def add(self, n=1): ...\n"
        + _RIGHT.replace("Counter:", "Counter(B):").replace(
            "    def add(self, n=1): ...\n", ""
        ),
    ],
)
def test_what_can_be_called_like_the_starter_is_accepted(
    source: str, monkeypatch: pytest.MonkeyPatch
):
    assert _found(source, monkeypatch) == ()


@pytest.mark.parametrize(
    ("source", "difference"),
    [
        (_RIGHT.replace("gather", "collect"), "gather is missing"),
        (_RIGHT.replace("def add", "def plus"), "the class Counter has no add"),
        (
            _RIGHT.replace("add(self, n=1)", "add(self)"),
            "Counter.add() has no parameter 'n'",
        ),
        (
            _RIGHT.replace("add(self, n=1)", "add(self, n, how)"),
            "Counter.add() demands an extra parameter 'how'",
        ),
        (
            _RIGHT.replace("__init__(self, start=0)", "__init__(self, start, lock)"),
            "Counter() demands an extra parameter 'lock'",
        ),
    ],
)
def test_what_would_break_a_call_is_said(
    source: str, difference: str, monkeypatch: pytest.MonkeyPatch
):
    assert _found(source, monkeypatch) == (difference,)


def test_a_strangers_description_is_not_believed_in_its_form():
    assert readable({"f": [5], "g": 3, "h": None}) == {"f": None, "g": None, "h": None}
    with pytest.raises(ProtocolError):
        readable(5)
