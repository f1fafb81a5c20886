"""One attempt at an exercise: a report, or the reason why there is none."""

from collections.abc import Callable
from pathlib import Path

from racecourse.grading import intake
from racecourse.grading.catalogue import Content
from racecourse.grading.confinement import NotConfined
from racecourse.grading.journal import Journal
from racecourse.grading.run import Listener, Options, grade
from racecourse.model.report import Report
from racecourse.model.submission import SubmissionProblem
from racecourse.report.failure import Blame, Failure
from racecourse.report.files import keep_for_us
from racecourse.sandbox.endings import SandboxError

Outcome = Report | Failure


def attempt(
    content: Content,
    path: Path,
    options: Options,
    *,
    journal: Callable[[], Journal],
    listener: Listener,
) -> Outcome:
    """Grade what is at the path; whatever prevents it comes back as a `Failure`.

    Args:
        content: The exercise.
        path: A file, a folder or a notebook.
        options: How to grade.
        journal: Opens the journal; called only when there is something to grade.
        listener: Who is told while grading goes on.
    """
    exercise = content.exercise.id
    if lacking := _lacking(content):
        return Failure(exercise=exercise, blame=Blame.GRADER, message=lacking)
    try:
        submission = intake.take_in(path, official=options.official)
        with journal() as opened:
            return grade(
                content, submission, options, journal=opened, listener=listener
            )
    except SubmissionProblem as problem:
        blame = Blame.USAGE if problem.usage else Blame.SUBMISSION
        message = problem.message
    except NotConfined as problem:
        blame = Blame.SANDBOX
        message = f"Nothing was graded: {problem}."
    except SandboxError as error:
        blame = Blame.SANDBOX
        message = f"The grader failed, not your code: {error}."
    except KeyboardInterrupt:
        blame = Blame.INTERRUPTED
        message = "You stopped it before the first check was judged."
    except Exception as error:
        if not _is_grader_problem(error):
            raise
        blame = Blame.GRADER
        message = _written_down(error)
    return Failure(exercise=exercise, blame=blame, message=message)


def _lacking(content: Content) -> str:
    """Say what the course lacks to grade this exercise; a student kit lacks graders."""
    for needed in (content.graders, content.starter):
        if not needed.exists():
            return f"{content.exercise.id} cannot be graded here: {needed} is missing."
    return ""


def _written_down(problem: Exception) -> str:
    """Say what is wrong with the graders; if that is long, the rest goes into a file."""
    first, _, rest = str(problem).partition("\n")
    said = f"The grader failed, not your code: {first}"
    return f"{said}\nPlease send us {keep_for_us(str(problem))}." if rest else said


def _is_grader_problem(error: Exception) -> bool:
    from racecourse.grading.hidden_tests import GraderProblem  # noqa: PLC0415 - pytest

    return isinstance(error, GraderProblem)
