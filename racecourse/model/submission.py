"""A submission after intake: plain bytes of one file, and where they came from."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """Source text that passed intake: a regular file, UTF-8, parses."""

    origin: str  # as the student named it, for messages
    source: str
    sha256: str


class SubmissionProblem(Exception):  # noqa: N818 - it is the student's to mend, not an error of ours
    """Why a submission could not be graded at all: one clear message.

    `usage` is true when the command line was wrong (no such file) and false when the
    file was found but cannot be graded.
    """

    def __init__(self, message: str, *, usage: bool = False) -> None:
        super().__init__(message)
        self.message = message
        self.usage = usage
