"""Intake: every way to hand something in is one text or one sentence."""

import json
import os
from pathlib import Path

import pytest

from racecourse.grading.intake import take_in
from racecourse.model.submission import SubmissionProblem


def _write(path: Path, content: bytes | str) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def _refusal(path: Path, *, usage: bool = False) -> str:
    with pytest.raises(SubmissionProblem) as caught:
        take_in(path)
    assert caught.value.usage is usage
    return caught.value.message


def _notebook(*cells: str) -> str:
    return json.dumps({"cells": [{"cell_type": "code", "source": c} for c in cells]})


@pytest.mark.parametrize(
    "content",
    [
        b"x = 1\n",
        b"\xef\xbb\xbfx = 1\n",
        b"# -*- coding: utf8 -*-\nx = 1\n",
        b"# coding: UTF-8\r\nx = 1\r\n",
        b"# coding: ascii\nx = 1\n",
    ],
)
def test_a_file_is_taken_as_its_text(tmp_path: Path, content: bytes):
    taken = take_in(_write(tmp_path / "mine.py", content))
    assert "x = 1" in taken.source
    assert not taken.source.startswith("\ufeff")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "is empty"),
        (" \n\n", "is empty"),
        (b"\x7fELF\0\0", "looks like a binary file"),
        (b"x = '\xe9'\n", "is not valid UTF-8"),
        (b"# coding: latin-1\nx = '\xe9'\n", "declares the encoding iso-8859-1"),
        (b"# coding: utf-7\nx = 1\n", "declares the encoding utf-7"),
        (b"# coding: klingon\nx = 1\n", "is not valid UTF-8"),
        (b"#" * ((1 << 20) + 1), "is larger than 1 MiB"),
        ("(" * 5000, "line 1"),
    ],
)
def test_what_cannot_be_graded_is_one_sentence(
    tmp_path: Path, content: bytes | str, says: str
):
    assert says in _refusal(_write(tmp_path / "mine.py", content))


@pytest.mark.parametrize(
    ("source", "line", "caret"),
    [
        ("x = 1\ndef f(:\n", "    def f(:", "          ^"),
        ("if 1:\n\treturn = 2\n", "    \treturn = 2", "    \t"),
        ("def f():\n    pass\nreturn 1\n", "    return 1", "    ^"),
    ],
)
def test_a_syntax_error_shows_the_line_and_the_place(
    tmp_path: Path, source: str, line: str, caret: str
):
    shown = _refusal(_write(tmp_path / "mine.py", source)).split("\n")
    assert line in shown
    assert shown[shown.index(line) + 1].startswith(caret)


def test_a_folder_gives_its_solution(tmp_path: Path):
    _write(tmp_path / "other.py", "x = 2\n")
    _write(tmp_path / "solution.py", "x = 1\n")
    assert take_in(tmp_path).source == "x = 1\n"


def test_a_folder_with_one_file_gives_that(tmp_path: Path):
    _write(tmp_path / "mine.py", "x = 1\n")
    _write(tmp_path / "._mine.py", b"\0\0")
    (tmp_path / "folder.py").mkdir()
    assert take_in(tmp_path).source == "x = 1\n"


def test_a_folder_that_leaves_a_choice_is_refused(tmp_path: Path):
    assert "no Python file" in _refusal(tmp_path, usage=True)
    for name in ("a.py", "b.py"):
        _write(tmp_path / name, "x = 1\n")
    assert "2 files to choose from" in _refusal(tmp_path, usage=True)


def test_a_folder_named_like_a_file_is_a_folder(tmp_path: Path):
    (tmp_path / "x.py").mkdir()
    assert "has no solution.py" in _refusal(tmp_path / "x.py", usage=True)


@pytest.mark.parametrize("name", ["none.py", "n" * 5000 + ".py", "file.py/below.py"])
def test_what_is_not_there_is_the_command_lines_mistake(tmp_path: Path, name: str):
    _write(tmp_path / "file.py", "x = 1\n")
    assert _refusal(tmp_path / name, usage=True)


def test_a_link_counts_as_what_it_points_to(tmp_path: Path):
    (tmp_path / "link.py").symlink_to(_write(tmp_path / "mine.py", "x = 1\n"))
    assert take_in(tmp_path / "link.py").source == "x = 1\n"
    (tmp_path / "mine.py").unlink()
    assert "There is no file" in _refusal(tmp_path / "link.py", usage=True)


def test_a_pipe_is_not_read(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe.py")
    assert "not a regular file" in _refusal(tmp_path / "pipe.py", usage=True)


def test_a_file_that_may_not_be_read_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def refuse(_: Path, flags: int) -> int:
        raise PermissionError(13, "Permission denied")

    file = _write(tmp_path / "mine.py", "x = 1\n")
    monkeypatch.setattr(os, "open", refuse)
    message = _refusal(file)
    assert message.endswith("cannot be read: Permission denied.")


def test_a_notebook_gives_its_code_without_magic(tmp_path: Path):
    cells = ("%matplotlib inline\nx = 1", "%%bash\nls", "y = (7\n     % 4)", "!ls")
    taken = take_in(_write(tmp_path / "n.ipynb", _notebook(*cells)))
    names: dict[str, int] = {}
    exec(taken.source, names)  # noqa: S102 - a text of this test
    assert (names["x"], names["y"]) == (1, 3)


@pytest.mark.parametrize("text", ["[]", "{}", '{"cells": 5}', "nonsense", "[" * 99999])
def test_a_notebook_that_is_none_is_refused(tmp_path: Path, text: str):
    assert "not a notebook" in _refusal(_write(tmp_path / "n.ipynb", text))


def test_a_notebook_without_code_is_refused(tmp_path: Path):
    assert "without code" in _refusal(_write(tmp_path / "n.ipynb", _notebook(" ")))
