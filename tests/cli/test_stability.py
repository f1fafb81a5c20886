"""`grade verify --stability`: verdicts are counted, loads are loads and end."""

# ruff: noqa: ANN001

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from racecourse.grading import verify
from racecourse.grading.catalogue import find_exercise, load_course
from racecourse.measure.load import HOGS, LOADS
from racecourse.model.stability import Series
from racecourse.report import stability, writers


def test_a_steady_submission_is_counted_as_such(grade):
    """Two gradings of the reference with different seeds, the same verdicts."""
    words = ("--only", "reference", "--stability", "2", "--format", "json")
    done = grade("verify", *words)
    assert done.returncode == 0, done.stderr
    (series,) = json.loads(done.stdout)["series"]
    assert (series["alike"], series["runs"]) == (2, 2)
    assert series["usual"] == "all passed"
    assert series["worst_s"] >= series["median_s"] > 0


def test_shares_cover_every_mutant_once():
    """All right submissions are in each share, and each mutant in exactly one."""
    content = find_exercise("ex3", load_course())
    cases = list(verify.cases_of(content))
    shares = [verify.share_of(cases, number, 4) for number in range(4)]
    mutants = [case.path for share in shares for case in share if case.kind == "mutant"]
    assert sorted(mutants) == sorted(c.path for c in cases if c.kind == "mutant")
    right = [case for case in cases if case.kind != "mutant"]
    assert all([c for c in share if c.kind != "mutant"] == right for share in shares)


def test_one_check_alone_can_be_counted(grade):
    """The starter fails the one check that is judged, and no other is named."""
    words = (
        "--only",
        "starter",
        "--stability",
        "1",
        "--check",
        "C1",
        "--format",
        "json",
    )
    (series,) = json.loads(grade("verify", *words).stdout)["series"]
    assert series["usual"].startswith("C1 failed")
    assert "C2" not in series["usual"]


def test_one_check_alone_can_be_verified(grade):
    """The starter is judged by the one check that was asked for."""
    words = ("--only", "starter", "--check", "C1", "--format", "json")
    (row,) = json.loads(grade("verify", *words).stdout)["rows"]
    assert row["failed"] == ["C1"]


def test_what_differs_is_told():
    """A run that came out differently is shown, and how often."""
    steady = Series(
        exercise="ex1",
        name="reference",
        load="hogs",
        runs=5,
        alike=5,
        usual="all passed",
        others=(),
        median_s=1.0,
        worst_s=2.0,
    )
    shaky = replace(steady, alike=3, others=(("R1 failed (race)", 2),))
    assert steady.stable
    assert not shaky.stable
    told = writers.plain(stability.row(shaky), encoding="utf-8")
    assert "3 of 5" in told
    assert "2x R1 failed (race)" in told


def test_hogs_come_and_go():
    """Four processes spin while the block runs, and none afterwards.

    Each in a session of its own, as programs of other users are: the kernel gives a
    session its share, and four hogs in ours would slow only us, and no worker.
    """
    ours = psutil.Process()
    before = set(ours.children())
    with LOADS["hogs"]():
        hogs = set(ours.children()) - before
        assert len(hogs) == HOGS
        sessions = {os.getsid(hog.pid) for hog in hogs} | {os.getsid(0)}
        assert len(sessions) == HOGS + 1
    assert set(ours.children()) == before


def test_hogs_do_not_outlive_whom_they_serve():
    """A killed command cannot tidy up, and no signal of its terminal reaches them."""
    code = (
        "import psutil, time; from racecourse.measure.load import LOADS\n"
        "with LOADS['hogs']():\n"
        "    hogs = psutil.Process().children()\n"
        "    print(*[hog.pid for hog in hogs], flush=True)\n"
        "    time.sleep(60)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE
    ) as command:
        hogs = [psutil.Process(int(pid)) for pid in command.stdout.readline().split()]
        command.kill()
    assert len(hogs) == HOGS
    _, alive = psutil.wait_procs(hogs, timeout=10)
    for hog in alive:
        hog.kill()
    assert not alive


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no pinning here")
def test_pinning_ends():
    """One core meanwhile, all of them afterwards."""
    before = os.sched_getaffinity(0)
    with LOADS["one-core"]():
        assert len(os.sched_getaffinity(0)) == 1
    assert os.sched_getaffinity(0) == before


def test_a_quota_that_cannot_be_set_is_told(monkeypatch):
    """No root, no writable control groups: one sentence, and exit code 2 for callers."""
    from racecourse.measure import load  # noqa: PLC0415

    monkeypatch.setattr(load, "_CGROUP_V1", Path("/nowhere"))
    monkeypatch.setattr(load, "_CGROUP_V2", Path("/nowhere"))
    with (
        pytest.raises(load.LoadNotPossible, match="no CPU quota"),
        LOADS["half-core"](),
    ):
        pass
