"""A report reads as pinned, whole; and the README shows what is really printed."""

# ruff: noqa: ANN001
# Fixtures need no types, as in the graders.

import os
import re
from dataclasses import replace
from pathlib import Path

from racecourse.report.document import render
from racecourse.report.feedback import View
from racecourse.report.writers import plain

_HERE = Path(__file__).parent
_ROOT = _HERE.parent.parent
_VIEW = View(command="grade ex1", hint="grade hint ex1")


def test_a_report_reads_as_pinned(fixed_report, pinned):
    name, report = fixed_report
    pinned(plain(render(report, _VIEW)), _HERE / "transcripts" / f"{name}.txt")


def test_the_readme_shows_a_report_that_is_really_printed(reports):
    readme = _ROOT / "README.md"
    text = readme.read_text(encoding="utf-8")
    printed = f"```\n{plain(render(reports['a_race'], _VIEW))}```\n"
    block = re.compile(r"(?<=<!-- report -->\n).*(?=<!-- /report -->)", re.DOTALL)
    if os.environ.get("RERECORD"):
        text = block.sub(lambda _: printed, text)
        readme.write_text(text, encoding="utf-8")
    assert block.findall(text) == [printed]


def test_no_line_is_wider_than_the_page_but_for_lines_that_are_quoted(fixed_report):
    _, report = fixed_report
    view = View(command="grade ex1", hint="grade hint ex1", width=70)
    for row in plain(render(report, view)).splitlines():
        assert len(row) <= 70 or row.startswith("    ")


def test_a_long_title_goes_on_below_itself(reports):
    report = reports["a_race"]
    title = "Every item is consumed exactly once, at whichever line a thread is stalled"
    checks = tuple(
        replace(s, check=replace(s.check, title=title)) for s in report.checks
    )
    view = View(command="grade ex1", hint="grade hint ex1", width=70)
    rows = plain(render(replace(report, checks=checks), view)).splitlines()
    place = next(n for n, row in enumerate(rows) if row.startswith("  FAILED"))
    first, second = rows[place : place + 2]
    assert first.endswith("  0 of 30")
    assert len(first) == 70
    assert len(second) - len(second.lstrip()) == 22
    assert f"{first[22:-9].strip()} {second.strip()}" == title


def test_the_command_to_repeat_a_check_names_it_and_the_seed(reports):
    text = plain(render(reports["a_race"], _VIEW))
    assert "See it again  grade ex1 --only R1 --seed 1234\n" in text
    assert "Stuck?        grade hint ex1 R1\n" in text


def test_feedback_comes_in_its_fixed_order(reports):
    text = plain(render(reports["a_race"], _VIEW))
    order = [
        "Promise 2",
        "Two threads added",
        "thread 1",
        "Learn",
        "Ask",
        "See",
        "Stuck",
    ]
    places = [text.index(part) for part in order]
    assert places == sorted(places)


def test_two_alike_are_told_apart_but_many_are_folded(reports):
    assert "5 checks alike" in plain(render(reports["nothing_written_yet"], _VIEW))
    assert "alike" not in plain(render(reports["every_ending"], _VIEW))


def test_text_of_a_submission_steers_neither_terminal_nor_ci(reports):
    text = plain(render(reports["every_ending"], _VIEW))
    assert "\x1b" not in text
    assert "| \\x1b[31mred\\x1b[0m\n" in text
    assert "lone \\ud800 surrogate" in text
    assert not re.search(r"^\s*::", text, re.MULTILINE)
