"""An exercise: numbered promises, and the checks that judge them."""

from dataclasses import dataclass

from racecourse.model.verdict import Category, Evidence

SHORT_S = 0.3
"""How long most checks take; an exercise says of the others how long, so they begin early."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one check's worker, with every process it starts, may use."""

    wall_s: float = 10.0  # the hang budget of one check
    cpu_s: int = 30  # per process
    memory_mib: int = 1024  # resident, whole tree
    processes: int = 64  # alive at once, whole tree
    output_mib: int = 8  # what it prints
    file_mib: int = 64  # one file

    @property
    def longest_s(self) -> float:
        """How long a check may take on a machine that has no core to spare for it.

        Time in the queue for a core is added to the hang budget, up to this.
        """
        return 4 * self.wall_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """One sentence a right submission keeps, as numbered in the exercise's README."""

    id: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One judgement of one promise, worth a fixed number of points."""

    id: str
    category: Category
    title: str
    promise: int
    points: float
    learning: str
    question: str
    limits: Limits
    needs: tuple[str, ...] = ()  # checks without which this one says nothing new
    hidden: bool = False  # inputs and printed output are not shown
    quiet: bool = False  # runs alone
    takes_s: float = SHORT_S  # about, for right work on a quiet machine
    virtual_time: bool = False  # clocks are moved before the submission is imported
    evidence: tuple[Evidence, ...] = (Evidence.VALUES,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Exercise:
    """One exercise of the course, as its `exercise.toml` describes it."""

    id: str
    slug: str
    title: str
    summary: str
    promises: tuple[Promise, ...]
    checks: tuple[Check, ...]
    preload: tuple[str, ...] = ()  # public modules the zygote imports before it forks
    virtual_time: bool = False  # of a check that says nothing else

    @property
    def max_score(self) -> float:
        """Points of all checks together."""
        return sum(check.points for check in self.checks)

    def check(self, check_id: str) -> Check:
        """Return the check with this id.

        Raises:
            KeyError: If the exercise has no such check.
        """
        for check in self.checks:
            if check.id == check_id:
                return check
        raise KeyError(check_id)

    def promise_of(self, check: Check) -> Promise:
        """Return the promise that a check judges; validation made sure it exists."""
        return next(p for p in self.promises if p.id == check.promise)
