"""A workspace: made once, never overwritten, found from any folder below."""

# ruff: noqa: ANN001
# Fixtures need no types, as in the graders.

import json
import shutil
from pathlib import Path

TINY = Path(__file__).parent.parent.parent / "bench" / "tiny"
RIGHT = TINY / "reference" / "ex01_counter" / "solution.py"

HINTS = """\
# Hints

## Promise 1: counting

1. What is the first value?
2. Look at `__init__`.
3. Write `self._value = 0`
   there.
"""


def test_init_says_what_it_wrote_and_where_to_begin(grade):
    assert grade("init", "work").stdout == (
        "wrote ex01_counter/solution.py\n"
        "wrote racecourse.toml\n"
        "\n"
        "Your workspace is work. Begin with\n"
        "  grade show ex1\n"
        "and write your solution into ex01_counter/solution.py. Then\n"
        "  grade ex1\n"
    )


def test_init_never_overwrites(grade, workspace):
    mine = workspace / "ex01_counter" / "solution.py"
    mine.write_text("# mine\n", encoding="utf-8")
    (workspace / "racecourse.toml").unlink()
    again = grade("init", "work")
    assert again.returncode == 0
    assert "kept  ex01_counter/solution.py (it was there)\n" in again.stdout
    assert "wrote racecourse.toml\n" in again.stdout
    assert mine.read_text(encoding="utf-8") == "# mine\n"


def test_init_follows_no_link_out_of_the_workspace(grade, home):
    (home / "work" / "ex01_counter").mkdir(parents=True)
    (home / "work" / "ex01_counter" / "solution.py").symlink_to(home / "elsewhere")
    assert grade("init", "work").returncode == 0
    assert not (home / "elsewhere").exists()


def test_no_workspace_inside_a_workspace(grade, home, workspace):
    done = grade("init", "inner", cwd=workspace)
    assert done.returncode == 2
    assert done.stderr == f"inner lies in the workspace {workspace} already.\n"


def test_the_workspace_is_found_from_any_folder_below(grade, workspace):
    deep = workspace / "notes" / "today"
    deep.mkdir(parents=True)
    shutil.copy(RIGHT, workspace / "ex01_counter" / "solution.py")
    assert grade("ex1", cwd=deep).returncode == 0


def test_the_list_knows_the_best_score_of_complete_runs(grade, workspace):
    assert "not graded yet" in grade("list", cwd=workspace).stdout
    mine = workspace / "ex01_counter" / "solution.py"
    grade("ex1", cwd=workspace)
    assert "best 0 of 100" in grade("list", cwd=workspace).stdout
    shutil.copy(RIGHT, mine)
    grade("ex1", "--only", "C1", cwd=workspace)
    assert "best 0 of 100" in grade("list", cwd=workspace).stdout
    grade("ex1", cwd=workspace)
    mine.write_text("def broken(", encoding="utf-8")
    grade("ex1", cwd=workspace)
    assert "best 100 of 100" in grade("list", cwd=workspace).stdout


def test_what_is_kept_stays_out_of_the_students_repository(grade, workspace):
    grade("ex1", cwd=workspace)
    kept = workspace / ".racecourse" / ".gitignore"
    assert kept.read_text(encoding="utf-8") == "*\n"


def test_all_grades_what_was_begun(grade, workspace):
    untouched = grade("all", cwd=workspace)
    assert untouched.returncode == 2
    assert untouched.stderr == f"{workspace} has no solution yet: nothing to grade.\n"
    shutil.copy(RIGHT, workspace / "ex01_counter" / "solution.py")
    done = grade("all", cwd=workspace)
    assert done.returncode == 0
    assert done.stdout.endswith("All exercises\n  ex1   100 of 100 points\n")
    plain = json.loads(grade("all", "--format", "json", cwd=workspace).stdout)
    assert [each["score"] for each in plain["exercises"]] == [100]


def _with_hints(home: Path) -> Path:
    course = home / "course"
    shutil.copytree(TINY, course)
    exercise = course / "exercises" / "ex01_counter"
    (exercise / "hints.md").write_text(HINTS, encoding="utf-8")
    (exercise / "README.md").write_text("# A counter\n\nCount.\n", encoding="utf-8")
    return course


def test_each_call_gives_the_next_hint_and_the_last_one_stays(grade, home):
    words = ("hint", "ex1", "C2", "--course", _with_hints(home))
    seen = [grade(*words, tiny=False).stdout for _ in range(4)]
    assert seen[0] == (
        "Promise 1: counting\n\nHint 1 of 3\n  What is the first value?\n"
    )
    assert seen[1].endswith("\n\nHint 2 of 3\n  Look at `__init__`.\n")
    assert seen[2].endswith("Hint 3 of 3\n  Write `self._value = 0`\n  there.\n")
    assert seen[3] == seen[2]


def test_without_a_check_the_hint_is_for_the_first_that_failed(grade, home):
    course = ("--course", _with_hints(home))
    assert grade("init", "work", *course, tiny=False).returncode == 0
    work = home / "work"
    grade("ex1", *course, tiny=False, cwd=work)
    done = grade("hint", "ex1", *course, tiny=False, cwd=work)
    assert done.stdout.startswith("Promise 1: counting\n")


def test_show_prints_the_task(grade, home):
    done = grade("show", "ex1", "--course", _with_hints(home), tiny=False)
    assert done.stdout == "# A counter\n\nCount.\n"
