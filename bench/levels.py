"""Do right submissions keep every point, at every level of confinement? Counts.

    python bench/levels.py                        every level and start method there is
    python bench/levels.py --level root --method spawn
    python bench/levels.py --write                and the table in docs/trust.md

Grades the reference of each exercise with `grade verify`, as a user for whom the level is
meant: as root, the levels of other users are tried as an unprivileged one.
"""

import argparse
import multiprocessing
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests import levels  # noqa: E402 - found by the line above

PAGE = ROOT / "docs" / "trust.md"
BEGIN, END = "<!-- levels: begin -->", "<!-- levels: end -->"
WITHIN_S = 900


def lost_at(name: str, method: str) -> tuple[int, list[str]]:
    """Grade all references; return how many kept every point, and what the others lost."""
    level = levels.level_named(name)
    with tempfile.TemporaryDirectory(prefix="rc-levels-") as folder:
        Path(folder).chmod(0o711)  # other users pass through
        options = ("--sandbox", name, "--start-method", method, "--format", "json")
        command = ("-m", "cli", "verify", "--only", "reference", *options)
        rows = levels.run_at(
            level, Path(folder) / "home", *command, within_s=WITHIN_S, codes=(0, 1)
        )["rows"]
    lost = [
        f"{r['exercise']}: {'; '.join(r['problems'])}" for r in rows if r["problems"]
    ]
    return len(rows) - len(lost), lost


def main() -> None:
    """Measure, print, and write the table if asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--level", action="append")
    parser.add_argument("--method", action="append")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    methods = options.method or multiprocessing.get_all_start_methods()
    table = f"| level | {' | '.join(methods)} |\n|---|{'---|' * len(methods)}\n"
    for name in options.level or levels.NAMES:
        with tempfile.TemporaryDirectory(prefix="rc-levels-") as folder:
            Path(folder).chmod(0o711)
            if not levels.offered(name, Path(folder)):
                print(f"{name}: not offered here")
                continue
        cells = []
        for method in methods:
            kept, lost = lost_at(name, method)
            print(f"{name}, {method}: {kept} kept every point {lost}", flush=True)
            cells.append(f"{kept} of {kept + len(lost)}")
        table += f"| {name} | {' | '.join(cells)} |\n"
    if options.write:
        head, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
        _, _, tail = rest.partition(END)
        PAGE.write_text(f"{head}{BEGIN}\n{table}{END}{tail}", encoding="utf-8")


if __name__ == "__main__":
    main()
