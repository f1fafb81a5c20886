"""Submissions that attack: each loses the checks concerned, and nothing is left running."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from tests.conftest import Course, Probe

pytestmark = pytest.mark.usefixtures("nothing_left")

_HELP = """
import atexit, contextlib, json, os, signal, socket, struct, subprocess, sys, threading
import time

def frame(message):
    body = json.dumps(message).encode()
    return struct.pack(">I", len(body)) + body

def everywhere(data):
    for fd in range(3, 200):
        with contextlib.suppress(OSError):
            os.write(fd, data)

def connect():
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(os.environ["RACECOURSE_STAGE"])
    return connection
"""

_LEAVING_NOTHING = """
with submission.leaving_nothing():
    seen = submission.call("{name}")
must.equal(seen, 42, what="answer")
"""


@dataclass(frozen=True)
class Attack:
    """What a submission does in one check, and the outcomes that are right."""

    name: str
    code: str
    outcomes: frozenset[str]
    test: str = ""
    limits: tuple[tuple[str, float], ...] = ()


def attack(name: str, code: str, *outcomes: str, test: str = "", **limits: float):
    return Attack(name, code, frozenset(outcomes), test, tuple(limits.items()))


ATTACKS = {
    "ends itself": [
        attack("hangs", "threading.Event().wait()", "hang"),
        attack("spins", "while True: pass", "hang"),
        attack("segfaults", "os.kill(os.getpid(), 11)", "crash"),
        attack("exits", "os._exit(0)", "crash"),
        attack("exits_system", "raise SystemExit(0)", "crash"),
        attack("interrupts", "raise KeyboardInterrupt", "wrong-result"),
        attack("stops", "os.kill(os.getpid(), signal.SIGSTOP)", "hang"),
        attack("dies_with_child", "os.fork() or time.sleep(99); os.abort()", "crash"),
        attack(
            "broken_text",
            "class E(BaseException):\n    def __str__(self): raise SystemExit\nraise E",
            "wrong-result",
        ),
        attack("surrogate", r"raise ValueError('\ud800')", "wrong-result"),
        attack("kills_keeper", "os.kill(os.getppid(), 9); time.sleep(99)", "crash"),
        attack(
            "stops_keeper", "os.kill(os.getppid(), signal.SIGSTOP); return 42", "passed"
        ),
        attack(
            "orphans",
            "for _ in range(3):\n"
            "    if os.fork() == 0:\n"
            "        os.setsid()\n"
            "        if os.fork() == 0:\n"
            "            signal.signal(15, signal.SIG_IGN); time.sleep(99)\n"
            "        os._exit(0)\n"
            "os.kill(os.getppid(), 9); time.sleep(99)",
            "crash",
        ),
    ],
    "leaves things": [
        attack(
            "thread",
            "threading.Thread(target=time.sleep, args=(99,)).start(); return 42",
            "left-behind",
            test=_LEAVING_NOTHING,
            wall_s=4,
        ),
        attack(
            "child",
            "if os.fork() == 0:\n"
            "    signal.signal(15, signal.SIG_IGN); time.sleep(99)\n"
            "return 42",
            "left-behind",
            test=_LEAVING_NOTHING,
            wall_s=4,
        ),
        attack(
            "session",
            "subprocess.Popen(['sleep', '99'], start_new_session=True); return 42",
            "left-behind",
            test=_LEAVING_NOTHING,
            wall_s=4,
        ),
        attack(
            "daemon",
            "if os.fork() == 0:\n"
            "    os.setsid()\n"
            "    if os.fork() == 0:\n"
            "        os.closerange(0, 100); time.sleep(99)\n"
            "    os._exit(0)\n"
            "return 42",
            "left-behind",
            test=_LEAVING_NOTHING,
            wall_s=4,
        ),
        attack(
            "spinning",
            "def spin():\n"
            "    while True: pass\n"
            "threading.Thread(target=spin).start(); return 42",
            "passed",
        ),
        attack(
            "no_scratch",
            "import shutil; shutil.rmtree(os.getcwd()); return 42",
            "passed",
        ),
        attack(
            "deep_scratch",
            "for _ in range(3000):\n    os.mkdir('d'); os.chdir('d')\nreturn 42",
            "passed",
            wall_s=5,
        ),
        attack(
            "full_scratch",
            "for n in range(500): open(f'f{n}', 'w').close()\nreturn 42",
            "passed",
            wall_s=5,
        ),
        attack("group", "os.kill(0, 0); os.fork() or os.setsid(); return 42", "passed"),
    ],
    "passes limits": [
        attack(
            "prints", "while True: print('x' * 100000)", "output-limit", output_mib=2
        ),
        attack(
            "prints_and_dies",
            "print('last words', flush=True); os.kill(os.getpid(), 9)",
            "crash",
        ),
        attack(
            "grows",
            "kept = []\nwhile True: kept.append(bytearray(1 << 20)); time.sleep(.002)",
            "memory",
            wall_s=5,
            memory_mib=150,
        ),
        attack(
            "grows_and_prints",
            "kept = []\n"
            "while True:\n"
            "    kept.append(bytearray(1 << 20)); print(1, flush=True); time.sleep(.002)",
            "memory",
            wall_s=5,
            memory_mib=150,
        ),
        attack("huge", "return len(bytearray(1 << 44))", "memory"),
        attack(
            "forks",
            "while True:\n    if os.fork() == 0: time.sleep(99)",
            "processes",
            "crash",
            wall_s=5,
            processes=10,
        ),
        attack("burns", "while True: pass", "timeout", wall_s=9, cpu_s=1),
        attack(
            "large_file",
            "with open('f', 'wb') as f:\n    while True: f.write(bytes(1 << 20))",
            "wrong-result",
            file_mib=2,
        ),
    ],
    "talks": [
        attack(
            "garbage",
            "everywhere(b'\\0\\0\\0\\4oops'); return 42",
            "protocol-violation",
        ),
        attack(
            "oversize",
            "everywhere(struct.pack('>I', 1 << 30)); return 42",
            "protocol-violation",
        ),
        attack(
            "no_value",
            "everywhere(frame({'ret': 1})); return 42",
            "protocol-violation",
        ),
        attack(
            "odd_exception",
            "everywhere(frame({'exc': 1, 'trace': [5]})); return 42",
            "protocol-violation",
        ),
        attack(
            "long_exception",
            "everywhere(frame({'exc': 1, 'text': 'x' * 900000})); return 42",
            "wrong-result",
        ),
        attack(
            "wrong_number",
            "everywhere(frame({'ret': 9, 'value': 42})); return 42",
            "protocol-violation",
        ),
        attack(
            "second_reply",
            "everywhere(frame({'ret': 1, 'value': 42}) * 2); return 42",
            "protocol-violation",
            test='submission.call("{name}")\nsubmission.call("{name}")',
        ),
        attack("drips", "everywhere(b'\\0\\0'); time.sleep(99)", "hang"),
        attack("closes", "os.closerange(0, 100); return 42", "crash"),
        attack(
            "equal",
            "class E:\n    def __eq__(self, other): return True\nreturn E()",
            "wrong-result",
        ),
        attack("subclass", "class I(int): pass\nreturn I(41)", "wrong-result"),
        attack("nan", "return float('nan')", "wrong-result"),
        attack("stdout", "sys.stdout = sys.stderr = None; return 42", "passed"),
    ],
    "patches": [
        attack("time_", "time.monotonic = time.sleep = None; return 42", "passed"),
        attack("json_", "json.dumps = json.loads = None; return 42", "crash"),
        attack(
            "threads_", "threading.Thread = threading.Lock = None; return 42", "passed"
        ),
        attack("socket_", "socket.socket.send = None; return 42", "passed", "crash"),
        attack(
            "nonsense",
            "for data in (b'\\0', b'\\0\\0\\0\\4oops', b'\\xff' * 9,\n"
            "    frame({'op': 'meet', 'name': [], 'pid': 1, 'tid': 1,\n"
            "           'parties': 2, 'within_s': 1e308}),\n"
            "    frame({'op': 'note', 'name': 'n', 'pid': 1, 'tid': 1, 'data': [1]})):\n"
            "    connect().sendall(data)\n"
            "from racecourse.sandbox import stage\n"
            "stage.note('still there'); return 42",
            "passed",
        ),
        attack(
            "connections",
            "kept = []\n"
            "for _ in range(1000):\n"
            "    with contextlib.suppress(OSError): kept.append(connect())\n"
            "return 42",
            "passed",
            wall_s=5,
        ),
    ],
}


def _source(attacks: list[Attack]) -> str:
    bodies = "\n\n".join(
        f"def {each.name}():\n"
        + "".join(f"    {line}\n" for line in each.code.splitlines())
        for each in attacks
    )
    return f"{_HELP}\n\ndef first():\n    return 42\n\n\ndef last():\n    return 42\n\n\n{bodies}"


@pytest.mark.parametrize("group", ATTACKS)
def test_an_attack_costs_the_check_it_is_made_in(
    group: str, make_course: Callable[..., Course]
):
    attacks = ATTACKS[group]
    probes = [
        Probe(
            id=each.name.upper(),
            test=each.test.format(name=each.name),
            limits=dict(each.limits),
        )
        for each in attacks
    ]
    course = make_course(
        Probe(id="FIRST", limits={"wall_s": 5}),
        *probes,
        Probe(id="LAST", limits={"wall_s": 5}),
        submission=_source(attacks),
    )
    report = course.grade(lanes=4)
    seen = {each["id"]: _outcome(each) for each in report["checks"]}
    assert (seen.pop("FIRST"), seen.pop("LAST")) == ("passed", "passed")
    wrong = {
        each.name: (seen[each.name.upper()], sorted(each.outcomes))
        for each in attacks
        if seen[each.name.upper()] not in each.outcomes
    }
    assert wrong == {}
    assert report["max_score"] == 100
    assert course.left() == []


@pytest.mark.parametrize(
    ("code", "cause"),
    [
        ("raise SystemExit(0)", "crash"),
        ("raise KeyboardInterrupt", "wrong-result"),
        ("import os; os._exit(0)", "crash"),
        ("import os; os.kill(os.getpid(), 11)", "crash"),
        (
            "class E(BaseException):\n    def __str__(self): raise self\nraise E",
            "wrong-result",
        ),
    ],
)
def test_an_attack_while_it_is_imported_costs_every_check(
    code: str, cause: str, make_course: Callable[..., Course]
):
    course = make_course(Probe(id="A"), Probe(id="B"), submission=code)
    report = course.grade()
    assert [_outcome(each) for each in report["checks"]] == [cause, cause]
    assert course.left() == []


def _outcome(check: dict[str, Any]) -> str:
    outcome: str = check["cause"] or check["verdict"]
    return outcome
