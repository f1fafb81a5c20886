"""The hidden graders as pytest runs them: collection, fixtures, and one check at a time.

pytest runs here, in the trusted supervisor, with its own ini, no plugin that happens to
be installed, and nothing of the submission on its path. pytest-timeout is the backstop
behind our own deadlines.
"""

import contextlib
import dataclasses
import os
import random
import zlib
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

import pytest

from racecourse.checks import Submission
from racecourse.grading.catalogue import Content
from racecourse.grading.judge import judge
from racecourse.model.exercise import Check
from racecourse.model.result import CheckResult, Finding
from racecourse.model.verdict import (
    AWARDING_EVIDENCE,
    DOUBTFUL_CAUSES,
    Cause,
    Evidence,
    Verdict,
)
from racecourse.sandbox.payload import Payload

if TYPE_CHECKING:
    from racecourse.model.replay_token import ReplayToken
    from racecourse.sandbox.launcher import Lane

_RESULT = pytest.StashKey[CheckResult]()
_SUBMISSION = pytest.StashKey[Submission]()
_UNREADABLE = (
    "It answered with something that the grader cannot read, although the grader reads"
    " what the model answer says to the same questions."
)
# Plugins of pytest's own that graders have no use for; each costs start-up time.
_NO_PLUGINS = (
    *("cacheprovider", "debugging", "doctest", "faulthandler", "freeze_support"),
    *("junitxml", "legacypath", "logging", "monkeypatch", "pastebin", "recwarn"),
    *("setuponly", "setupplan", "skipping", "stepwise", "subtests", "threadexception"),
    *("tmpdir", "unittest", "unraisableexception", "warnings"),
)


class GraderProblem(Exception):  # noqa: N818 - told apart from a bug by its text
    """The hidden graders do not fit their exercise file; the author must mend them."""


