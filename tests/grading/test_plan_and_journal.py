"""Which check comes next, what is written down, and who is blamed."""

import multiprocessing
import signal
from pathlib import Path

import pytest

from racecourse.checks import Broken, NotMeasurable, must
from racecourse.grading.journal import Journal, read_results
from racecourse.grading.judge import judge
from racecourse.grading.lanes import run_in_lanes
from racecourse.grading.plan import Plan
from racecourse.measure.speedup import JobEdge, modelled_speedup
from racecourse.model.exercise import Check, Limits
from racecourse.model.result import CheckResult
from racecourse.model.verdict import Category, Cause, Verdict
from racecourse.sandbox import stacks
from racecourse.sandbox.endings import Died, Hung, LimitPassed, Raised
from racecourse.sandbox.protocol import ProtocolError


def _check(
    name: str,
    *needs: str,
    quiet: bool = False,
    takes_s: float = 1.0,
) -> Check:
    return Check(
        id=name,
        category=Category.CORRECTNESS,
        takes_s=takes_s,
        title=name.lower(),
        promise=1,
        points=1,
        learning="",
        question="",
        limits=Limits(),
        needs=needs,
        quiet=quiet,
    )


_FOR_EVER_S = 600.0
_SOON_S = 30.0
_PASSED = CheckResult(check_id="A", verdict=Verdict.PASSED)
_FAILED = CheckResult(check_id="A", verdict=Verdict.FAILED, cause=Cause.RACE)
_OURS = CheckResult(check_id="A", verdict=Verdict.GRADER_ERROR)


def _ready(plan: Plan, results: dict[str, CheckResult], *running: str) -> str | None:
    check = plan.ready(results, running)
    return check.id if check else None


def test_a_check_waits_for_what_it_needs():
    plan = Plan(checks=(_check("A"), _check("B", "A"), _check("C")))
    assert _ready(plan, {}) == "A"
    assert _ready(plan, {}, "A") == "C"
    assert _ready(plan, {}, "A", "C") is None
    assert _ready(plan, {"A": _PASSED}) == "B"


def test_while_all_is_well_a_check_begins_before_what_it_needs_has_ended():
    plan = Plan(checks=(_check("A"), _check("B"), _check("C", "B"), _check("D")))
    assert _ready(plan, {"A": _PASSED}, "B") == "D"  # if there is nothing else to do
    assert _ready(plan, {"A": _PASSED}, "B", "D") == "C"
    assert _ready(plan, {"A": _FAILED}, "B", "D") is None
    assert _ready(plan, {"A": _PASSED, "D": _FAILED}, "B") is None
    assert _ready(plan, {"A": _PASSED, "D": _OURS}, "B") == "C"
    assert _ready(plan, {"A": _PASSED}, "D") == "B"


def test_what_began_early_counts_when_all_is_known_that_it_needs():
    plan = Plan(checks=(_check("A"), _check("B", "A"), _check("C", "B", "X")))
    assert plan.counts("A", {})
    assert not plan.counts("B", {})
    assert plan.counts("B", {"A": _PASSED})
    assert not plan.counts("C", {"A": _PASSED})
    assert Plan(checks=plan.checks, always=frozenset({"B"})).counts("B", {})


@pytest.mark.parametrize("early_one_ends", [True, False])
@pytest.mark.parametrize("verdict", [Verdict.PASSED, Verdict.FAILED])
def test_what_began_early_counts_if_nothing_failed_that_it_needs(
    verdict: Verdict, *, early_one_ends: bool
) -> None:
    """A is judged until B has begun, or has ended; B needs A, and may go on for ever.

    One that passes comes first: without it B would not begin early.
    """
    fork = multiprocessing.get_context("fork")
    begun, ended = fork.Event(), fork.Event()

    def judge(name: str) -> CheckResult:
        if name == "first":
            return CheckResult(check_id=name, verdict=Verdict.PASSED)
        if name == "A":
            assert (ended if early_one_ends else begun).wait(_SOON_S)
            cause = Cause.WRONG_RESULT if verdict is Verdict.FAILED else None
            return CheckResult(check_id="A", verdict=verdict, cause=cause)
        begun.set()
        if not early_one_ends and verdict is Verdict.FAILED:
            ended.wait(_FOR_EVER_S)
        ended.set()
        return CheckResult(check_id="B", verdict=Verdict.PASSED)

    results: list[CheckResult] = []
    run_in_lanes(
        Plan(checks=(_check("A"), _check("B", "A"), _check("first"))),
        lanes=2,
        become_lane=lambda _: judge,
        started=lambda _: None,
        finished=results.append,
    )
    _, first, second = results
    assert (first.check_id, first.verdict) == ("A", verdict)
    assert second.check_id == "B"
    assert (second.cause is Cause.NOT_REACHED) == (verdict is Verdict.FAILED)


