"""Programs whose schedules are explored: small, whole, and checked by their own asserts.

Many make both executors and then use one. A pool of processes starts none before it has
work, so one that gets none can stand here; whoever gives it work is told by the engine
that it cannot schedule processes, and nothing is held against anybody.
"""

import time
from concurrent import futures

import solution

_ran = []
_refused = []


class _IdleProcesses(futures.Executor):
    real = getattr(futures.ProcessPoolExecutor, "real", futures.ProcessPoolExecutor)

    def __init__(self, *_args, **_options):
        self._processes = {}

    def submit(self, *_args, **_options):
        return self._refuse()

    def __getattr__(self, name):  # whatever else one may look for in a pool
        return self._refuse()

    def _refuse(self):
        _refused.append(1)
        return self.real()  # the engine's own words


# By whichever of the two names it is called.
futures.ProcessPoolExecutor = _IdleProcesses
if hasattr(solution, "ProcessPoolExecutor"):
    solution.ProcessPoolExecutor = _IdleProcesses


def _tenfold(number):
    _ran.append(number)
    # On the engine's clock, which costs nothing: the caller hands out all it wants to,
    # and then tasks end at one moment in both threads, with their callbacks.
    time.sleep(10)  # noqa: TID251 - see above
    return number * 10


def _on_two_threads(*numbers):
    _ran.clear()
    _refused.clear()
    tasks = [solution.Task(str(n), _tenfold, (n,), "io") for n in numbers]
    expected = [n * 10 for n in numbers]
    try:
        values = [outcome.value for outcome in solution.run_with("thread", tasks, 2)]
        assert values == expected, f"{expected} expected, got {values!r}"
        assert len(_ran) == len(numbers), f"{len(numbers)} tasks, {len(_ran)} were run"
    finally:
        if _refused:  # in case it was caught: what came of it is not to be judged
            _IdleProcesses.real()


def pair():
    """A thread for each of two tasks: so few orders that those with two delays fit."""
    _on_two_threads(1, 2)


def queueing():
    """Two threads share three tasks: one has to wait."""
    _on_two_threads(1, 2, 3)
