"""A thousand gradings in a row: does anything stay behind, does any verdict change?

    python bench/endurance.py                  # 1,000 gradings
    python bench/endurance.py --runs 50 --sandbox plain

Right, wrong and hostile submissions to the smallest exercise, mixed, all graded by one
process. Each one's verdicts must be those that it gets alone. Before and after, what could
leak is counted: processes below us, open file descriptors, threads, mounts, control
groups, temporary files, shared memory.
"""

import argparse
import collections
import os
import random
import sys
import tempfile
import threading
import time
from pathlib import Path

import psutil

from racecourse.grading import catalogue, intake
from racecourse.grading.journal import Journal
from racecourse.grading.run import Options, grade
from racecourse.sandbox import tree
from racecourse.sandbox.linux import cgroups

ROOT = Path(__file__).resolve().parent.parent
_RIGHT = (ROOT / "bench/tiny/reference/ex01_counter/solution.py").read_text("utf-8")
_BEGIN = _RIGHT.index("class Counter")
_HOSTILE = {
    "exits": "import os\nos._exit(0)\n",
    "child": "import os, time\nif os.fork() == 0:\n    os.setsid()\n    time.sleep(99)\n",
    "daemon": (
        "import os, time\nif os.fork() == 0:\n    os.setsid()\n"
        "    if os.fork() == 0:\n        time.sleep(99)\n    os._exit(0)\n"
    ),
    "shared": (
        "from multiprocessing import shared_memory, resource_tracker\n"
        "resource_tracker.register = lambda *a: None\n"
        "shared_memory.SharedMemory(create=True, size=1 << 20)\n"
    ),
    "files": "for n in range(50):\n    open(f'f{n}', 'w').close()\n",
    "prints": "print('x' * 100_000)\n",
    "garbage": (
        "import contextlib, os\nfor fd in range(3, 50):\n"
        "    with contextlib.suppress(OSError):\n        os.write(fd, b'\\0\\0\\0\\4oops')\n"
    ),
    "parent": "import os, signal\ntry:\n    os.kill(os.getppid(), 9)\nexcept OSError: pass\n",
}


def submissions(folder: Path) -> dict[str, Path]:
    """Write every kind of submission; return them by name."""
    texts = {
        "right": _RIGHT,
        "wrong": _RIGHT.replace("+= n", "+= n + 1"),
        **{
            name: code + _RIGHT[_BEGIN:].join(["import threading\n", ""])
            for name, code in _HOSTILE.items()
        },
    }
    paths = {}
    for name, text in texts.items():
        paths[name] = folder / f"{name}.py"
        paths[name].write_text(text, "utf-8")
    return paths


def control_groups() -> list[Path]:
    """Return the control groups of all gradings on the machine."""
    tops = set(cgroups.our_groups().values())
    return [group for top in tops for group in top.glob("racecourse-*")]


def is_orphaned(group: Path) -> bool:
    """Whether the keeper of a control group is gone."""
    return not psutil.pid_exists(int(group.name.rpartition("-")[2]))


def counted() -> dict[str, int]:
    """Count what could leak."""
    mounts = Path("/proc/self/mounts")
    memory = Path("/dev/shm")  # where scratch folders are too, at some levels
    places = (Path(tempfile.gettempdir()), memory)
    return {
        "processes": len(tree.descendants(os.getpid())),
        "threads": threading.active_count(),
        "descriptors": len(list(Path("/proc/self/fd").iterdir())),
        "mounts": len(mounts.read_text().splitlines()) if mounts.exists() else 0,
        "control groups": sum(map(is_orphaned, control_groups())),
        "temporary files": sum(len(list(place.glob("rc-*"))) for place in places),
        "shared memory": len(list(memory.glob("psm_*"))),
    }


def verdicts(path: Path, options: Options, journal: Journal) -> str:
    """Grade once; return the outcome of every check as one text."""
    report = grade(CONTENT, intake.take_in(path), options, journal=journal)
    parts = []
    for each in report.checks:
        cause = each.result.cause.value if each.result.cause else ""
        parts.append(f"{each.check.id} {each.result.verdict.value} {cause}".strip())
    return ", ".join(parts)


CONTENT = next(iter(catalogue.load_course(ROOT / "bench" / "tiny").values()))


def main() -> None:
    """Grade, compare, count."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--sandbox", default="auto")
    parser.add_argument(
        "--seed", type=int, default=random.SystemRandom().randrange(1 << 31)
    )
    options = parser.parse_args()
    rng = random.Random(options.seed)
    how = Options(seed=1, sandbox=options.sandbox)
    tree.adopt_orphans()
    with tempfile.TemporaryDirectory(prefix="endurance-") as place:
        folder = Path(place)
        tempfile.tempdir = str(folder)  # so that no stranger's files are counted
        paths = submissions(folder)
        with Journal(folder / "journal.jsonl") as journal:
            alone = {name: verdicts(path, how, journal) for name, path in paths.items()}
            before, begun = counted(), time.perf_counter()
            changed: collections.Counter[str] = collections.Counter()
            for _ in range(options.runs):
                name = rng.choice(list(paths))
                seen = verdicts(paths[name], how, journal)
                if seen != alone[name]:
                    changed[f"{name}: {seen} instead of {alone[name]}"] += 1
            after = counted()
    wall = time.perf_counter() - begun
    leaked = {
        name: after[name] - before[name]
        for name in after
        if after[name] != before[name]
    }
    print(
        f"{options.runs} gradings of {len(paths)} submissions, seed {options.seed},"
        f" sandbox {options.sandbox}, Python {sys.version.split()[0]}: {wall:.0f} s,"
        f" {changed.total()} verdicts changed, leaked: {leaked or 'nothing'}"
    )
    for change, times in changed.most_common():
        print(f"  {times}x {change}")
    sys.exit(bool(changed or leaked))


if __name__ == "__main__":
    main()
