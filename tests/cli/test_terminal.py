"""On a terminal: colours, a live table, and Ctrl-C that leaves nothing running."""

# ruff: noqa: ANN001, ANN002, ANN202, ANN204
# Fixtures need no types, as in the graders.

import fcntl
import os
import pty
import re
import select
import subprocess
import sys
import termios
from pathlib import Path
from time import monotonic

import pytest

from tests.conftest import hear_interrupts

_ROOT = Path(__file__).parent.parent.parent
TINY = _ROOT / "bench" / "tiny"
RIGHT = TINY / "reference" / "ex01_counter" / "solution.py"
_WITHIN_S = 60

# Its check never ends, and a child that heeds no signal never ends either. Both hold the
# pipe open: its end is the proof that they are gone.
# Where a submission can reach a pipe of ours.
PLAIN = ("--sandbox", "plain")
STUCK = """\
import os, signal, threading

class Counter:
    def add(self, n=1): ...

    def value(self):
        pipe = os.open({pipe!r}, os.O_WRONLY)
        if os.fork() == 0:
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(number, signal.SIG_IGN)
            os.setsid()
            os.write(pipe, b"child ")
        else:
            os.write(pipe, b"parent ")
        threading.Event().wait()
"""


def _own_the_terminal() -> None:
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    hear_interrupts()


class Terminal:
    """A command on a terminal of its own; what it writes is collected."""

    def __init__(self, words, cwd, env):
        self.screen, inside = pty.openpty()
        self.process = subprocess.Popen(
            [sys.executable, str(_ROOT / "cli.py"), *map(str, words)],
            cwd=cwd,
            env=env,
            stdin=inside,
            stdout=inside,
            stderr=inside,
            start_new_session=True,
            preexec_fn=_own_the_terminal,  # noqa: PLW1509 - no other thread runs here
        )
        os.close(inside)

    def type(self, keys: bytes) -> None:
        """Press keys."""
        os.write(self.screen, keys)

    def read_to_the_end(self) -> str:
        """Return all that was written; the end comes when nobody holds the terminal."""
        seen = bytearray()
        try:
            while part := read_soon(self.screen):
                seen += part
        except OSError:  # how Linux says that the last process has gone
            pass
        finally:
            os.close(self.screen)
        self.process.wait(_WITHIN_S)
        return seen.decode("utf-8")


def read_soon(fd: int) -> bytes:
    ready, _, _ = select.select([fd], [], [], _WITHIN_S)
    assert ready, "nothing came, and it did not end"
    return os.read(fd, 1 << 16)


@pytest.fixture
def terminal(home, environment):
    def start(*words, env=None):
        words = (*words, "--course", TINY)
        return Terminal(words, home, {**environment, **(env or {})})

    return start


def test_a_terminal_gets_colours_and_a_live_table(terminal):
    seen = terminal("ex1", RIGHT).read_to_the_end()
    assert re.search(r"\x1b\[32m *passed", seen)
    assert "waiting" in seen
    assert "running" in seen
    assert seen.rindex("\x1b[?25h") > seen.rindex("\x1b[?25l")  # the cursor is back


def test_no_color_and_dumb_terminals_get_plain_text(terminal):
    for env in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        seen = terminal("ex1", RIGHT, env=env).read_to_the_end()
        assert "100 of 100 points" in seen
        assert "\x1b" not in seen


def test_a_pipe_gets_no_escape_sequences_and_no_rich(grade):
    done = grade("ex1", RIGHT)
    assert "\x1b" not in done.stdout + done.stderr
    traced = grade("ex1", RIGHT, env={"PYTHONPROFILEIMPORTTIME": "1"})
    imported = {row.rpartition("|")[2].strip() for row in traced.stderr.splitlines()}
    assert "click" in imported
    assert not {name for name in imported if name.partition(".")[0] == "rich"}


@pytest.fixture
def stuck(home):
    """A submission that is stuck, and the pipe that it holds."""
    pipe = home / "pipe"
    os.mkfifo(pipe)
    (home / "solution.py").write_text(STUCK.format(pipe=str(pipe)), encoding="utf-8")
    fd = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    yield fd
    os.close(fd)


def await_stuck(fd: int) -> None:
    """Return once the submission and its child both hold the pipe."""
    seen = b""
    deadline = monotonic() + _WITHIN_S
    poller = select.poll()
    poller.register(fd, select.POLLIN)
    while seen.count(b" ") < 2:
        assert monotonic() < deadline, seen
        if any(event & select.POLLIN for _, event in poller.poll(1000)):
            seen += os.read(fd, 100)


def demand_nobody_holds(fd: int) -> None:
    """Read the pipe to its end, which comes when the last process that held it is gone."""
    while read_soon(fd):
        pass


def test_ctrl_c_shows_what_is_known_and_leaves_nothing_running(terminal, stuck):
    run = terminal("ex1", "solution.py", *PLAIN, "--only", "C1", "--only", "R1")
    await_stuck(stuck)
    run.type(b"\x03")
    seen = run.read_to_the_end()
    demand_nobody_holds(stuck)
    assert run.process.returncode == 130
    assert "so far: you stopped it when" in seen
    assert "Traceback" not in seen


def test_a_second_ctrl_c_does_not_disturb_the_clean_up(terminal, stuck):
    run = terminal("ex1", "solution.py", *PLAIN, "--only", "C1")
    await_stuck(stuck)
    run.type(b"\x03")
    run.type(b"\x03")
    run.read_to_the_end()
    demand_nobody_holds(stuck)
    assert run.process.returncode == 130


def test_termination_is_as_orderly_as_ctrl_c(terminal, stuck):
    run = terminal("ex1", "solution.py", *PLAIN, "--only", "C1")
    await_stuck(stuck)
    run.process.terminate()
    run.read_to_the_end()
    demand_nobody_holds(stuck)
    assert run.process.returncode == 130
