"""The worker: confines itself, loads the submission, and answers calls with values.

Everything after `confine` may be the submission's doing. The worker therefore holds
no secret and gives no verdict: it runs the scenario it is asked to run and returns what
came out, as plain JSON. The supervisor decides what that is worth.

Frames: `load` is answered by `loaded` or `exc`; each `call` by exactly one `ret` or
`exc` with the same number.
"""

import contextlib
import faulthandler
import functools
import importlib
import linecache
import multiprocessing
import os
import random
import resource
import signal
import socket
import sys
import threading
import types
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NoReturn

from racecourse.sandbox import orders, protocol, stage
from racecourse.sandbox.confine import confine
from racecourse.sandbox.launch import LaunchSpec, World

_FOREVER_S = 1e6
_REPLY_WITHIN_S = 30.0
_TEXT_CHARS = 2000
_FRAMES = 20


CONFINED = "confined"


def run(world: World, launches: socket.socket, news: int) -> NoReturn:
    """Stand ready, and become the worker of the launch that comes. Never returns.

    `news` is told `CONFINED`, or why it cannot be.
    """
    try:
        order = orders.receive(launches)
        if order is None:
            os._exit(0)  # nobody needed us
        message, (channel, output, trace) = order
        _set_up_process(channel, output, trace, news)
        try:
            confine(world, LaunchSpec.from_plain(message))
        except Exception as error:
            text = f"{type(error).__name__}: {error}".replace("\n", " ")
            os.write(news, f"{text[:_TEXT_CHARS]}\n".encode())
            raise
        os.write(news, f"{CONFINED}\n".encode())
        os.close(news)  # what is said from now on may be the submission's
        _Worker(socket.socket(fileno=channel), trace).serve()
    except protocol.ChannelClosed:
        os._exit(0)
    finally:
        # Only when our own code failed: the supervisor sees an exit without a reply.
        os._exit(70)


def _set_up_process(channel: int, output: int, trace: int, news: int) -> None:
    os.setsid()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    null = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((null, 0), (output, 1), (output, 2)):
        os.dup2(source, target)
    # Nothing of the zygote's may stay open here, least of all its proof of life.
    kept = [2, *sorted((channel, trace, news))]
    ends = [*kept[1:], resource.getrlimit(resource.RLIMIT_NOFILE)[0]]
    for before, after in zip(kept, ends, strict=True):
        os.closerange(before + 1, after)
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    # Written in C by a signal handler: it works while every thread is stuck.
    faulthandler.enable(file=trace)
    faulthandler.register(signal.SIGUSR1, file=trace, all_threads=True)
    sys.dont_write_bytecode = True
    # Children started with `spawn` would run the agent's own file again.
    sys.modules["__main__"] = types.ModuleType("__main__")
    sys.argv = [""]


class _Worker:
    def __init__(self, channel: socket.socket, trace: int) -> None:
        self._channel = channel
        self._trace = trace
        self._folder = ""
        self._scenarios: types.ModuleType | None = None
        # Kept until the next call, so that collecting it hides no leftover of its frames.
        self._last: object = None

    def serve(self) -> NoReturn:
        """Answer frames until the channel closes."""
        while True:
            request = protocol.receive(self._channel, within_s=_FOREVER_S)
            if "load" in request:
                work = functools.partial(self._load, **request["load"])
                self._answer(work, {"loaded": 0})
            else:
                work = functools.partial(self._call, request["target"], request["args"])
                self._answer(work, {"ret": request["call"]})

    def _answer(self, work: Callable[[], Any], head: dict[str, Any]) -> None:
        number = next(iter(head.values()))
        try:
            reply = {**head, "value": work()}
            protocol.encode(reply)
        except BaseException as error:  # noqa: BLE001 - whatever a submission raises is an answer
            self._last = error
            reply = {"exc": number, **describe_exception(error, self._folder)}
        else:
            self._last = None
        # Whatever the submission put in their place.
        for stream in (sys.stdout, sys.stderr, sys.__stdout__):
            with contextlib.suppress(BaseException):
                stream.flush()  # type: ignore[union-attr]
        protocol.send(self._channel, reply, within_s=_REPLY_WITHIN_S)

    def _load(  # noqa: PLR0913 - the fields of one frame
        self,
        *,
        folder: str,
        stage_address: str,
        seed: int,
        start_method: str | None,
        rewrite: str | None,
        prepare: str | None,
        scenarios: str | None,
    ) -> list[str]:
        """Load the submission, then the scenarios; return the submission's names."""
        self._folder = folder
        sys.path.insert(0, folder)
        random.seed(seed)
        os.environ[stage.ADDRESS_VARIABLE] = stage_address
        if start_method:
            multiprocessing.set_start_method(start_method, force=True)
        if prepare:
            _named(prepare)()
        # What a student's warning says belongs into the output, once per place.
        warnings.resetwarnings()
        solution = _load_solution(folder, _named(rewrite) if rewrite else None)
        if scenarios:
            self._scenarios = importlib.import_module(scenarios)
        return sorted(name for name in vars(solution) if not name.startswith("_"))

    def _call(self, target: str, args: Mapping[str, Any]) -> Any:
        if target in _ABOUT_SCENARIOS:
            scenario = getattr(self._scenarios, args["scenario"])
            return _ABOUT_SCENARIOS[target](**{**args, "scenario": scenario})
        function = _BUILT_IN.get(target) or getattr(self._scenarios, target)
        return function(**args)


