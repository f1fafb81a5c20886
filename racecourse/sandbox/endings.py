"""How a call to a worker can end without a value: typed exceptions with what was seen.

All but the first are about the submission; `racecourse.grading.judge` turns them into a
cause and a sentence.
"""

from collections.abc import Mapping
from typing import Any

from racecourse.model.result import SourceLine, Stack
from racecourse.model.verdict import Cause

# Bounds of what a worker may claim about an exception; the worker keeps them too.
_TEXT_CHARS, _NAME_CHARS, _TRACE_LINES = 2000, 200, 20


class SandboxError(Exception):
    """The sandbox itself failed: ours, not the submission's."""


class Raised(Exception):  # noqa: N818 - an answer of the submission
    """The scenario or the submission raised; `trace` holds the student's own frames."""

    def __init__(self, answer: Mapping[str, Any]) -> None:
        self.type = str(answer.get("type", "?"))[:_NAME_CHARS]
        self.bases = tuple(str(base)[:_NAME_CHARS] for base in answer.get("bases", ()))
        self.text = str(answer.get("text", ""))[:_TEXT_CHARS]
        lines = list(answer.get("trace", ()))[-_TRACE_LINES:]
        self.trace = tuple(_source_line(line) for line in lines)
        super().__init__(f"{self.type}: {self.text}")


class Hung(Exception):  # noqa: N818 - something seen
    """No answer within the budget; `stacks` show where every thread stood."""

    def __init__(self, budget_s: float, seen: tuple[Stack, ...]) -> None:
        self.budget_s = budget_s
        self.stacks = seen
        super().__init__(f"no answer within {budget_s:g} s")


class Died(Exception):  # noqa: N818 - something seen
    """The worker ended without an answer."""

    def __init__(self, code: int | None, seen: tuple[Stack, ...]) -> None:
        self.code = code  # exit code, or minus the signal; None when nobody could tell
        self.stacks = seen
        super().__init__(f"the worker ended with {code}")


class LimitPassed(Exception):  # noqa: N818 - something seen
    """The tree was ended because it passed a limit of the check."""

    def __init__(self, cause: Cause, saw: str) -> None:
        self.cause = cause
        super().__init__(saw)


def _source_line(line: Mapping[str, Any]) -> SourceLine:
    return SourceLine(
        file=str(line["file"])[:_NAME_CHARS],
        line=int(line["line"]),
        function=str(line["function"])[:_NAME_CHARS],
        code=str(line["code"])[:_TEXT_CHARS],
    )
