"""When there is no report: why an exercise, or a whole command, came to nothing."""

import enum
from dataclasses import dataclass
from typing import Any


class Blame(enum.Enum):
    """Who can mend it, and so which exit code follows."""

    USAGE = "usage"  # the command line
    SUBMISSION = "submission"  # found, but it cannot be graded
    GRADER = "grader"  # the exercise's files or the graders
    SANDBOX = "sandbox"  # this machine
    INTERRUPTED = "interrupted"  # Ctrl-C before the first check was judged


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """One exercise that was not graded, with the message for whoever asked."""

    exercise: str
    blame: Blame
    message: str

    def to_plain(self) -> dict[str, Any]:
        """Return the failure as the JSON document that `--format json` prints."""
        return {
            "exercise": self.exercise,
            "error": {"kind": self.blame.value, "message": self.message},
        }


class Refusal(Exception):  # noqa: N818 - the user's to mend
    """The command cannot go on: one clear message, and who can mend it.

    `about_output` is true when there is no place to write a report to.
    """

    def __init__(
        self, message: str, blame: Blame = Blame.USAGE, *, about_output: bool = False
    ) -> None:
        super().__init__(message)
        self.message, self.blame = message, blame
        self.about_output = about_output