def test_a_quiet_check_runs_alone_and_late():
    plan = Plan(checks=(_check("Q", quiet=True), _check("A")))
    assert _ready(plan, {}) == "A"
    assert _ready(plan, {}, "A") is None
    assert _ready(plan, {"A": _PASSED}) == "Q"
    assert _ready(plan, {}, "Q") is None


def test_the_longest_chain_of_checks_goes_first():
    plan = Plan(
        checks=(
            _check("A"),
            _check("B"),
            _check("C", "B"),
            _check("R", "C", takes_s=4.0),
            _check("D", "B"),
            _check("E", "D"),
        )
    )
    assert _ready(plan, {}) == "B"
    assert _ready(plan, {}, "B") == "A"
    assert _ready(plan, {"B": _PASSED}) == "C"
    assert _ready(plan, {"B": _PASSED}, "C") == "D"
    assert _ready(plan, {"B": _PASSED, "C": _PASSED}) == "R"


def test_what_needs_a_failure_is_not_reached_unless_asked_for():
    checks = (_check("A"), _check("B", "A"))
    assert [
        (each.check_id, each.cause)
        for each in Plan(checks=checks).unreachable({"A": _FAILED})
    ] == [("B", Cause.NOT_REACHED)]
    always = Plan(checks=checks, always=frozenset({"B"}))
    assert always.unreachable({"A": _FAILED}) == []
    assert Plan(checks=checks).unreachable({"A": _OURS}) == []
    assert _ready(Plan(checks=checks[1:]), {}) == "B"


def test_a_journal_survives_a_cut_line(tmp_path: Path):
    path = tmp_path / "journal"
    with Journal(path) as journal:
        journal.plan(exercise="ex1", sha256="", seed=1, checks=["A"])
        journal.finished(_PASSED)
        journal.finished(_FAILED)
    path.write_bytes(path.read_bytes()[:-5])
    assert read_results(path) == (_PASSED,)
    with Journal(path) as journal:
        journal.finished(_OURS)
    assert read_results(path) == (_PASSED, _OURS)
    path.write_bytes(b"5\n\xff\n" + path.read_bytes())
    assert read_results(path) == (_PASSED, _OURS)


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (Broken("x"), Cause.WRONG_RESULT),
        (Broken("x", cause=Cause.RACE), Cause.RACE),
        (Raised({"type": "ValueError"}), Cause.WRONG_RESULT),
        (Raised({"type": "MyExit", "bases": ["SystemExit"]}), Cause.CRASH),
        (Raised({"type": "MemoryError"}), Cause.MEMORY),
        (Raised({"type": "LoopDeadlockError"}), Cause.DEADLOCK),
        (Hung(1, ()), Cause.HANG),
        (Died(0, ()), Cause.CRASH),
        (Died(None, ()), Cause.CRASH),
        (Died(-11, ()), Cause.CRASH),
        (Died(-200, ()), Cause.CRASH),
        (Died(-signal.SIGXCPU, ()), Cause.TIMEOUT),
        (LimitPassed(Cause.PROCESSES, "x"), Cause.PROCESSES),
        (ProtocolError("x"), Cause.PROTOCOL_VIOLATION),
    ],
)
def test_what_a_submission_did_has_a_cause(
    error: Exception, cause: Cause, tmp_path: Path
):
    result = judge(error, _check("A"), crash_folder=tmp_path)
    assert (result.verdict, result.cause) == (Verdict.FAILED, cause)
    assert result.finding.saw
    assert not list(tmp_path.iterdir())


