"""Python's own tests pass on the controlled library, under many schedules each.

`Lib/test` is what the authors of `threading`, `queue`, `sched`, `concurrent.futures`
and `asyncio` promise. Each of its test methods is run here as a program: under the
serial schedule, under random walks and under PCT, with fixed seeds. What a program
sees of the library is therefore what Python's own tests demand, whatever the schedule.
"""

from __future__ import annotations

import functools
import sys
from fnmatch import filter as filter_names
from fnmatch import fnmatchcase

import pytest
from stdlib_cases import (
    Stand,
    StdlibCase,
    cases_of,
    has_module,
    skips_itself,
    strategies,
)
from stdlib_left_out import LEFT_OUT, left_out

VERSION = "{}.{}".format(*sys.version_info)
WALKS, PCTS = 6, 3
_POOLS = "test.test_concurrent_futures"
_AIO = "test.test_asyncio"
MODULES: dict[str, tuple[str, ...]] = {
    "test.test_thread": ("test.lock_tests",),
    "test.test_threading": ("test.lock_tests",),
    "test.test_threading_local": (),
    "test.test_queue": (),
    "test.test_sched": (),
    **{
        f"{_POOLS}.{name}": (f"{_POOLS}.util", f"{_POOLS}.executor")
        for name in (
            *("test_thread_pool", "test_wait", "test_as_completed", "test_future"),
            *("test_init", "test_shutdown"),
        )
    },
    **{
        f"{_AIO}.{name}": ()
        for name in (
            *("test_locks", "test_queues", "test_taskgroups", "test_timeouts"),
            *("test_waitfor", "test_threads"),
        )
    },
}
"""Test modules, each with those that it imports and that are rewritten with it.

Some distributions install fewer of them; what is there is run."""
PRESENT = [name for name in MODULES if has_module(name)]


def is_left_out(case: StdlibCase) -> bool:
    """Tell whether the table names a test."""
    return any(fnmatchcase(case.name, name) for name in left_out(case.module, VERSION))


CASES = [
    case
    for module in PRESENT
    for case in cases_of(module)
    if not skips_itself(case) and not is_left_out(case)
]
stand_for = functools.cache(lambda module: Stand(module, MODULES[module]))


def test_this_python_was_installed_with_its_tests():
    if not PRESENT:
        pytest.skip(
            "This Python was installed without its own tests (Debian has them in "
            "libpython3-testsuite), so nothing can be said here."
        )
    assert len(CASES) > 300


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.module}.{case.name}")
def test_what_the_library_promises_holds_under_every_schedule(case: StdlibCase):
    for number, strategy in enumerate(strategies(WALKS, PCTS)):
        failure = stand_for(case.module).execute(case, strategy)
        assert failure is None, f"schedule {number}: {failure}"


@pytest.mark.parametrize("module", [name for name in PRESENT if name in LEFT_OUT])
def test_whatever_is_left_out_exists(module: str):
    known = [case.name for case in cases_of(module)]
    for name in left_out(module, VERSION):
        assert filter_names(known, name), name