class HiddenTests:
    """A pytest plugin that offers the fixtures of graders and judges single checks.

    Args:
        content: The exercise.
        payload: What each worker loads.
        seed: Seed of the run; each check draws from its own stream.
        crash_folder: Where reports about mistakes of ours go.
        when_collected: Called with this plugin once all graders are there.
        start_method: How `multiprocessing` starts processes, unless a check says.
        confirm: Whether a doubtful failure is judged once more before it counts.
        backstop_s: Beyond a check's budget, before pytest-timeout ends its grader.
        control: What a worker loads to find out who broke a grader: the reference. None:
            a broken grader is always ours.
    """

    def __init__(  # noqa: PLR0913 - one wiring place
        self,
        *,
        content: Content,
        payload: Payload,
        seed: int,
        crash_folder: Path,
        when_collected: Callable[["HiddenTests"], None],
        start_method: str | None = None,
        confirm: bool = True,
        backstop_s: float = 30.0,
        control: Payload | None = None,
    ) -> None:
        self._control = control
        self._content, self._payload, self._seed = content, payload, seed
        self._start_method = start_method
        self._crash_folder = crash_folder
        self._when_collected = when_collected
        self._confirm = confirm
        self._backstop_s = backstop_s
        self._handed_over = False
        self._items: dict[str, pytest.Item] = {}
        self.lane: Lane | None = None
        self.repeat: ReplayToken | None = None  # see `Submission.repeat`
        self.problem: BaseException | None = None

    def collect(self) -> None:
        """Collect the graders and hand over to `when_collected`.

        Raises:
            GraderProblem: If a grader cannot be collected or fits no check.
        """
        folder = self._content.graders
        ini = folder.parent / "pytest.ini"
        files = sorted(folder.glob("test_*.py"))
        if not files:  # pytest would collect whatever stands in the current folder
            raise GraderProblem(f"{folder} has no test_*.py")
        arguments = [
            *("-c", str(ini), "--rootdir", str(folder.parent)),
            *("--import-mode=importlib", "--assert=plain", "--capture=no", "-qq"),
            *("-p", "pytest_timeout"),
            *(word for name in _NO_PLUGINS for word in ("-p", f"no:{name}")),
            *map(str, files),
        ]
        with (
            _own_pytest_settings(),
            Path(os.devnull).open("w", encoding="utf-8") as quiet,
            contextlib.redirect_stdout(quiet),
        ):
            code = pytest.main(arguments, plugins=[self])
        if self.problem is not None:
            raise self.problem
        if not self._handed_over:
            if code == pytest.ExitCode.INTERRUPTED:
                raise KeyboardInterrupt  # pytest keeps it for itself
            raise GraderProblem(
                f"{folder}: pytest ended with {code!s} and judged nothing"
            )

    # Hooks.

    def pytest_configure(self, config: pytest.Config) -> None:
        """Make our marker known."""
        config.addinivalue_line("markers", "check(id): the check that a test judges")

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Remember the first grader file that cannot be imported."""
        if report.failed and self.problem is None:
            self.problem = GraderProblem(f"{report.nodeid}: {report.longrepr}")

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Take over from pytest's own loop."""
        if self.problem is None:
            self._handed_over = True
            try:
                self._index(session.items)
                self._when_collected(self)
            except BaseException as problem:  # noqa: BLE001 - re-raised by collect()
                self.problem = problem
        return True

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Iterator[None]:
        """Turn how the test ended into a result; a failed set-up or clean-up is ours."""
        report = yield
        error = call.excinfo.value if call.excinfo else None
        if call.when == "call" or error:
            check = self._check_of(item)
            item.stash[_RESULT] = judge(error, check, crash_folder=self._crash_folder)
        return report

    # Fixtures.

    @pytest.fixture
    def submission(self, request: pytest.FixtureRequest) -> Iterator[Submission]:
        """The submission under judgement; its worker starts when first used."""
        if self.lane is None:
            raise RuntimeError("a check ran outside a lane")
        submission = Submission(
            lane=self.lane,
            payload=self._payload,
            exercise=self._content.exercise,
            check=self._check_of(request.node),
            seed=self._seed,
            start_method=self._start_method,
            repeat=self.repeat,
        )
        request.node.stash[_SUBMISSION] = submission
        try:
            yield submission
        finally:
            submission.close()

    @pytest.fixture
    def draw(self, request: pytest.FixtureRequest) -> random.Random:
        """Inputs for this check, different in every run and repeated by its seed."""
        check = self._check_of(request.node)
        name = f"{self._content.exercise.id}:{check.id}"
        return random.Random(self._seed ^ zlib.crc32(name.encode()))

    # Judging.

    def judge(self, check_id: str) -> CheckResult:
        """Judge one check; a failure that a busy machine can imitate must fail twice."""
        try:
            result = self._judge_once(check_id)
            doubtful = (
                result.verdict is Verdict.FAILED and result.cause in DOUBTFUL_CAUSES
            )
            if doubtful and self._confirm:
                return self._judge_once(check_id)
            if result.verdict is Verdict.GRADER_ERROR and self._control is not None:
                return self._after_control(result, self._control)
            return result  # noqa: TRY300 - the other ways out are above
        except Exception as error:  # noqa: BLE001 - a mistake of ours is a result too
            check = self._content.exercise.check(check_id)
            return judge(error, check, crash_folder=self._crash_folder)

    def _after_control(self, result: CheckResult, control: Payload) -> CheckResult:
        """Judge the reference: if the grader does not break on it, our work is right.

        Then it was what the submission answered that no grader can read, and an attack
        must not turn its check into points that nobody loses.
        """
        judged, self._payload = self._payload, control
        try:
            on_reference = self._judge_once(result.check_id)
        finally:
            self._payload = judged
        if on_reference.verdict is not Verdict.PASSED:
            return result
        return dataclasses.replace(
            result,
            verdict=Verdict.FAILED,
            cause=Cause.PROTOCOL_VIOLATION,
            finding=Finding(saw=_UNREADABLE),
        )

    def _judge_once(self, check_id: str) -> CheckResult:
        item = self._items[check_id]
        check = self._check_of(item)
        item.stash = pytest.Stash()  # without what a first, doubtful judgement left
        begun = monotonic()
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=None)
        result = item.stash.get(_RESULT, None) or judge(
            RuntimeError("pytest reported nothing"),
            check,
            crash_folder=self._crash_folder,
        )
        submission = item.stash.get(_SUBMISSION, None)
        if submission is not None and result.verdict is Verdict.PASSED:
            _refuse_mere_claims(check, submission.gathered)
        printed = "" if check.hidden or submission is None else submission.printed
        return CheckResult(
            check_id=check_id,
            verdict=result.verdict,
            cause=result.cause,
            finding=result.finding,
            seconds=monotonic() - begun,
            output=printed,
        )

    def _index(self, items: Sequence[pytest.Item]) -> None:
        known = {check.id for check in self._content.exercise.checks}
        for item in items:
            marker = item.get_closest_marker("check")
            check_id = str(marker.args[0]) if marker and marker.args else ""
            if check_id not in known:
                raise GraderProblem(f"{item.nodeid} judges no check; add @check(id)")
            if check_id in self._items:
                raise GraderProblem(f"{item.nodeid} judges {check_id} a second time")
            self._items[check_id] = item
            budget_s = self._check_of(item).limits.longest_s
            limit_s = budget_s + self._backstop_s
            item.add_marker(pytest.mark.timeout(limit_s, method="signal"))
        if missing := known - set(self._items):
            raise GraderProblem(
                f"{self._content.graders}: no test judges {', '.join(sorted(missing))}"
            )

    def _check_of(self, item: pytest.Item) -> Check:
        marker = item.get_closest_marker("check")
        if marker is None:
            raise GraderProblem(f"{item.nodeid} judges no check")
        return self._content.exercise.check(str(marker.args[0]))


def _refuse_mere_claims(check: Check, gathered: Collection[Evidence]) -> None:
    """Award nothing for what a worker says of itself, whatever the check declares.

    Raises:
        GraderProblem: If the check looked at nothing else.
    """
    if gathered and not AWARDING_EVIDENCE & set(gathered):
        raise GraderProblem(f"{check.id} passed on claims alone; it must see more")


@contextlib.contextmanager
def _own_pytest_settings() -> Iterator[None]:
    """Keep the user's own wishes for pytest out of the environment for a while."""
    names = [name for name in os.environ if name.startswith("PYTEST_")]
    before = {name: os.environ.pop(name) for name in names}
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    try:
        yield
    finally:
        for name in [name for name in os.environ if name.startswith("PYTEST_")]:
            del os.environ[name]
        os.environ.update(before)