def test_whatever_else_is_our_mistake(tmp_path: Path):
    for error in (KeyError("x"), SystemExit(), KeyboardInterrupt()):
        result = judge(error, _check("A"), crash_folder=tmp_path / "new")
        assert result.verdict is Verdict.GRADER_ERROR
        assert result.finding.saw.startswith("The grader failed, not your code")
    verdicts = [
        judge(error, _check("A"), crash_folder=tmp_path).verdict
        for error in (None, NotMeasurable("x"))
    ]
    assert verdicts == [Verdict.PASSED, Verdict.NOT_MEASURABLE]


@pytest.mark.parametrize(
    ("seen", "wanted"),
    [
        (True, 1),
        (1, 1.0),
        ([1], [True]),
        ({"a": [1]}, {"a": [1.0]}),
        ({"a": 1}, {"a": 1, "b": 2}),
        (None, 0),
        ("1", 1),
    ],
)
def test_types_count_in_every_corner(seen: object, wanted: object):
    with pytest.raises(Broken):
        must.equal(seen, wanted, what="value")
    with pytest.raises(Broken):
        must.have_same_items([seen], [wanted], what="values")
    must.equal(wanted, wanted, what="value")


def test_demands_say_what_was_seen():
    with pytest.raises(Broken, match=r"^n: got 1, expected 2\.$"):
        must.equal(1, 2, what="n")
    with pytest.raises(Broken) as caught:
        must.equal("x" * 99999, 2, what="n")
    assert len(caught.value.saw) < 250
    with pytest.raises(
        Broken,
        match=r"^r: 3 expected, 3 came out; 1 lost \(such as 2\); 1 too many"
        r" \(such as \[1\]\)\.$",
    ):
        must.have_same_items([1, [1], 3], [1, 2, 3], what="r")
    with pytest.raises(Broken, match=r"^r: got 5, expected a list\.$"):
        must.have_same_items(5, [], what="r")
    with pytest.raises(Broken, match="it must lie between 1 and 2"):
        must.be_within(2.5, 1, 2, what="s")
    with pytest.raises(Broken, match="expected a number"):
        must.be_within(True, 0, 2, what="s")  # noqa: FBT003 - the point


def test_speedup_is_work_over_the_largest_share():
    def edges(**workers: tuple[float, float]) -> list[JobEdge]:
        numbers = {name: (number, 0) for number, name in enumerate(workers)}
        return [
            JobEdge(worker=numbers[name], cpu_s=time)
            for name, times in workers.items()
            for time in times
        ]

    assert modelled_speedup([]) == 0
    assert modelled_speedup(edges(a=(1, 1))) == 0
    assert modelled_speedup(edges(a=(1, 3))) == 1
    assert modelled_speedup(edges(a=(1, 3), b=(5, 7))) == 2
    assert modelled_speedup(edges(a=(0, 3), b=(0, 1))) == pytest.approx(4 / 3)


def test_stacks_are_read_as_lines_of_the_students_file():
    text = (
        "\nProcess 7\n"
        "Thread 0x00007f01 (most recent call first):\n"
        '  File "/usr/lib/threading.py", line 320 in wait\n'
        '  File "/s/solution.py", line 2 in work\n'
        '  File "/s/scenarios.py", line 1 in run\n'
        "Current thread 0x00007f02 (most recent call first):\n"
        '  File "/usr/lib/x.py", line 1 in serve\n'
    )
    (stack,) = stacks.parse(text, folder="/s", source="a = '\x0c'\r\n    b.wait()\n")
    assert stack.name == "thread 1, waiting in threading.py wait()"
    assert [(line.line, line.code) for line in stack.lines] == [(2, "b.wait()")]
    assert stacks.parse("\0nonsense", folder="/s", source="") == ()
