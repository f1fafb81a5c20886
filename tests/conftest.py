"""Fixtures that several folders share: small courses, and gradings in a process apart."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest

from racecourse.sandbox import tree
from racecourse.sandbox.levels import Level, level_named
from tests import levels

_DRIVER = """
import json, sys
from pathlib import Path
from racecourse.grading import catalogue, intake, journal, run
course, submission, place, options = sys.argv[1:]
content = catalogue.find_exercise("ex1", catalogue.load_course(Path(course)))
with journal.Journal(Path(place)) as opened:
    report = run.grade(
        content, intake.take_in(Path(submission)),
        run.Options(**{"seed": 1, "confirm": False, **json.loads(options)}),
        journal=opened,
    )
print(json.dumps(report.to_plain()))
"""


def hear_interrupts() -> None:
    """Undo, in a child, that whoever started the tests may have SIGINT ignored.

    A shell does that to what it starts with `&`, and children inherit it.
    """
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@dataclass(frozen=True)
class Course:
    """A course of one exercise on disk, made for one test."""

    root: Path
    scratch: Path  # where the gradings keep what should be gone afterwards

    def command(self, **options: Any) -> list[str]:
        """Return the command that grades the submission once and prints the report."""
        return [
            *(sys.executable, "-c", _DRIVER, str(self.root)),
            *(str(self.root / "submission.py"), str(self.journal)),
            json.dumps(options),
        ]

    @property
    def journal(self) -> Path:
        """Where the command above keeps its journal."""
        return self.root / "journal" / "journal.jsonl"

    @property
    def environment(self) -> dict[str, str]:
        """The environment for the command above."""
        return {**os.environ, "TMPDIR": str(self.scratch)}

    def grade(self, *, within_s: float = 60.0, **options: Any) -> dict[str, Any]:
        """Grade the submission in a process of its own and return the report."""
        done = subprocess.run(
            self.command(**options),
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=within_s,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
        report: dict[str, Any] = json.loads(done.stdout)
        return report

    def left(self) -> list[str]:
        """Return the folders of workers that are still there."""
        return sorted(path.name for path in self.scratch.glob("rc-*"))


@dataclass(frozen=True, kw_only=True)
class Probe:
    """One check of a made-up course."""

    id: str
    scenario: str = ""  # source of a function `scenario()`; its name is the id's
    test: str = ""  # body of the test; by default the scenario must return 42
    options: str = ""  # further lines of the check's table
    limits: dict[str, float] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The scenario's name."""
        return self.id.lower()

    def table(self, points: float) -> str:
        """Return the check as TOML."""
        limits = "".join(f"{key} = {value}\n" for key, value in self.limits.items())
        return (
            f'[[checks]]\nid = "{self.id}"\ncategory = "correctness"\n'
            f'title = "{self.id}"\npromise = 1\npoints = {points!r}\n'
            f'learning = "-"\nquestion = "-"\n{self.options}\n[checks.limits]\n{limits}\n'
        )

    def grader(self) -> str:
        """Return the test as source."""
        body = self.test or (
            f'must.equal(submission.call("{self.name}"), 42, what="answer")'
        )
        lines = "".join(f"    {line}\n" for line in body.splitlines())
        return f'@check("{self.id}")\ndef test_{self.name}(submission):\n{lines}\n\n'


@pytest.fixture
def make_course(tmp_path: Path) -> Callable[..., Course]:
    """Return a function that writes a course from probes and one submission."""

    def make(*probes: Probe, submission: str = "", grader: str = "") -> Course:
        slug = "ex01_probe"
        head = (
            f'[exercise]\nid = "ex1"\nslug = "{slug}"\ntitle = "-"\nsummary = "-"\n'
            '[limits]\nwall_s = 1\n[[promises]]\nid = 1\ntext = "-"\n'
        )
        points = 100 / len(probes)
        tables = "".join(probe.table(points) for probe in probes)
        imports = (
            "from racecourse.checks import Broken, NotMeasurable, check, must\n\n\n"
        )
        tests = imports + "".join(probe.grader() for probe in probes)
        driver = "import solution\n\n\n" + "\n\n".join(
            probe.scenario or f"def {probe.name}():\n    return solution.{probe.name}()"
            for probe in probes
        )
        for path, text in {
            f"exercises/{slug}/exercise.toml": head + tables,
            f"graders/{slug}/test_probe.py": grader or tests,
            f"graders/{slug}/scenarios.py": driver,
            "graders/pytest.ini": "[pytest]\ntestpaths =\n",
            f"starter/{slug}/solution.py": "",
            "submission.py": submission or "pass\n",
            "scratch/here": "",
        }.items():
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_text(text, encoding="utf-8")
        return Course(root=tmp_path, scratch=tmp_path / "scratch")

    return make


@pytest.fixture
def nothing_left() -> Iterator[None]:
    """Demand that what the test starts, and all it detaches, is gone when it ends.

    The test's own process becomes the parent of every orphan, so none can hide.
    """
    tree.adopt_orphans()
    before = set(tree.descendants(os.getpid()))
    yield
    left = []
    for pid in set(tree.descendants(os.getpid())) - before:
        with contextlib.suppress(psutil.NoSuchProcess):
            left.append(psutil.Process(pid))
    _, alive = psutil.wait_procs(left, timeout=10)
    assert not alive


@pytest.fixture(params=levels.NAMES)
def level(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Level:
    """A level that this machine offers to whoever may use it."""
    folder = tmp_path_factory.getbasetemp() / f"probe-{request.param}"
    if not levels.offered(request.param, folder):
        pytest.skip(f"this machine does not offer the level {request.param}")
    return level_named(request.param)
