"""Lanes: forked copies of the trusted supervisor that judge checks side by side.

Theory of operation. After pytest has collected the hidden graders, the supervisor forks
a few lanes. Each has the graders, a control socket of its own to the zygote, and a socket
to the supervisor, which hands out one check at a time and journals each result before
it hands out the next. pytest itself is not made for threads; a process per lane
needs no lock, and a lane that dies costs only the check it was judging. The submission
is in none of them.
"""

import contextlib
import os
import select
import signal
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import NoReturn

from racecourse.grading.plan import Plan
from racecourse.model.exercise import Check
from racecourse.model.result import CheckResult, Finding
from racecourse.model.verdict import Verdict
from racecourse.sandbox import protocol

_FOREVER_S = 1e6
_SEND_WITHIN_S = 10.0
_LAST_RESORT_S = 60.0  # beyond twice a check's budget; pytest-timeout acts before

Judge = Callable[[str], CheckResult]


@dataclass(frozen=True, slots=True)
class _Lane:
    pid: int
    link: socket.socket


@dataclass(frozen=True, slots=True)
class _Task:
    check: Check
    deadline: float


class Interrupted(Exception):  # noqa: N818 - the user's wish
    """Ctrl-C: the lanes are gone, what was known is known."""


def run_in_lanes(
    plan: Plan,
    *,
    lanes: int,
    become_lane: Callable[[int], Judge],
    started: Callable[[Check], None],
    finished: Callable[[CheckResult], None],
) -> None:
    """Judge every check of the plan.

    Args:
        plan: What to judge, and in which order.
        lanes: How many processes judge at once.
        become_lane: Called in each forked process with its number; returns the function
            that judges one check there.
        started: Called before a check starts.
        finished: Called with each result before the next check starts in its lane.

    Raises:
        Interrupted: If the user pressed Ctrl-C; no lane is left running.
    """
    everyone: list[_Lane] = []
    try:
        for number in range(lanes):
            everyone.append(_fork_lane(number, become_lane, everyone))
        free = list(everyone)
        _Dispatcher(plan, free, started, finished).run()
    except KeyboardInterrupt:
        raise Interrupted from None
    finally:
        for lane in everyone:
            lane.link.close()
            _end(lane.pid)


def _fork_lane(
    number: int, become_lane: Callable[[int], Judge], others: Sequence[_Lane]
) -> _Lane:
    ours, theirs = socket.socketpair()
    # A Ctrl-C between the fork and the lane's own set-up must not run on in the lane.
    unblocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    pid = os.fork()
    if pid == 0:
        for link in (ours, *(lane.link for lane in others)):
            link.close()  # or a sister would keep us from seeing the supervisor's end
        _serve(theirs, number, become_lane)
    signal.pthread_sigmask(signal.SIG_SETMASK, unblocked)
    theirs.close()
    return _Lane(pid, ours)


def _serve(
    link: socket.socket, number: int, become_lane: Callable[[int], Judge]
) -> NoReturn:
    """Judge checks until the supervisor closes the link. Never returns."""
    try:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the supervisor ends us
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        threading.Thread(target=_end_with, args=(link,), daemon=True).start()
        judge = become_lane(number)
        while True:
            order = protocol.receive(link, within_s=_FOREVER_S)
            result = judge(order["judge"])
            protocol.send(link, {"result": result.to_plain()}, within_s=_SEND_WITHIN_S)
    except BaseException:  # noqa: BLE001 - a forked process must never run on into its parent's code
        os._exit(1)


def _end_with(link: socket.socket) -> None:
    """End this lane, whatever it is doing, when the supervisor is gone."""
    poller = select.poll()
    poller.register(link, 0)  # only its end is reported
    poller.poll()
    os._exit(1)


def _end(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError, ChildProcessError):
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


class _Dispatcher:
    """Hands out checks to free lanes until every check has a result."""

    def __init__(
        self,
        plan: Plan,
        free: list[_Lane],
        started: Callable[[Check], None],
        finished: Callable[[CheckResult], None],
    ) -> None:
        self._plan = plan
        self._free = free
        self._busy: dict[int, tuple[_Lane, _Task]] = {}
        self._results: dict[str, CheckResult] = {}
        self._early: dict[str, CheckResult] = {}  # until what they need is known
        self._started, self._finished = started, finished

    def run(self) -> None:
        while True:
            self._note_what_is_certain()
            if len(self._results) == len(self._plan.checks):
                return  # whatever is still being judged is out of reach
            self._hand_out()
            if self._busy:
                self._collect()
            else:
                self._give_up()

    def _note_what_is_certain(self) -> None:
        """Again and again: what is out of reach takes others out of reach."""
        while certain := self._certain():
            for result in certain:
                self._early.pop(result.check_id, None)
                self._note(result)

    def _certain(self) -> list[CheckResult]:
        return self._plan.unreachable(self._results) or [
            result
            for check_id, result in self._early.items()
            if self._plan.counts(check_id, self._results)
        ]

    def _hand_out(self) -> None:
        running = [task.check.id for _, task in self._busy.values()]
        running += self._early
        while self._free and (check := self._plan.ready(self._results, running)):
            lane = self._free.pop()
            self._started(check)
            budget_s = 2 * check.limits.longest_s + _LAST_RESORT_S
            self._busy[lane.link.fileno()] = (
                lane,
                _Task(check, monotonic() + budget_s),
            )
            with contextlib.suppress(protocol.ChannelClosed):
                protocol.send(lane.link, {"judge": check.id}, within_s=_SEND_WITHIN_S)
            running.append(check.id)

    def _collect(self) -> None:
        for fd in self._ready_links():
            lane, task = self._busy.pop(fd)
            try:
                reply = protocol.receive(lane.link, within_s=_SEND_WITHIN_S)
                result = CheckResult.from_plain(reply["result"])
                self._free.append(lane)
            except (
                protocol.ChannelClosed,
                protocol.DeadlinePassed,
                protocol.ProtocolError,
            ):
                result = _lane_lost(task.check)
            self._hear(result)
        for fd, (lane, task) in list(self._busy.items()):
            if monotonic() > task.deadline:
                del self._busy[fd]
                _end(lane.pid)
                self._hear(_lane_lost(task.check))

    def _hear(self, result: CheckResult) -> None:
        if result.check_id not in self._results:  # else it is out of reach by now
            self._early[result.check_id] = result

    def _ready_links(self) -> Iterator[int]:
        poller = select.poll()
        for fd in self._busy:
            poller.register(fd, select.POLLIN)
        return (fd for fd, _ in poller.poll(1000))

    def _give_up(self) -> None:
        """Every lane is lost: say so for each check that is left, and blame nobody."""
        for check in self._plan.checks:
            if check.id not in self._results:
                self._note(_lane_lost(check))

    def _note(self, result: CheckResult) -> None:
        self._results[result.check_id] = result
        self._finished(result)


def _lane_lost(check: Check) -> CheckResult:
    return CheckResult(
        check_id=check.id,
        verdict=Verdict.GRADER_ERROR,
        finding=Finding(
            saw="The grader failed, not your code: the process that judged this check"
            " was lost. Grade again."
        ),
    )


def lanes_for(checks: Sequence[Check], cores: int) -> int:
    """Return how many lanes are worth their start: checks mostly wait, so two per core."""
    return max(1, min(len(checks), 2 * cores, 8))
