"""Controlled execution: virtual time and the exploration of schedules."""

from racecourse.engine.explore import (
    explore,
    explore_file,
    explore_program,
    explore_source,
    replay,
)
from racecourse.engine.failures import (
    CannotExploreError,
    Failure,
    Kind,
    NotUnderControlError,
    Waiting,
)
from racecourse.engine.portfolio import Budget
from racecourse.engine.program import Program, Source, read_program
from racecourse.engine.report import RaceReport, Report, Verdict
from racecourse.engine.schedule import BadTokenError, Limits, Schedule
from racecourse.engine.threads.bench import Backend

__all__ = [
    "Backend",
    "BadTokenError",
    "Budget",
    "CannotExploreError",
    "Failure",
    "Kind",
    "Limits",
    "NotUnderControlError",
    "Program",
    "RaceReport",
    "Report",
    "Schedule",
    "Source",
    "Verdict",
    "Waiting",
    "explore",
    "explore_file",
    "explore_program",
    "explore_source",
    "read_program",
    "replay",
]
