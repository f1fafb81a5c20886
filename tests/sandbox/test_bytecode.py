"""Workers find what they import compiled already, and notice nothing of it."""

import importlib.util
import marshal
from collections.abc import Iterator
from types import CodeType

import pytest

from racecourse.model.exercise import Limits
from racecourse.sandbox import bytecode
from racecourse.sandbox.endings import Raised
from racecourse.sandbox.launch import LoadOptions
from racecourse.sandbox.launcher import Lane, Zygote
from racecourse.sandbox.payload import Payload, compiled_modules

_SOLUTION = "def fails():\n    raise ValueError('mine')\n"


@pytest.fixture(scope="module")
def lane() -> Iterator[Lane]:
    zygote = Zygote(lanes=1)
    yield zygote.first_lane()
    assert zygote.close()


def test_a_compiled_form_is_what_python_itself_would_write():
    form = bytecode.compiled(_SOLUTION, "solution.py")
    assert form[:4] == importlib.util.MAGIC_NUMBER
    assert form[8:16] == importlib.util.source_hash(_SOLUTION.encode())
    assert isinstance(marshal.loads(form[16:]), CodeType)  # noqa: S302 - made above


def test_it_lies_where_python_looks_for_it():
    for path in ("solution.py", "scenarios/races.py", "scenarios/__init__.py"):
        assert bytecode.cached_path(path) == importlib.util.cache_from_source(path)


@pytest.mark.parametrize(
    "text",
    [
        "def broken(:\n",
        "x = '\\0'\0",
        f"x = {'(' * 500}1{')' * 500}\n",
        f"x = {'-' * 20_000}1\n",
        "x = 1 is 1\n",  # Python warns of it
    ],
)
def test_what_python_has_something_to_say_about_it_compiles_itself(text: str):
    assert bytecode.compiled(text, "solution.py") == b""


def test_only_modules_are_compiled():
    payload = Payload(solution="x = 1\n", given={"data.csv": "a,b\n", "given.py": ""})
    assert set(compiled_modules(payload)) == {"solution.py", "given.py"}


@pytest.mark.parametrize("fits", [True, False])
def test_a_worker_loads_the_form_if_it_fits_the_source(
    lane: Lane, monkeypatch: pytest.MonkeyPatch, *, fits: bool
):
    other = bytecode.compiled(_SOLUTION.replace("mine", "kept"), "solution.py")
    own = bytecode.compiled(_SOLUTION, "solution.py")
    form = own[:16] + other[16:] if fits else other
    monkeypatch.setattr(bytecode, "compiled", lambda *_: form)
    worker = lane.launch(Payload(solution=_SOLUTION), Limits())
    monkeypatch.undo()
    worker.load(LoadOptions(scenarios="solution"), within_s=20)
    with pytest.raises(Raised) as caught:
        worker.answer(worker.begin("fails", {}), within_s=20)
    assert caught.value.text == ("kept" if fits else "mine")
    assert [(f.file, f.line) for f in caught.value.trace] == [("solution.py", 2)]
    worker.close()


def test_what_python_warns_of_is_in_the_output(lane: Lane):
    worker = lane.launch(Payload(solution="x = 1 is 1\n"), Limits())
    worker.load(LoadOptions(), within_s=20)
    worker.close()
    assert "SyntaxWarning" in worker.output