def _load_solution(
    folder: str, rewrite: Callable[[str, str], Any] | None
) -> types.ModuleType:
    """Import the submission, rewritten on the way if a check asks for it."""
    if rewrite is None:
        return importlib.import_module("solution")
    path = str(Path(folder) / "solution.py")
    source = Path(path).read_text(encoding="utf-8")
    module = types.ModuleType("solution")
    module.__file__ = path
    sys.modules["solution"] = module
    exec(rewrite(source, path), module.__dict__)  # noqa: S102 - running it is the purpose
    return module


def _named(path: str) -> Callable[..., Any]:
    """Return the function `package.module:name` of ours that a check asked for."""
    module, _, name = path.partition(":")
    function: Callable[..., Any] = getattr(importlib.import_module(module), name)
    return function


def describe_exception(error: BaseException, folder: str) -> dict[str, Any]:
    """Return an exception as plain data: type, text, and the student's own frames only."""
    try:
        text = _readable(str(error)[:_TEXT_CHARS]).replace(f"{folder}/", "")
    except BaseException:  # noqa: BLE001 - the submission's own __str__
        text = "(its text cannot be read)"
    frames = []
    trace = error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        if folder and code.co_filename == f"{folder}/solution.py":
            frames.append(
                {
                    "file": Path(code.co_filename).name,
                    "line": trace.tb_lineno,
                    "function": code.co_name,
                    "code": linecache.getline(
                        code.co_filename, trace.tb_lineno
                    ).strip()[:_TEXT_CHARS],
                }
            )
        trace = trace.tb_next
    return {
        "type": type(error).__name__,
        "bases": [base.__name__ for base in type(error).__mro__],
        "text": text,
        "trace": frames[-_FRAMES:],
    }


def _readable(text: str) -> str:
    """Return the text with half surrogate pairs, which no frame takes, as escapes."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _signatures() -> dict[str, Any]:
    """Describe the submission's public callables, for the check against the starter."""
    found: dict[str, Any] = {}
    for name, value in list(vars(sys.modules["solution"]).items()):
        if name.startswith("_"):
            continue
        if callable(value):
            found[name] = _parameters(value, bound=False)
        if isinstance(value, type):
            found |= _members(name, value)
    return found


def _members(name: str, value: type) -> dict[str, Any]:
    import inspect  # noqa: PLC0415 - only the first look needs it

    found: dict[str, Any] = {}
    for member in dir(value):
        attribute = getattr(value, member, None)
        if callable(attribute) and not member.startswith("__"):
            static = inspect.getattr_static(value, member)
            bound = hasattr(type(static), "__get__") and not isinstance(
                static, classmethod | staticmethod
            )
            found[f"{name}.{member}"] = _parameters(attribute, bound=bound)
        elif not member.startswith("_"):
            found[f"{name}.{member}"] = None
    return found


def _parameters(value: object, *, bound: bool) -> list[dict[str, Any]] | None:
    """Return what a callable takes, or None if it does not tell.

    Of what binds to an instance the first one is left out, whatever it is called.
    """
    import inspect  # noqa: PLC0415 - only the first look needs it

    try:
        signature = inspect.signature(value)  # type: ignore[arg-type]
    except Exception:  # noqa: BLE001 - the submission's own __signature__ may raise
        return None
    parameters = list(signature.parameters.values())
    if parameters and parameters[0].kind <= inspect.Parameter.POSITIONAL_OR_KEYWORD:
        del parameters[: int(bound)]
    return [
        {"name": p.name, "kind": p.kind.name, "required": p.default is p.empty}
        for p in parameters
    ]


def _threads() -> list[str]:
    return sorted(thread.name for thread in threading.enumerate())


def _explore(**args: Any) -> dict[str, Any]:
    from racecourse.sandbox import exploring  # noqa: PLC0415 - only race checks need it

    return exploring.explore(**args)


def _replay(**args: Any) -> dict[str, Any]:
    from racecourse.sandbox import exploring  # noqa: PLC0415 - only replays need it

    return exploring.replay(**args)


def _plan_stalls(**args: Any) -> list[list[str]]:
    from racecourse.sandbox import stalling  # noqa: PLC0415 - only race checks need it

    return stalling.plan(**args)


def _find_stall(**args: Any) -> list[str]:
    from racecourse.sandbox import stalling  # noqa: PLC0415 - only replays need it

    return stalling.find(**args)


def _run_stalled(**args: Any) -> Any:
    from racecourse.sandbox import stalling  # noqa: PLC0415 - only race checks need it

    return stalling.run(**args)


_ABOUT_SCENARIOS: dict[str, Callable[..., Any]] = {
    "racecourse.find_stall": _find_stall,
    "racecourse.plan_stalls": _plan_stalls,
    "racecourse.run_stalled": _run_stalled,
}
_BUILT_IN: dict[str, Callable[..., Any]] = {
    "racecourse.explore": _explore,
    "racecourse.replay": _replay,
    "racecourse.signatures": _signatures,
    "racecourse.threads": _threads,
}
