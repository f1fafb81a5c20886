"""The supervisor's handle on one worker: talk to it, look at it from outside, end it.

Nothing here judges. What went wrong comes out as a typed exception with what was seen
from outside; `racecourse.grading.judge` turns it into a cause and a sentence.
"""

import contextlib
import os
import select
import signal
import socket
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from time import monotonic
from typing import Any, NoReturn

from racecourse.model.result import Stack
from racecourse.model.verdict import Cause
from racecourse.sandbox import orders, protocol, stacks, tree
from racecourse.sandbox.endings import Died, Hung, LimitPassed, Raised, SandboxError
from racecourse.sandbox.launch import LaunchSpec, LoadOptions
from racecourse.sandbox.observer import Observer
from racecourse.sandbox.payload import Payload
from racecourse.sandbox.stage_host import StageHost

_READY_WITHIN_S = 20.0
_ORDER_WITHIN_S = 15.0
_END_WITHIN_S = 8.0  # a keeper gives its tree 5
_LOOKS = 20  # at one tree, while processes of it end
_TRACE_BYTES = 256 << 10
_STEP_S = 0.2  # how often a silent worker is looked at
_REST_WITHIN_S = 1.0  # for the rest of a frame that has begun to come
# Helpers of the standard library that outlive a call by design. The names alone would
# be too little: forked workers have the zygote's command line, with what it preloads.
_STANDARD_HELPERS = (
    "from multiprocessing.resource_tracker import main",
    "from multiprocessing.forkserver import main",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pids:
    worker: int
    keeper: int
    root: int  # below it is everything that the submission started, and the worker


class Worker:
    """One worker with its keeper, output, stage and scratch folder."""

    def __init__(
        self, zygote: socket.socket, spec: LaunchSpec, payload: Payload
    ) -> None:
        self.limits = spec.limits
        self._zygote = zygote
        self._scratch = spec.scratch
        self._box = spec.box
        self._folder = f"{spec.box}/submission"
        self._source = payload.solution
        self._calls = self._answered = 0  # loading is answered too, and is no call
        self._exit: int | None = None
        self._starved = False  # ended by the kernel for its memory
        self._granted_s = 0.0  # beyond their time, to waits that are over
        self._our_queue_s = tree.queued_seconds([os.getpid()])
        self._closed = False
        self.stage = StageHost(f"{spec.box}/stage")
        self._trace = os.open(
            f"{spec.scratch}/trace", os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600
        )
        output, output_in_worker = os.pipe()
        self._keeper, keeper_end = socket.socketpair()
        self._channel, worker_end = socket.socketpair()
        fds = [keeper_end.fileno(), worker_end.fileno(), output_in_worker, self._trace]
        try:
            orders.send(zygote, spec.to_plain(), fds)
        except OSError as error:
            raise SandboxError(f"the zygote is gone: {error}") from error
        finally:
            keeper_end.close()
            worker_end.close()
            os.close(output_in_worker)
        self._output = output
        self._pids: _Pids | None = None
        self._observer: Observer | None = None

    # Being there. Orders may be sent before the worker is; the first look waits for it.

    @property
    def pid(self) -> int:
        """The worker's process id."""
        return self._await_ready().worker

    @property
    def _root_pid(self) -> int:
        return self._await_ready().root

    def _await_ready(self) -> "_Pids":
        if self._pids is None:
            ready = self._receive_ready()
            self._pids = _Pids(
                worker=int(ready["ready"]),
                keeper=int(ready["keeper"]),
                root=int(ready["root"]),
            )
            self._observer = Observer(
                self._output, self._pids.root, self.limits, self._kill_tree
            )
        return self._pids

    def _receive_ready(self) -> dict[str, Any]:
        try:
            ready = protocol.receive(self._keeper, within_s=_READY_WITHIN_S)
        except (protocol.ChannelClosed, protocol.DeadlinePassed) as error:
            raise SandboxError("the zygote did not start a worker") from error
        if "refused" in ready:
            raise SandboxError(f"the system refused a worker: {ready['refused']}")
        return ready

    # Talking to the worker.

    def load(self, options: LoadOptions, *, within_s: float) -> list[str]:
        """Load the submission; return its public names.

        Raises:
            Raised, Hung, Died, LimitPassed, protocol.ProtocolError: What came instead.
        """
        self.begin_load(options)
        names: list[str] = self.answer(0, within_s=within_s)
        return names

    def begin_load(self, options: LoadOptions) -> None:
        """Order the submission to be loaded; `answer(0)` waits until it is."""
        ours = {"folder": self._folder, "stage_address": self.stage.address}
        self._send({"load": {**ours, **asdict(options)}})

    def begin(self, target: str, args: Mapping[str, Any]) -> int:
        """Start a call and return its number; `answer` waits for what comes back."""
        if self._calls + 1 == self._answered and _readable(self._channel):
            self._raise_early()
        self._calls += 1
        self._send({"call": self._calls, "target": target, "args": dict(args)})
        return self._calls

    def _raise_early(self) -> NoReturn:
        """Something can be read though nothing was asked: an end, or a forgery."""
        try:
            ended = not self._channel.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except OSError:
            ended = True
        if ended:
            raise self._death()
        raise protocol.ProtocolError("an answer before the question")

    def answer(
        self,
        number: int,
        *,
        within_s: float,
        is_hopeless: Callable[[], bool] = lambda: False,
    ) -> Any:
        """Return the value of a call.

        Args:
            number: What `begin` returned.
            within_s: Real seconds to wait; longer if it had to wait for a core.
            is_hopeless: Asked now and then; True ends the wait as if time were up.

        Raises:
            Raised, Hung, Died, LimitPassed, protocol.ProtocolError: What came instead.
        """
        self._await_ready()
        deadline = monotonic() + within_s
        try:
            self._await_reply(deadline, is_hopeless)
            self._granted_s += max(0.0, monotonic() - deadline)
            left_s = max(_REST_WITHIN_S, deadline - monotonic())
            reply = protocol.receive(self._channel, within_s=left_s)
        except protocol.DeadlinePassed:
            self._raise_breach()
            raise Hung(within_s, self.dump_stacks()) from None
        except protocol.ChannelClosed:
            raise self._death() from None
        self._answered += 1
        return self._value_of(reply, number)

    def _await_reply(self, deadline: float, is_hopeless: Callable[[], bool]) -> None:
        """Wait until the channel has something to read.

        The end of the worker is seen through its keeper: a child that the worker left
        behind may hold the channel open for good.

        Raises:
            protocol.ChannelClosed: If the worker or its keeper ended before it answered.
            protocol.DeadlinePassed: If nothing came in time, or nothing will.
        """
        poller = select.poll()
        for end in (self._channel, self._keeper):
            poller.register(end, select.POLLIN)
        while True:
            left_s = deadline - monotonic()
            step_s = min(left_s, _STEP_S) if left_s > 0 else _STEP_S
            ready = {fd for fd, _ in poller.poll(step_s * 1000)}
            self._raise_breach()
            if self._keeper.fileno() in ready:
                report = protocol.receive(self._keeper, within_s=_ORDER_WITHIN_S)
                self._hear(report)
            if self._channel.fileno() in ready:
                return
            if self._exit is not None and not _readable(self._channel):
                raise protocol.ChannelClosed
            if is_hopeless() or (left_s <= 0 and not self._may_go_on(-left_s)):
                raise protocol.DeadlinePassed

    def _may_go_on(self, over_s: float) -> bool:
        """Whether a wait may go on that is so long beyond its time already.

        Time in which a thread of the tree could run, but stood in the queue for a core,
        is not the worker's; nor is ours, when we were to answer it.
        """
        at_most_s = self.limits.longest_s - self.limits.wall_s
        return over_s < min(at_most_s, self.queued_s() - self._granted_s)

    @staticmethod
    def _value_of(reply: dict[str, Any], number: int) -> Any:
        kind = "exc" if "exc" in reply else "loaded" if "loaded" in reply else "ret"
        if reply.get(kind) != number or type(reply[kind]) is not int:
            raise protocol.ProtocolError("an answer to a question that was not asked")
        if kind == "exc":
            try:
                raised = Raised(reply)
            except (KeyError, TypeError, ValueError, AttributeError):
                raise protocol.ProtocolError(
                    "an exception that cannot be read"
                ) from None
            raise raised
        if "value" not in reply:
            raise protocol.ProtocolError("an answer without a value")
        return reply["value"]

    def _send(self, message: Mapping[str, Any]) -> None:
        try:
            protocol.send(self._channel, message, within_s=_ORDER_WITHIN_S)
        except protocol.ChannelClosed:
            raise self._death() from None
        except protocol.DeadlinePassed:
            raise Hung(_ORDER_WITHIN_S, self.dump_stacks()) from None

    def _death(self) -> Exception:
        self._raise_breach()
        code = self._wait_exit(within_s=2.0)
        self._raise_breach()
        if self._starved:
            limit_mib = self.limits.memory_mib
            raise LimitPassed(
                Cause.MEMORY,
                f"It used more memory than the limit of {limit_mib} MiB, so fast that"
                " the system ended it.",
            )
        return Died(code, self._read_stacks())

    def _hear(self, report: Mapping[str, Any]) -> None:
        """Take from a keeper's report how the worker ended, if it tells that."""
        self._exit = report.get("exit", self._exit)
        self._starved = bool(report.get("out_of_memory", self._starved))

    def _raise_breach(self) -> None:
        if self._observer and self._observer.breach:
            raise LimitPassed(*self._observer.breach)

    def _wait_exit(self, *, within_s: float) -> int | None:
        with contextlib.suppress(protocol.ChannelClosed, protocol.DeadlinePassed):
            while self._exit is None:
                report = protocol.receive(self._keeper, within_s=within_s)
                self._hear(report)
        return self._exit

    # Looking from outside.

    @property
    def output(self) -> str:
        """The beginning of what the submission printed."""
        return self._observer.output if self._observer else ""

    def children(self) -> dict[int, str]:
        """Return the running processes below the worker: pid to command line.

        Helpers that the standard library keeps on purpose, and processes that have
        ended but were not waited for, are left out.
        """
        found = {}
        for pid in self._running_below():
            command = tree.command_line(pid)
            standard = any(name in command for name in _STANDARD_HELPERS)
            if pid != self.pid and not standard:
                found[pid] = command
        return found

    def _running_below(self) -> list[int]:
        """Look until nothing ended during the look: it may have left a child behind."""
        known: set[int] = set()
        for _ in range(_LOOKS):
            pids = tree.descendants(self._root_pid)
            running = [pid for pid in pids if tree.is_running(pid)]
            ended = set(pids) - set(running)
            if ended <= known:
                break
            known = ended
        return running

    def cpu_seconds(self) -> float:
        """Return the CPU time of the whole tree so far."""
        return tree.cpu_seconds(tree.descendants(self._root_pid))

    def queued_s(self) -> float:
        """Return how long threads of the tree, and ours, stood in the queue for a core."""
        ours_s = tree.queued_seconds([os.getpid()]) - self._our_queue_s
        return ours_s + tree.queued_seconds(tree.descendants(self._root_pid))

    def memory_mib(self) -> float:
        """Return the memory of the whole tree now, in MiB."""
        return tree.memory_mib(tree.descendants(self._root_pid))

    def folder_for_files(self) -> Path:
        """Return a folder below the scratch that the supervisor fills for the worker."""
        folder = Path(self._box) / "files"
        folder.mkdir(exist_ok=True)
        folder.chmod(0o755)  # whoever the worker is, it may read here
        return folder

    def is_asleep(self) -> bool:
        """Whether every thread of the whole tree waits for something right now."""
        return tree.all_asleep(tree.descendants(self._root_pid))

    def thread_count(self) -> int:
        """Return the number of threads of the worker process."""
        return tree.thread_count(self.pid)

    def interrupt(self) -> None:
        """Send SIGINT to the worker's process group, as Ctrl-C in a terminal does."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGINT)

    def dump_stacks(self) -> tuple[Stack, ...]:
        """Ask every process of the tree for its stacks and return the student's lines."""
        with contextlib.suppress(protocol.ChannelClosed, protocol.DeadlinePassed):
            protocol.send(self._keeper, {"dump": True}, within_s=_ORDER_WITHIN_S)
            while "dumped" not in protocol.receive(
                self._keeper, within_s=_ORDER_WITHIN_S
            ):
                pass
        return self._read_stacks()

    def listener(self) -> socket.socket:
        """Return a listening TCP socket that the worker, and nobody else, can reach.

        Raises:
            SandboxError: If the keeper does not deliver.
        """
        try:
            protocol.send(self._keeper, {"listen": True}, within_s=_ORDER_WITHIN_S)
            report: dict[str, Any] = {}
            while "listening" not in report:
                report = protocol.receive(self._keeper, within_s=_ORDER_WITHIN_S)
                self._hear(report)
            _, (fd,), _, _ = socket.recv_fds(self._keeper, 1, 1)
        except (protocol.ChannelClosed, protocol.DeadlinePassed, ValueError) as error:
            raise SandboxError("the keeper did not open a port") from error
        return socket.socket(fileno=fd)

    def _read_stacks(self) -> tuple[Stack, ...]:
        text = os.pread(self._trace, _TRACE_BYTES, 0).decode(
            "utf-8", "backslashreplace"
        )
        return stacks.parse(text, folder=self._folder, source=self._source)

    # The end.

    def _kill_tree(self) -> None:
        tree.kill_all_below(self._root_pid)

    def close(self) -> None:
        """End the whole tree and remove every trace of it. May be called again."""
        if self._closed:
            return
        self._closed = True
        self._channel.close()
        if not self._kept_to_the_end():
            self._have_swept()
        self._keeper.close()
        if self._observer:
            self._observer.stop()
        os.close(self._output)
        self.stage.close()
        os.close(self._trace)
        tree.remove_folder(self._scratch)

    def _have_swept(self) -> None:
        """Have the zygote, who adopts them, end the orphans of a keeper that was killed."""
        order = {"sweep": self._await_ready().keeper}
        with contextlib.suppress(protocol.ChannelClosed, protocol.DeadlinePassed):
            protocol.send(self._zygote, order, within_s=_ORDER_WITHIN_S)
            protocol.receive(self._zygote, within_s=_ORDER_WITHIN_S)

    def _kept_to_the_end(self) -> bool:
        """Have the keeper end the tree; return False if it was killed itself."""
        deadline = monotonic() + _END_WITHIN_S
        with contextlib.suppress(protocol.ChannelClosed, protocol.DeadlinePassed):
            protocol.send(self._keeper, {"kill": True}, within_s=_END_WITHIN_S)
            while monotonic() < deadline:
                report = protocol.receive(self._keeper, within_s=_END_WITHIN_S)
                self._hear(report)
                if "gone" in report:
                    return True
        return False


def _readable(channel: socket.socket) -> bool:
    poller = select.poll()
    poller.register(channel, select.POLLIN)
    return bool(poller.poll(0))
