"""`grade lab`: it writes what it is asked for, and refuses before it measures."""

# ruff: noqa: ANN001

import json

import pytest


def test_a_page_a_plot_and_json(grade, home):
    """One small lab, in every form at once."""
    words = ("--workers", "2", "--rounds", "1", "--format", "json")
    done = grade(
        "lab", *words, "--html", home / "a.html", "--svg", home / "a.svg", tiny=False
    )
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)["rows"]
    assert [row["model"] for row in rows] == [
        *("sequential", "threads", "processes", "asyncio")
    ] * 2
    assert all(row["explanation"] for row in rows)
    assert "<svg" in (home / "a.html").read_text(encoding="utf-8")
    assert (home / "a.svg").read_text(encoding="utf-8").startswith("<svg")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--workers", "0"), "between 1 and 64"),
        (("--workers", "two"), "not a list of counts"),
        (("--html", "/nowhere/at/all.html"), "there is no folder"),
    ],
)
def test_what_cannot_be_is_refused_at_once(grade, words, says):
    """Before anything is measured, with exit code 2."""
    done = grade("lab", *words, tiny=False)
    assert done.returncode == 2
    assert says in done.stderr
    assert "Traceback" not in done.stderr
