"""When there is no report: why a submission could not be graded."""

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
