"""Text by strangers is shown and not obeyed."""

# ruff: noqa: ANN001
# Fixtures need no types, as in the graders.

import io
import json

import pytest

from racecourse.report.text import clean, defuse, fit
from racecourse.report.writers import as_json, wants_colour


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain \u00e9\u6f22\n", "plain \u00e9\u6f22\n"),
        ("\x1b[2J", "\\x1b[2J"),
        ("\x9b31m", "\\x9b31m"),
        ("a\rb", "a\\rb"),
        ("a\r\nb", "a\nb"),
        ("a\x00\x07\x08\x7f", "a\\x00\\x07\\x08\\x7f"),
        ("\ud800", "\\ud800"),
        ("\u202egnp", "\\u202egnp"),
        ("a\u2028b\x85c\x0bd\x1ce", "a\\u2028b\\x85c\\x0bd\\x1ce"),
        ("\t", "    "),
    ],
)
def test_what_could_steer_a_terminal_is_spelled_out(text, shown):
    assert clean(text) == shown


@pytest.mark.parametrize(
    ("row", "harmless"),
    [
        ("::error::x", ": :error::x"),
        ("   ::set-output name=a::b", "   : :set-output name=a::b"),
        ("a::b", "a::b"),
        ("##[error]x", "# #[error]x"),
        ("x ##vso[task]y", "x # #vso[task]y"),
        ("## heading", "## heading"),
    ],
)
def test_no_line_is_a_command_to_a_ci_system(row, harmless):
    assert defuse(row) == harmless


def test_typography_is_plain_where_the_encoding_is_not_utf_8():
    assert fit("a \u2013 b \u2264 c\u2026 \u00e9", "ascii") == "a - b <= c... \\xe9"
    assert fit("a \u2013 b", "utf-8") == fit("a \u2013 b", "UTF8") == "a \u2013 b"


def test_json_is_ascii_without_lone_surrogates():
    text = as_json({"message": "\ud800 \x1b \u00e9", "checks": [{"a": "\udfff"}]})
    assert text.isascii()
    assert json.loads(text)["message"] == "\\ud800 \x1b \u00e9"
    json.loads(text)["checks"][0]["a"].encode("utf-8")


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("environment", "colours"),
    [
        ({"TERM": "xterm"}, True),
        ({"TERM": "xterm", "NO_COLOR": ""}, True),  # empty is as good as not set
        ({"TERM": "xterm", "NO_COLOR": "1"}, False),
        ({"TERM": "dumb"}, False),
        ({}, False),
    ],
)
def test_colours_need_a_terminal_that_can_and_may(environment, colours):
    assert wants_colour(_Terminal(), environment) is colours
    assert not wants_colour(io.StringIO(), environment)
