"""What this machine can promise, and what follows from it for grading."""

from collections.abc import Iterator
from dataclasses import dataclass

from racecourse.grading import confinement
from racecourse.grading.confinement import Confinement
from racecourse.grading.machine import look_around
from racecourse.model.report import Machine

_START_METHODS = ("fork", "spawn", "forkserver")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """Something seen about the machine, and what it means for a score made here."""

    name: str
    value: str
    meaning: str


def examine() -> tuple[Fact, ...]:
    """Look at this machine; nothing is timed, so a busy machine answers the same."""
    found = confinement.strongest()
    return tuple(facts_about(look_around(found.level.name), found))


def facts_about(machine: Machine, found: Confinement) -> Iterator[Fact]:
    """Yield the facts about a machine in the order of a report."""
    yield Fact(
        name="Python",
        value=f"{machine.python} on {machine.platform}",
        meaning=_on_platform(machine),
    )
    yield Fact(name="cores", value=str(machine.cores), meaning=_on_cores(machine))
    yield _quota(machine)
    yield Fact(
        name="GIL",
        value="yes" if machine.gil else "no (free-threaded)",
        meaning=(
            "One thread at a time runs Python code: CPU work gets faster only with"
            " processes, and checks of speedup count processes as workers."
            if machine.gil
            else "Threads run Python code side by side and count as workers."
        ),
    )
    yield _methods(machine)
    yield from _sandbox(found)


def _on_platform(machine: Machine) -> str:
    if machine.platform.startswith("Linux"):
        return "Everything that is left behind can be seen and ended."
    return "Practice level: on this system orphaned processes cannot all be found."


def _on_cores(machine: Machine) -> str:
    if machine.cores > 1:
        return f"Up to {2 * machine.cores} checks are judged side by side."
    return "Enough: no check needs two cores, but grading takes longer."


def _quota(machine: Machine) -> Fact:
    if machine.cpu_quota is None:
        return Fact(name="CPU quota", value="none", meaning="The cores are all yours.")
    return Fact(
        name="CPU quota",
        value=f"{machine.cpu_quota:g} cores",
        meaning=(
            "The container may use this much CPU time. Verdicts do not depend on it;"
            " grading takes longer."
        ),
    )


def _methods(machine: Machine) -> Fact:
    missing = [name for name in _START_METHODS if name not in machine.start_methods]
    return Fact(
        name="start methods",
        value=", ".join(machine.start_methods),
        meaning=(
            f"Without {' and '.join(missing)}, checks that need it are not measurable;"
            " their points go to the others of their category."
            if missing
            else "Processes can be checked with each of them."
        ),
    )


def _sandbox(found: Confinement) -> Iterator[Fact]:
    level = found.level
    marks = "may count as marks" if level.official else "are practice, not marks"
    yield Fact(
        name="sandbox",
        value=f"{level.name}: {level.summary}",
        meaning=(
            f"{confinement.promised(level)} A hang, crash, flood or leak costs only the"
            " check it happens in; memory, processes, output and time are bounded."
            f" Points from here {marks}."
        ),
    )
    for name, what in found.findings:
        if name != level.name:
            yield Fact(name=f"  {name}", value=what, meaning="")
