"""The attack battery: one file for each attack, and a course in which they are graded.

An attack is a file `attacks/GROUP/NAME.py` with a function `attack()`. Its docstring
says what it tries, and then, each on a line of its own:

    Outcomes: hang | crash             what may come of it, as causes or verdicts
    Outcomes at root, user: passed     the same where that differs by level
    Limits: wall_s=4                   the check's limits, where the usual ones do not do
    Test: guess                        which test it must not pass; see `_TESTS`
    Levels: root, user                 where it is held back; elsewhere it is not made
"""

import re
from dataclasses import dataclass
from pathlib import Path

from racecourse.sandbox.levels import LEVELS

ATTACKS = Path(__file__).parent / "attacks"
GROUPS = sorted(folder.name for folder in ATTACKS.iterdir() if folder.is_dir())

_HELP = """
import atexit, contextlib, json, os, signal, socket, struct, subprocess, sys, tempfile
import threading, time

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
_PLAIN = 'must.equal(submission.call("{name}"), 42, what="answer")'
# What the grader asks; an attack must not make it pass without doing what is asked.
_TESTS = {
    "": _PLAIN,
    "hidden": _PLAIN,
    "one": 'must.equal(submission.call("{name}"), 1, what="answer")',
    "twice": 'submission.call("{name}")\nsubmission.call("{name}")',
    "guess": (
        "n = draw.randrange(1000, 10**9)\n"
        'must.equal(submission.call("{name}"), n, what="answer")'
    ),
    "gets nothing": (
        'seen = submission.call("{name}")\nmust.hold(not seen, f"It got {{seen}}.")'
    ),
    "leaves nothing": (
        "with submission.leaving_nothing():\n"
        '    seen = submission.call("{name}")\n'
        'must.equal(seen, 42, what="answer")'
    ),
    "overlap": (
        'submission.call("{name}")\n'
        'must.hold(submission.stage.peak("work") >= 3, "Nothing overlapped.")'
    ),
}
_LINE = re.compile(r"^(\w+)(?: at ([\w, ]+))?: (.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Attack:
    """One attack: what it does, and what may come of it."""

    group: str
    name: str
    source: str
    outcomes: dict[str, frozenset[str]]  # by level; "" for the others
    limits: str
    test: str
    levels: frozenset[str]

    @property
    def id(self) -> str:
        """The id of its check."""
        return self.name.upper()

    def outcomes_at(self, level: str) -> frozenset[str]:
        """What may come of it at a level."""
        return self.outcomes.get(level, self.outcomes[""])


def attacks_of(group: str) -> list[Attack]:
    """Return the attacks of a group, by name."""
    return [_read(path) for path in sorted((ATTACKS / group).glob("*.py"))]


def _read(path: Path) -> Attack:
    source = path.read_text("utf-8")
    docstring = source.split('"""')[1]
    outcomes: dict[str, frozenset[str]] = {}
    found = {"Limits": "", "Test": "", "Levels": ""}
    for key, levels, value in _LINE.findall(docstring):
        if key == "Outcomes":
            allowed = frozenset(value.split(" | "))
            outcomes |= dict.fromkeys(levels.split(", "), allowed)
        else:
            found[key] = value
    named = frozenset(found["Levels"].split(", ")) if found["Levels"] else None
    return Attack(
        group=path.parent.name,
        name=path.stem,
        source=source,
        outcomes=outcomes,
        limits=found["Limits"],
        test=found["Test"],
        levels=named or frozenset(level.name for level in LEVELS),
    )


def write_course(root: Path, attacks: list[Attack], places: dict[str, object]) -> Path:
    """Write a course with a check for each attack, and one before and after them.

    Args:
        root: Where; must be there.
        attacks: What is tried.
        places: Names that the attacks may use, such as the path of a secret.

    Returns:
        The submission that makes them all.
    """
    slug = "ex01_attacked"
    ids = ["FIRST", *(attack.id for attack in attacks), "LAST"]
    tables = [
        _table("FIRST", 100 / len(ids), "wall_s = 9", hidden=False),
        *(
            _table(
                a.id,
                100 / len(ids),
                a.limits.replace(", ", "\n"),
                hidden=a.test == "hidden",
            )
            for a in attacks
        ),
        _table("LAST", 100 / len(ids), "wall_s = 9", hidden=False),
    ]
    tests = "".join(
        _test(id_, (_TESTS[test]).format(name=id_.lower()))
        for id_, test in [
            ("FIRST", ""),
            *((a.id, a.test) for a in attacks),
            ("LAST", ""),
        ]
    )
    scenarios = "import solution\n\n\n" + "\n\n".join(
        f"def {id_.lower()}():\n    return solution.{id_.lower()}()\n" for id_ in ids
    )
    head = (
        f'[exercise]\nid = "ex1"\nslug = "{slug}"\ntitle = "-"\nsummary = "-"\n'
        '[limits]\nwall_s = 2\n[[promises]]\nid = 1\ntext = "-"\n'
    )
    for path, text in {
        f"exercises/{slug}/exercise.toml": head + "".join(tables),
        f"graders/{slug}/test_probe.py": "from racecourse.checks import check, must\n\n\n"
        + tests,
        f"graders/{slug}/scenarios.py": scenarios,
        "graders/pytest.ini": "[pytest]\ntestpaths =\n",
        f"starter/{slug}/solution.py": "",
        "submission.py": _submission(attacks, places),
    }.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")
    return root / "submission.py"


def _table(check_id: str, points: float, limits: str, *, hidden: bool) -> str:
    visibility = "hidden" if hidden else "visible"
    return (
        f'[[checks]]\nid = "{check_id}"\ncategory = "correctness"\n'
        f'title = "{check_id}"\npromise = 1\npoints = {points!r}\n'
        f'learning = "-"\nquestion = "-"\nvisibility = "{visibility}"\n'
        f"[checks.limits]\n{limits}\n\n"
    )


def _test(check_id: str, body: str) -> str:
    lines = "".join(f"    {line}\n" for line in body.splitlines())
    return (
        f'@check("{check_id}")\n'
        f"def test_{check_id.lower()}(submission, draw):\n{lines}\n\n"
    )


def _submission(attacks: list[Attack], places: dict[str, object]) -> str:
    """Return one module with all attacks, each in a name space of its own."""
    names = "".join(f"{name} = {value!r}\n" for name, value in places.items())
    parts = [
        f"_HELP = {_HELP + names!r}\n",
        "def _run(text):",
        "    space = {}",
        "    exec(_HELP, space)",
        "    exec(compile(text, __file__, 'exec'), space)",
        "    return space['attack']()\n",
        "def first():\n    return 42\n",
        "def last():\n    return 42\n",
    ]
    parts += [f"def {a.name}():\n    return _run({a.source!r})\n" for a in attacks]
    return "\n".join(parts)
