"""The loop over a class in docs/instructors.md, to the letter."""

# ruff: noqa: ANN001
# Fixtures need no types, as in the graders.

import json
import os
import re
import shlex
import subprocess

import pytest

from tests.cli.conftest import COMMAND, RIGHT, ROOT, TINY

PAGE = ROOT / "docs" / "instructors.md"
_BLOCK = re.compile(r"<!-- class -->\n```\n(.*?)```\n<!-- /class -->", re.DOTALL)


@pytest.fixture
def class_folder(home):
    """Four students: one is right, one is wrong, one cannot be parsed, one sent nothing."""
    right = RIGHT.read_text(encoding="utf-8")
    texts = {
        "ada": right,
        "ben": right.replace("+= n", "= n"),
        "cyd": "def broken(:\n",
        "dee": None,
    }
    for name, text in texts.items():
        folder = home / "class" / name
        folder.mkdir(parents=True)
        if text is not None:
            (folder / "solution.py").write_text(text, encoding="utf-8")
    return home / "class"


def test_a_class_is_graded_and_nobody_stops_it(class_folder, environment, tmp_path):
    """Every student has a file: a report, or why there is none."""
    tools = tmp_path / "bin"
    tools.mkdir()
    command = shlex.join([*COMMAND])
    # A small course, and whatever sandbox the machine that tests has.
    options = shlex.join(["--course", str(TINY), "--accept-weak"])
    (tools / "grade").write_text(f'#!/bin/sh\nexec {command} "$@" {options}\n')
    (tools / "grade").chmod(0o755)
    loop = _BLOCK.search(PAGE.read_text(encoding="utf-8"))[1].replace("ex3", "ex1")

    done = subprocess.run(
        ["/bin/sh", "-c", loop],
        cwd=class_folder.parent,
        env={**environment, "PATH": f"{tools}:{os.defpath}"},
        capture_output=True,
        encoding="utf-8",
        check=True,
    )

    assert done.stdout.splitlines() == [
        "ada: exit code 0",
        "ben: exit code 1",
        "cyd: exit code 3",
        "dee: exit code 2",
    ]
    reports = {
        path.stem: json.loads(path.read_text(encoding="utf-8"))
        for path in (class_folder.parent / "reports").iterdir()
    }
    assert reports["ada"]["score"] == reports["ada"]["max_score"] == 100
    assert reports["ada"]["official"]
    assert 0 < reports["ben"]["score"] < 100
    assert reports["cyd"]["error"]["kind"] == "submission"
    assert reports["dee"]["error"]["kind"] == "usage"
