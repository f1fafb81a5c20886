"""`grade ex1`: the paths that students walk, by real processes."""

# ruff: noqa: ANN001
# Fixtures need no types, as in the graders.

import json
import re
from pathlib import Path

import pytest

from racecourse.grading.journal import read_results

_ROOT = Path(__file__).parent.parent.parent
TINY = _ROOT / "bench" / "tiny"
RIGHT = TINY / "reference" / "ex01_counter" / "solution.py"
LOSES = RIGHT.read_text(encoding="utf-8").replace("+= n", "= n")


def test_full_marks_end_with_0(grade):
    done = grade("ex1", RIGHT)
    assert done.returncode == 0
    assert "Score     100 of 100 points" in done.stdout


def test_progress_goes_to_standard_error_a_line_for_each_check(grade):
    done = grade("run", "ex1", RIGHT)
    rows = sorted(done.stderr.splitlines())
    assert [re.sub(r"\d+\.\d\d s", "_ s", row) for row in rows] == [
        "  passed          C1    _ s  It starts at zero",
        "  passed          C2    _ s  It counts",
        "  passed          R1    _ s  No increment is lost",
        "  passed          S1    _ s  Waiting for the lock costs nothing",
    ]


def test_a_wrong_solution_ends_with_1_unless_its_score_is_enough(grade, home):
    (home / "solution.py").write_text(LOSES, encoding="utf-8")
    assert grade("ex1", "solution.py").returncode == 1
    assert grade("ex1", "solution.py", "--min-score", "26").returncode == 1
    assert grade("ex1", "solution.py", "--min-score", "25").returncode == 0


def test_only_the_named_checks_are_judged(grade):
    done = grade("ex1", RIGHT, "--only", "r1", "--only", "C2", "--format", "json")
    report = json.loads(done.stdout)
    assert [check["id"] for check in report["checks"]] == ["C2", "R1"]
    assert report["max_score"] == 50


def test_the_seed_repeats_the_inputs(grade, home):
    (home / "solution.py").write_text(LOSES, encoding="utf-8")
    words = ("ex1", "solution.py", "--only", "C2", "--format", "json", "--seed", "7")
    first, second = (json.loads(grade(*words).stdout) for _ in range(2))
    assert first["checks"][0]["message"] == second["checks"][0]["message"]
    assert first["seed"] == second["seed"] == 7


def test_json_has_the_promised_fields(grade):
    report = json.loads(grade("ex1", RIGHT, "--format", "json").stdout)
    assert {"exercise", "score", "max_score", "seed", "machine", "checks"} <= set(
        report
    )
    for check in report["checks"]:
        assert {
            *("id", "category", "title", "verdict", "cause"),
            *("points", "max_points", "seconds", "message"),
        } <= set(check)


def test_output_replaces_the_file_and_leaves_nothing_beside_it(grade, home):
    (home / "out").mkdir()
    file = home / "out" / "report.json"
    file.write_text("old", encoding="utf-8")
    done = grade("ex1", RIGHT, "--format", "json", "--output", file)
    assert (done.returncode, done.stdout) == (0, "")
    assert json.loads(file.read_text(encoding="utf-8"))["score"] == 100
    assert list(file.parent.iterdir()) == [file]


def test_output_may_be_a_device(grade):
    assert grade("ex1", RIGHT, "--output", "/dev/null").returncode == 0
    assert not Path("/dev/null").is_file()


def test_each_result_is_in_the_journal(grade, home):
    assert grade("ex1", RIGHT, "--journal", home / "j.jsonl").returncode == 0
    results = read_results(home / "j.jsonl")
    assert sorted(result.check_id for result in results) == ["C1", "C2", "R1", "S1"]


def test_the_journal_is_kept_in_the_workspace_or_in_the_state_folder(
    grade, home, workspace
):
    state = home / "state"
    grade("ex1", RIGHT, env={"XDG_STATE_HOME": str(state)})
    assert (state / "racecourse" / "journal.jsonl").is_file()
    grade("ex1", cwd=workspace)
    assert (workspace / ".racecourse" / "journal.jsonl").is_file()


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_any_output_encoding_will_do(grade, home, encoding):
    raising = LOSES.replace("self._value = n", "raise ValueError('\u20ac \u2013')")
    (home / "solution.py").write_text(raising, encoding="utf-8")
    env = {"PYTHONUTF8": "0", "PYTHONIOENCODING": encoding}
    done = grade("ex1", "solution.py", env=env)
    assert done.returncode == 1
    assert "It raised ValueError: \\u20ac -" in done.stdout
