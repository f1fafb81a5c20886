"""Each level: what students' code may do works, and what it may not do fails."""

import inspect
import itertools
import tempfile
from pathlib import Path

import pytest

from racecourse.sandbox import confine
from racecourse.sandbox.levels import LEVELS, PROMISES
from tests import levels

# Grades at a level from the command line: the level's name, then the scenario's file.
_DRIVER = """
import json, os, sys
from pathlib import Path
from racecourse.model.exercise import Limits
from racecourse.sandbox.launch import LoadOptions
from racecourse.sandbox.launcher import Zygote
from racecourse.sandbox.payload import Payload
from racecourse.sandbox.levels import level_named

del os.environ["TMPDIR"]  # so scratch folders are where they are by default
name, scenarios, target = sys.argv[1:]
zygote = Zygote(lanes=1, level=level_named(name), hidden=[str(Path(scenarios).parent)])
payload = Payload(solution="", hidden={"scenarios.py": Path(scenarios).read_text()})
worker = zygote.first_lane().launch(payload, Limits(wall_s=100, memory_mib=1024))
worker.load(LoadOptions(scenarios="scenarios"), within_s=30)
seen = worker.answer(worker.begin(target, {}), within_s=100)
worker.close()
assert zygote.close()
print(json.dumps(seen))
"""


def test_students_code_works_as_expected(level):  # noqa: ANN001
    """Threads, processes of every kind, shared memory, sockets, files: all of it."""
    file = Path(__file__).with_name("features.py")
    # A short name: the path of a Unix socket in it may have 107 characters.
    with tempfile.TemporaryDirectory(prefix="rc-") as folder:
        Path(folder).chmod(0o711)
        seen = levels.run_at(
            level, Path(folder, "run"), "-c", _DRIVER, level.name, str(file), "failing"
        )
    assert seen == {"tried": 30, "wrong": {}}


def test_a_level_that_is_offered_was_attacked(level):  # noqa: ANN001
    """The probe says so itself: a level is offered only if its promises held."""
    assert level.promises <= set(PROMISES)


def test_stronger_levels_promise_more():
    """From the top down nothing is promised that the level above does not promise."""
    promised = [level.promises for level in LEVELS]
    assert all(a >= b for a, b in itertools.pairwise(promised) if b)
    assert {level.name for level in LEVELS if level.official} == {"root", "user"}


@pytest.mark.parametrize(
    ("readable", "hidden", "shown"),
    [
        (["a"], [], ["a"]),
        (["a"], ["a"], []),
        (["a"], ["b"], ["a"]),
        (["a"], ["a/x"], ["a/y", "a/z"]),
        (["a"], ["a/x", "a/z/q"], ["a/y", "a/z/p"]),
        (["a", "c"], ["a/x/nowhere"], ["a", "c"]),
    ],
)
def test_what_is_shown_leaves_out_what_is_hidden(
    tmp_path: Path, readable: list[str], hidden: list[str], shown: list[str]
):
    """Folders are taken apart just as far as it takes to leave something out."""
    for folder in ("a/x", "a/y", "a/z/p", "a/z/q", "b", "c"):
        (tmp_path / folder).mkdir(parents=True)
    here = [str(tmp_path / path) for path in hidden]
    seen, listed = confine.around([str(tmp_path / path) for path in readable], here)
    assert sorted(seen) == sorted(str(tmp_path / path) for path in shown)
    assert all(any(h.startswith(f"{each}/") for h in here) for each in listed)


def test_the_package_alone_is_shown_of_a_checkout():
    """Graders and references lie beside it."""
    package = str(Path(inspect.getfile(confine)).parent.parent)
    assert package in confine.python_paths()
    assert str(Path(package).parent) not in confine.python_paths()
