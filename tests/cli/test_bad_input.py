"""Whatever is wrong: one clear message, the right exit code, and no traceback."""

# ruff: noqa: ANN001
# Fixtures need no types, as in the graders.

import json
import os
import shutil
from pathlib import Path

import pytest

TINY = Path(__file__).parent.parent.parent / "bench" / "tiny"
RIGHT = TINY / "reference" / "ex01_counter" / "solution.py"

FILES = {
    "empty.py": b"",
    "binary.py": b"\x7fELF\0\0",
    "latin.py": b"x = '\xe9'\n",
    "syntax.py": b"def add(:\n    pass\n",
    "other.txt": b"hello",
    "bad.ipynb": b"{",
    "nothing_right.py": b"x = 1\n",
    "two/a.py": b"",
    "two/b.py": b"",
    "none/readme": b"",
    "solution.py": RIGHT.read_bytes(),
}

TABLE = [
    # words, exit code, what standard error says (whole, or its beginning with ...)
    (["ex1"], 2, "There is no workspace here or in a folder above. ..."),
    (
        ["ex1", "nope.py"],
        2,
        "ex1: There is no file nope.py. Give the path ...",
    ),
    (["ex1", "empty.py"], 3, "ex1: empty.py is empty. Write your solution into it.\n"),
    (
        ["ex1", "binary.py"],
        3,
        "ex1: binary.py is not text: it looks like a binary file.\n",
    ),
    (["ex1", "latin.py"], 3, "ex1: latin.py is not valid UTF-8 text. ..."),
    (["ex1", "syntax.py"], 3, "ex1: syntax.py, line 1: ..."),
    (["ex1", "other.txt"], 2, "ex1: other.txt is neither a Python file (.py) ..."),
    (["ex1", "bad.ipynb"], 3, "ex1: bad.ipynb is not a notebook that can be read.\n"),
    (["ex1", "two"], 2, "ex1: two has no solution.py (2 files to choose from). ..."),
    (["ex1", "none"], 2, "ex1: none has no solution.py (no Python file). ..."),
    (["ex1", "nothing_right.py"], 3, "ex1: It does not offer what the exercise ..."),
    (["ex7", "solution.py"], 2, "There is no exercise or command 'ex7'. ..."),
    (["gibberish"], 2, "There is no exercise or command 'gibberish'. ..."),
    (
        ["ex1", "solution.py", "--only", "R9"],
        2,
        "ex1 has no check 'R9'. It has: C1 C2 R1 S1.\n",
    ),
    (["ex1", "solution.py", "--seed", "x"], 2, "Invalid value for '--seed': ..."),
    (["ex1", "solution.py", "--format", "xml"], 2, "Invalid value for '--format': ..."),
    (["ex1", "solution.py", "--min-score", "-1"], 2, "Invalid value for ..."),
    (["ex1", "solution.py", "--what"], 2, "No such option..."),
    (
        ["ex1", "solution.py", "--output", "two"],
        2,
        "--output two cannot be written: it is a folder; name a file in it.\n",
    ),
    (
        ["ex1", "solution.py", "--output", "no/where.json"],
        2,
        "--output no/where.json cannot be written: there is no folder ...",
    ),
    (
        ["ex1", "solution.py", "--journal", "two"],
        2,
        "The journal two cannot be written: Is a directory. Give another ...",
    ),
    (["all"], 2, "There is no workspace here or in a folder above. ..."),
    (["hint", "ex1"], 2, "Which check? Say `grade hint ex1 CHECK` with one of: ..."),
    (["hint", "ex1", "Z1"], 2, "ex1 has no check 'Z1'. It has: C1 C2 R1 S1.\n"),
    (
        ["init", "solution.py/inner"],
        2,
        "solution.py/inner/ex01_counter/solution.py ...",
    ),
]


@pytest.fixture
def here(home) -> Path:
    for name, content in FILES.items():
        (home / name).parent.mkdir(exist_ok=True)
        (home / name).write_bytes(content)
    return home


