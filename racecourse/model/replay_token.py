"""A token for `grade replay`: one schedule of one check, as text for a shell.

    ex10.R1.order.crowd.400.rc1.eJyrVk...-2Q.1f07
    ex10.R1.stall.crowd.1234.17.2.0a3f.77c1

Exercise, check and kind; the program and its number of runs, or the scenario and the
seed of its run; the engine's own token, or the stall's; and a checksum, because a token
that lost its end on the way must be told from one that fits no more.
"""

import re
import zlib
from dataclasses import dataclass
from typing import Literal, get_args

Kind = Literal["order", "stall"]

# Nothing that a shell or a terminal takes for more than a letter.
_FORM = re.compile(
    r"(?P<exercise>\w+)\.(?P<check>\w+)\.(?P<kind>\w+)\.(?P<name>\w+)\.(?P<number>\d{1,10})"
    r"\.(?P<inner>[\w.-]{1,4000})\.(?P<sum>[0-9a-f]{4})",
    re.ASCII,
)


class BadReplayTokenError(ValueError):
    """The text is no token, or not a whole one; the message says which."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayToken:
    """What is to be repeated."""

    exercise: str  # id
    check: str  # id
    kind: Kind  # an order of threads or tasks, or a thread that is held at one place
    name: str  # of the program in `schedules.py`, or of the scenario
    number: int  # order: runs of its search; stall: seed of its run
    inner: str  # the engine's own token, or the stall's

    def write(self) -> str:
        """Return the token; empty if a part of it is not what belongs into a token.

        The inner part comes from a worker, and so may be anything.
        """
        parts = (self.exercise, self.check, self.kind, self.name, str(self.number))
        body = ".".join((*parts, self.inner))
        text = f"{body}.{_sum(body)}"
        return text if _FORM.fullmatch(text) else ""

    @classmethod
    def read(cls, text: str) -> "ReplayToken":
        """Return what `write` wrote.

        Raises:
            BadReplayTokenError: If it is something else.
        """
        match = _FORM.fullmatch(text.strip())
        if match is None or match["kind"] not in get_args(Kind):
            raise BadReplayTokenError(
                "That is no token of `grade replay`; a failed check prints one."
            )
        if match["sum"] != _sum(match[0].rpartition(".")[0]):
            raise BadReplayTokenError(
                "The token is damaged: copy all of it, from the exercise to its last"
                " four letters."
            )
        return cls(
            exercise=match["exercise"],
            check=match["check"],
            kind="order" if match["kind"] == "order" else "stall",
            name=match["name"],
            number=int(match["number"]),
            inner=match["inner"],
        )


def _sum(body: str) -> str:
    return f"{zlib.crc32(body.encode()) & 0xFFFF:04x}"
