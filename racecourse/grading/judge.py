"""Where blame is decided: an exception that ended a check becomes a result.

What the submission did is a typed exception of the sandbox or of `racecourse.checks`.
Whatever else arrives here is our own mistake, and nobody loses points for it.
"""

import signal
import traceback
from pathlib import Path

from racecourse.checks import Broken, NotMeasurable
from racecourse.model.exercise import Check
from racecourse.model.result import CheckResult, Finding, SourceLine
from racecourse.model.verdict import Cause, Verdict
from racecourse.sandbox.endings import Died, Hung, LimitPassed, Raised
from racecourse.sandbox.protocol import ProtocolError

# Exceptions whose name says more than "it raised".
_CAUSE_OF_EXCEPTION = {
    "MemoryError": Cause.MEMORY,
    "SystemExit": Cause.CRASH,
    "LoopDeadlockError": Cause.DEADLOCK,
    "LoopLivelockError": Cause.HANG,
}


def judge(  # noqa: PLR0911 - one line for each way to end
    error: BaseException | None, check: Check, *, crash_folder: Path
) -> CheckResult:
    """Return the result of a check that ended with this exception, or with none.

    Args:
        error: What the grader let through.
        check: The check it judged.
        crash_folder: Where a report about a mistake of ours is written.
    """
    if error is None:
        return CheckResult(check_id=check.id, verdict=Verdict.PASSED)
    match error:
        case Broken():
            finding = Finding(
                saw=error.saw,
                details=error.details,
                stacks=error.stacks,
                replay=error.replay,
            )
            return _failed(check, error.cause, finding)
        case NotMeasurable():
            return CheckResult(
                check_id=check.id,
                verdict=Verdict.NOT_MEASURABLE,
                finding=Finding(saw=str(error)),
            )
        case Raised():
            return _failed(check, _cause_of(error), _raised(error))
        case Hung():
            return _failed(check, Cause.HANG, _hung(error))
        case Died(code=code) if code == -signal.SIGXCPU:
            saw = f"It used more than {check.limits.cpu_s} s of CPU time."
            return _failed(check, Cause.TIMEOUT, Finding(saw=saw, stacks=error.stacks))
        case Died():
            return _failed(
                check,
                Cause.CRASH,
                Finding(saw=f"The process {_ending(error.code)}.", stacks=error.stacks),
            )
        case LimitPassed():
            return _failed(check, error.cause, Finding(saw=str(error)))
        case ProtocolError():
            return _failed(
                check,
                Cause.PROTOCOL_VIOLATION,
                Finding(saw=f"It wrote to the grader's own channel: {error}."),
            )
        case _:
            return _our_mistake(error, check, crash_folder)


def _failed(check: Check, cause: Cause, finding: Finding) -> CheckResult:
    return CheckResult(
        check_id=check.id, verdict=Verdict.FAILED, cause=cause, finding=finding
    )


def _cause_of(error: Raised) -> Cause:
    for name in (error.type, *error.bases):
        if name in _CAUSE_OF_EXCEPTION:
            return _CAUSE_OF_EXCEPTION[name]
    return Cause.WRONG_RESULT


def _raised(error: Raised) -> Finding:
    text = f": {error.text}" if error.text else ""
    if error.type == "NotImplementedError" and not error.text:
        return Finding(saw="It is not implemented yet.", details=_lines(error.trace))
    return Finding(saw=f"It raised {error.type}{text}", details=_lines(error.trace))


def _lines(trace: tuple[SourceLine, ...]) -> tuple[str, ...]:
    return tuple(
        f"{at.file}:{at.line}  in {at.function}   {at.code}".rstrip() for at in trace
    )


def _hung(error: Hung) -> Finding:
    where = (
        "Every thread of it stood here:"
        if error.stacks
        else ("No thread of it stood in your file.")
    )
    return Finding(
        saw=f"It did not come back within {error.budget_s:.3g} s. {where}",
        stacks=error.stacks,
    )


def _ending(code: int | None) -> str:
    if code is None:
        return "ended, and took its own watcher with it"
    if code < 0:
        try:
            return f"was ended by signal {-code} ({signal.Signals(-code).name})"
        except ValueError:
            return f"was ended by signal {-code}"
    return f"ended itself with exit code {code} in the middle of the check"


def _our_mistake(error: BaseException, check: Check, crash_folder: Path) -> CheckResult:
    """Write down what happened to us, and tell the student that it is not their fault."""
    crash_folder.mkdir(parents=True, exist_ok=True)
    file = crash_folder / f"grader-error-{check.id}.txt"
    file.write_text(
        "".join(traceback.format_exception(error)), encoding="utf-8", errors="replace"
    )
    return CheckResult(
        check_id=check.id,
        verdict=Verdict.GRADER_ERROR,
        finding=Finding(
            saw=f"The grader failed, not your code. Please send us {file}."
        ),
    )
