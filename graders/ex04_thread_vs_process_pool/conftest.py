"""What goes into the runs and what must come out, drawn anew for every run."""

from dataclasses import dataclass

import pytest

from racecourse.checks import must

_CALLS = {"thread": 'run_with("thread")', "process": 'run_with("process")'}


@dataclass(frozen=True)
class Work:
    """Values to ask for, and the key by which a task turns one into its answer."""

    values: list[int]
    key: int
    offset: int

    @property
    def asks(self):
        """The arguments of the tasks, by their names."""
        return {f"task {v}": self._ask(v) for v in self.values}

    @property
    def answers(self):
        """What the tasks must return, in order."""
        return [value * self.key + self.offset for value in self.values]

    def tasks(self, *each, **same):
        """Describe a task for each value; `each` gives one what it has for itself."""
        own = [*each, *({} for _ in self.values[len(each) :])]
        return [
            {"name": name, **ask, **same, **more}
            for (name, ask), more in zip(self.asks.items(), own, strict=True)
        ]

    def _ask(self, value):
        return {"value": value, "key": self.key, "offset": self.offset}


@pytest.fixture
def work(draw):
    """Draw so many values, all different."""

    def drawn(count):
        values = draw.sample(range(1, 1_000_000), count)
        return Work(values, key=draw.randrange(3, 999), offset=draw.randrange(999))

    return drawn


@pytest.fixture
def must_succeed():
    """Give the demand that every outcome is there, in order, with the right value."""

    def demand(outcomes, given, *, what, executor=None):
        must_be_in_order(outcomes, given, what=what)
        for place, (outcome, answer) in enumerate(
            zip(outcomes, given.answers, strict=True), 1
        ):
            must_have_value(
                outcome,
                answer,
                what=f"{what}: outcome {place} of {len(outcomes)}",
                executor=executor,
            )

    return demand


def must_be_in_order(outcomes, given, *, what):
    """Demand one outcome for each task, in the order of the tasks."""
    must.equal(
        [outcome["name"] for outcome in outcomes],
        list(given.asks),
        what=f"{what}: names of the outcomes",
    )


def must_have_value(outcome, answer, *, what, executor=None):
    """Demand an outcome without an error, with this value."""
    must.hold(
        outcome["ok"] is True and outcome["error"] is None,
        f"{what}: a value was expected; it has ok={outcome['ok']!r} and the error"
        f" {outcome['error']}.",
    )
    must.equal(outcome["value"], answer, what=f"{what}: value")
    if executor is not None:
        must.equal(outcome["executor"], executor, what=f"{what}: executor")


def must_have_error(outcome, kind, text, *, what):
    """Demand an outcome with this very error."""
    seen = f"{outcome['error']}, which says {outcome['says']!r}"
    must.hold(
        outcome["ok"] is False and outcome["error"] == kind and text in outcome["text"],
        f"{what}: the task raised {kind} with the text {text!r}; its outcome has"
        f" ok={outcome['ok']!r} and the error {seen if outcome['error'] else None}.",
    )
    must.equal(outcome["value"], None, what=f"{what}: value of a task that failed")


@pytest.fixture
def demands():
    """Give the demands on one outcome, and the names of the calls in words."""
    return Demands()


@dataclass(frozen=True)
class Demands:
    """What one outcome, or the order of all, must be."""

    in_order = staticmethod(must_be_in_order)
    value = staticmethod(must_have_value)
    error = staticmethod(must_have_error)

    @staticmethod
    def call(how):
        """Return how a call is written."""
        return _CALLS.get(how, "process_all")
