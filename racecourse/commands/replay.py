"""`grade replay`: the schedule of a failed check once more."""

import sys
from pathlib import Path

import click

from racecourse.commands.common import (
    COURSE,
    FULL,
    NOT_FULL,
    NOT_GRADED,
    PATH,
    content_of,
    known_checks,
    print_lines,
    workspace_of,
)
from racecourse.model.replay_token import BadReplayTokenError, ReplayToken
from racecourse.model.verdict import Verdict
from racecourse.report.failure import Refusal

_CODES = {Verdict.PASSED: FULL, Verdict.FAILED: NOT_FULL}


@click.command()
@click.argument("token")
@click.argument("path", required=False, type=PATH)
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text")
@click.option("--json", "as_json", is_flag=True, help="Short for --format json.")
@COURSE
def replay(
    token: str, path: Path | None, form: str, course: Path | None, *, as_json: bool
) -> None:
    """Repeat the schedule of a failed race check, as its report names it.

    Exit code 0: it no longer fails, 1: it fails, 2: a bad token or path, 3: it could not
    be repeated.
    """
    try:
        wanted = ReplayToken.read(token)
    except BadReplayTokenError as error:
        raise Refusal(str(error)) from None
    from racecourse.grading import replay as again  # noqa: PLC0415
    from racecourse.grading import workspace  # noqa: PLC0415
    from racecourse.grading.session import Session, Settings  # noqa: PLC0415
    from racecourse.report import replay as told  # noqa: PLC0415
    from racecourse.report import writers  # noqa: PLC0415

    content = content_of(wanted.exercise, course)
    known_checks(content, [wanted.check])
    around = workspace_of(path)
    session = Session(settings=Settings(course=course), workspace=around)
    where = path or session.in_workspace(content)
    crashes = workspace.state_folder(around)
    done = again.replay(wanted, content, where, crashes)
    if as_json or form == "json":
        plain = told.plain(wanted, done.result, fits=done.fits)
        sys.stdout.write(writers.as_json(plain))
    else:
        view = session.view(content, path)
        exercise = content.exercise
        print_lines(told.render(exercise, done.result, view, fits=done.fits))
    sys.exit(_CODES.get(done.result.verdict, NOT_GRADED))
