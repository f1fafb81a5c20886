"""Does the same submission get the same verdicts every time? Counts; judges nothing.

Every run is the real command in a process of its own, with a fresh seed; one run at a
time, so that a load is the load that was asked for and no other.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

from racecourse.grading.verify import Case
from racecourse.measure.load import LOADS
from racecourse.model.stability import Series

_COMMAND = "import sys; from cli import main; sys.argv[0] = 'grade'; main()"
_UNREADABLE = "no report"


def measure(
    cases: Sequence[Case],
    *,
    runs: int,
    load: str,
    checks: Iterable[str] = (),
    on_series: Callable[[Series], None] = lambda _: None,
) -> tuple[Series, ...]:
    """Grade each case `runs` times under a load.

    Args:
        cases: What to grade; the series come in this order.
        runs: Gradings of each.
        load: A key of `racecourse.measure.load.LOADS`.
        checks: Judge only these; all if there are none.
        on_series: Called with each series when it is over.

    Raises:
        LoadNotPossible: If this machine cannot be loaded so.
    """
    words = [word for check in checks for word in ("--only", check)]
    found = []
    with LOADS[load](), tempfile.TemporaryDirectory(prefix="rc-stability-") as state:
        for case in cases:
            seen = [_grade_once(case, words, state) for _ in range(runs)]
            found.append(_series_of(case, load, seen))
            on_series(found[-1])
    return tuple(found)


@dataclass(frozen=True, slots=True)
class _Seen:
    verdicts: str  # of all checks, as one text; the same text: the same verdicts
    wall_s: float


def _series_of(case: Case, load: str, seen: Sequence[_Seen]) -> Series:
    outcomes = Counter(each.verdicts for each in seen)
    usual, alike = outcomes.most_common(1)[0]
    walls = [each.wall_s for each in seen]
    return Series(
        exercise=case.content.exercise.id,
        name=case.name,
        load=load,
        runs=len(seen),
        alike=alike,
        usual=usual,
        others=tuple((text, n) for text, n in outcomes.most_common() if text != usual),
        median_s=statistics.median(walls),
        worst_s=max(walls),
    )


def _grade_once(case: Case, words: Sequence[str], state: str) -> _Seen:
    course = ("--course", str(case.content.root))
    home = Path(__file__).resolve().parent.parent.parent
    begun = perf_counter()
    done = subprocess.run(  # noqa: S603 - our own interpreter, our own command
        [
            *(sys.executable, "-c", _COMMAND, case.content.exercise.id, str(case.path)),
            *(*course, *words, "--format", "json"),
        ],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        env={**os.environ, "XDG_STATE_HOME": state, "PYTHONPATH": str(home)},
        check=False,
    )
    return _Seen(_verdicts(done.stdout), perf_counter() - begun)


def _verdicts(document: bytes) -> str:
    """Return what was not passed, check by check, or that everything was."""
    try:
        checks = json.loads(document)["checks"]
    except (ValueError, KeyError):
        return _UNREADABLE
    parts = [
        f"{check['id']} {check['verdict']}"
        + (f" ({check['cause']})" if check["cause"] else "")
        for check in checks
        if check["verdict"] != "passed"
    ]
    return ", ".join(parts) or "all passed"
