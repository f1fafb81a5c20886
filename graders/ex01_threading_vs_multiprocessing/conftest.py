"""What goes into the runs and what must come out, drawn anew for every run."""

import contextlib
from dataclasses import dataclass
from time import monotonic

import pytest

from racecourse.checks import MemoryWatch, NotMeasurable, must

_MODELS = ("threading", "multiprocessing")
_READY_WITHIN_S = 20.0
# Six looks each time. A submission that looks as often as it should does not miss
# them all, be the machine as busy as it may.
_HOLDS_S = (0.3, 0.3, 0.6)
_LOOK_EVERY_S = 0.2  # besides the looks while the gate holds every job
_OWN_MIB = 30  # what a process takes for itself


@dataclass(frozen=True)
class Work:
    """Values to ask for, and the key by which a job turns one into its answer."""

    values: list[int]
    key: int
    offset: int

    @property
    def args(self):
        """The arguments that a scenario takes for this work."""
        return {"values": self.values, "key": self.key, "offset": self.offset}

    @property
    def answers(self):
        """What the jobs must return, in order."""
        return [value * self.key + self.offset for value in self.values]


@pytest.fixture
def work(draw):
    """Draw so many values; the first one comes twice, and both count."""

    def drawn(count):
        values = draw.sample(range(1, 1_000_000), count)
        if count > 2:
            values[-1] = values[0]
        return Work(values, key=draw.randrange(3, 999), offset=draw.randrange(999))

    return drawn


@pytest.fixture
def by_model(submission):
    """Give a worker for each model, so that two runs can wait at the same time."""
    with contextlib.ExitStack() as stack:
        yield {model: stack.enter_context(submission.fresh()) for model in _MODELS}


@pytest.fixture
def must_tell_the_peak():
    """Give the demand that a row's peak is what we saw, and what was really touched."""

    def demand(submission, model, given, *, mib, name, then_low=False, ballast_mib=0):  # noqa: PLR0913 - a run of its own
        jobs = len(given.values)
        touched_mib = mib * jobs
        own_mib = _OWN_MIB * jobs if model == "multiprocessing" else 0
        for number, hold_s in enumerate(_HOLDS_S):
            peak, seen_mib = _hold(
                submission,
                given,
                (hold_s, then_low),
                {"model": model, "mib": mib, "gate": f"{name} {number}"}
                | {"ballast_mib": ballast_mib},
            )
            if seen_mib < touched_mib / 2:
                raise NotMeasurable("the memory of processes cannot be seen here")
            low = round(0.6 * min(touched_mib, seen_mib))
            high = round(1.8 * max(touched_mib, seen_mib) + own_mib)
            if low <= peak <= high:
                return
        must.be_within(
            peak,
            low,
            high,
            what=f"{model}, {name}: {jobs} jobs held {mib} MB each at the same time;"
            " peak_memory_mb",
        )

    return demand


def _hold(submission, given, hold, how):
    """Hold the jobs of a run while they have their memory, and after they gave it back.

    Args:
        submission: Whose run.
        given: The work.
        hold: For how long they have it; and whether they then go on without it for
            longer than the run has lasted, so that a mean is far below the peak.
        how: What else the scenario takes.

    Returns:
        The peak that the row tells, and how far we saw the level rise, both in MiB.
    """
    stage, jobs = submission.stage, len(given.values)
    here = []
    begun, returned = stage.count("holding"), stage.count("returned")
    pending = submission.begin("held_run", work=given.args, **how)
    stage.until(lambda s: s.count("holding") > begun, within_s=_READY_WITHIN_S)
    with MemoryWatch(submission, look_every_s=_LOOK_EVERY_S) as memory:
        stage.open(f"{how['gate']} watched")
        started, (hold_s, then_low) = monotonic(), hold
        for level in ("high", "low"):
            gate = f"{how['gate']} {level}"
            stage.until(
                lambda s, gate=gate: (
                    s.waiting(gate) == jobs or s.count("returned") > returned
                ),
                within_s=_READY_WITHIN_S,
            )
            here.append(stage.waiting(gate))
            memory.level_mib()
            # The time is for the submission's own looks.
            stage.until(lambda s: s.count("returned") > returned, within_s=hold_s)
            stage.open(gate)
            hold_s = 1.3 * (monotonic() - started) if then_low else 0.0
        row = pending.result()
    must.hold(
        here == [jobs, jobs],
        f"{how['model']}: {jobs} jobs on {jobs} workers were expected to run at the same"
        f" time; {min(here)} did.",
    )
    must.equal(row["results"], given.answers, what=f"{how['model']}: results")
    must.be_within(
        row["peak_memory_mb"], -1e6, 1e9, what=f"{how['model']}: peak_memory_mb"
    )
    return row["peak_memory_mb"], memory.rise_mib
