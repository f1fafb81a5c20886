"""One run of one cell, in an interpreter of its own: ready, go, answers."""

import json
import sys
from time import perf_counter

from racecourse.lab.ways import do
from racecourse.model.lab import Cell, Work


def main() -> None:
    """Say that we are ready, wait for the word, do the work, tell how long it took."""
    cell, work, port = map(json.loads, sys.argv[1:])
    print("{}", flush=True)  # noqa: T201 - the watcher reads it
    sys.stdin.readline()
    begun = perf_counter()
    answers = do(Cell(**cell), Work(**work), port)
    seconds = perf_counter() - begun
    print(json.dumps({"seconds": seconds, "answers": answers}), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