@pytest.mark.parametrize(("words", "code", "says"), TABLE, ids=lambda v: str(v)[:40])
def test_bad_input_gets_one_clear_message(grade, here, words, code, says):
    done = grade(*words, cwd=here)
    beginning, dots, _ = says.partition("...")
    assert done.stderr.startswith(beginning) if dots else done.stderr == says
    assert "Traceback" not in done.stderr
    assert (done.returncode, done.stdout) == (code, "")


def test_a_syntax_error_is_shown_with_its_line_and_a_caret(grade, here):
    rows = grade("ex1", "syntax.py", cwd=here).stderr.splitlines()
    place = rows.index("    def add(:")
    assert rows[place + 1].strip() == "^"
    assert rows[-1] == "Nothing was graded. Mend this line and grade again."


@pytest.mark.parametrize(
    ("words", "exercise", "kind"),
    [
        (["ex1", "nope.py"], "ex1", "usage"),
        (["ex1", "syntax.py"], "ex1", "submission"),
        (["ex7", "solution.py"], "ex7", "usage"),
        (["ex1", "solution.py", "--output", "two"], "ex1", "usage"),
    ],
)
def test_json_is_printed_also_when_there_is_no_report(
    grade, here, words, exercise, kind
):
    done = grade(*words, "--format", "json", cwd=here)
    plain = json.loads(done.stdout)
    assert set(plain) == {"exercise", "error"}
    assert (plain["exercise"], plain["error"]["kind"]) == (exercise, kind)
    assert plain["error"]["message"] in done.stderr


def test_a_broken_exercise_file_is_the_authors_to_mend(grade, here):
    course = here / "course"
    shutil.copytree(TINY, course)
    file = course / "exercises" / "ex01_counter" / "exercise.toml"
    text = file.read_text(encoding="utf-8").replace("points = 25", "points = 20")
    file.write_text(text, encoding="utf-8")
    done = grade("ex1", "solution.py", "--course", "course", tiny=False, cwd=here)
    assert done.returncode == 3
    assert done.stderr == (
        "course/exercises/ex01_counter/exercise.toml: checks: the points add up to 80;"
        " make it 100\n"
    )


def test_a_folder_without_exercises_is_no_course(grade, here):
    done = grade("list", "--course", "two", tiny=False, cwd=here)
    assert (done.returncode, done.stderr) == (2, "two has no exercises.\n")


def test_a_grader_that_cannot_be_collected_is_our_fault(grade, here):
    course = here / "course"
    shutil.copytree(TINY, course)
    grader = course / "graders" / "ex01_counter" / "test_counter.py"
    grader.write_text("import nothing_of_this_name\n", encoding="utf-8")
    done = grade("ex1", "solution.py", "--course", "course", tiny=False, cwd=here)
    assert done.returncode == 3
    said, file = done.stderr.splitlines()
    assert said.startswith("ex1: The grader failed, not your code: ex01_counter/test_")
    written = Path(file.removeprefix("Please send us ").removesuffix("."))
    assert "nothing_of_this_name" in written.read_text(encoding="utf-8")
    written.unlink()
    assert done.stdout == ""


def test_a_kit_without_graders_says_so(grade, here):
    course = here / "course"
    shutil.copytree(TINY, course)
    shutil.rmtree(course / "graders")
    done = grade("ex1", "solution.py", "--course", "course", tiny=False, cwd=here)
    assert (done.returncode, done.stderr) == (
        3,
        "ex1: ex1 cannot be graded here: course/graders/ex01_counter is missing.\n",
    )


def test_a_level_that_does_not_hold_is_refused_by_verify_too(grade, here):
    course = here / "course"
    shutil.copytree(TINY, course)
    # One of root's and one of everybody else's: whoever runs this has not both.
    level = "landlock" if os.geteuid() == 0 else "root"
    words = ("--course", "course", "--only", "reference", "--sandbox", level)
    done = grade("verify", "ex1", *words, tiny=False, cwd=here)
    assert done.returncode == 3
    assert done.stderr.startswith(
        f"Nothing was graded: the level '{level}' does not hold here: "
    )
    assert done.stderr.count("\n") == 1
