"""Words for how a check ended, and who is to blame.

Blame is a value. It is decided once, where the answer of the sandbox becomes a
result (`racecourse.grading.judge`), and is never carried inside a message.
"""

import enum


class Category(enum.Enum):
    """The four things every exercise is graded on, in the order of a report."""

    CORRECTNESS = "correctness"
    RACES = "races"
    SPEEDUP = "speedup"
    CANCELLATION = "cancellation"


class Verdict(enum.Enum):
    """How one check ended. Nothing missing, skipped or empty is ever `PASSED`."""

    PASSED = "passed"
    FAILED = "failed"  # the submission broke the promise; a Cause says how
    NOT_MEASURABLE = "not-measurable"  # this machine cannot tell; points move
    GRADER_ERROR = "grader-error"  # we broke; nobody loses points


class Cause(enum.Enum):
    """Why a check failed. Decided from what was seen outside the worker."""

    WRONG_RESULT = "wrong-result"
    RACE = "race"
    DEADLOCK = "deadlock"
    HANG = "hang"
    CRASH = "crash"
    MEMORY = "memory"
    PROCESSES = "processes"
    OUTPUT_LIMIT = "output-limit"
    LEFT_BEHIND = "left-behind"
    TIMEOUT = "timeout"
    PROTOCOL_VIOLATION = "protocol-violation"
    TAMPERED = "tampered"
    NOT_REACHED = "not-reached"


# Failures that a busy machine can imitate. Such a check is run once more before it
# counts; every other failure is proof the first time it is seen.
DOUBTFUL_CAUSES = frozenset({Cause.HANG, Cause.TIMEOUT, Cause.LEFT_BEHIND})


class Evidence(enum.Enum):
    """What a check's verdict rests on, strongest first (tiers T0 to T4).

    `EFFECTS`, `VALUES` and `HISTORY` may award points; `CLAIMS` awards only together
    with one of them; `SOURCE` is for hints.
    """

    EFFECTS = "effects"
    VALUES = "values"
    HISTORY = "history"
    CLAIMS = "claims"
    SOURCE = "source"


AWARDING_EVIDENCE = frozenset({Evidence.EFFECTS, Evidence.VALUES, Evidence.HISTORY})
