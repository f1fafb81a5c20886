"""The levels of confinement, strongest first, and what each promises. Pure data.

Which of them this machine has is found out by attacking them: `racecourse.sandbox.probe`.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """One way to confine a worker."""

    name: str
    summary: str
    needs_root: bool = False
    forbids_root: bool = False
    namespaces: bool = False  # a world of its own: files, processes, network
    own_user: bool = False  # a user id for each run
    landlock: bool = False
    seccomp: bool = False
    promises: frozenset[str] = frozenset()  # attacks that must fail
    official: bool = False  # whether its points may count as marks


_OWN_WORLD = frozenset(
    {"files", "signals", "network", "memory", "processes", "survivors"}
)
# What each attack would mean, for people.
PROMISES = {
    "files": "cannot read files of the user who grades, graders and references among them",
    "signals": "cannot signal other processes",
    "network": "cannot reach the network, nor services on this machine",
    "memory": "cannot look into other processes",
    "processes": "cannot start more processes and threads than it is given",
    "survivors": "leaves nothing running when the check is over",
}

LEVELS = (
    Level(
        name="root",
        summary="namespaces and a user id for each run",
        needs_root=True,
        namespaces=True,
        own_user=True,
        seccomp=True,
        promises=_OWN_WORLD,
        official=True,
    ),
    Level(
        name="user",
        summary="namespaces of an unprivileged user",
        forbids_root=True,
        namespaces=True,
        seccomp=True,
        promises=_OWN_WORLD,
        official=True,
    ),
    Level(
        name="container",
        summary="a user id for each run and landlock, without namespaces",
        needs_root=True,
        own_user=True,
        landlock=True,
        seccomp=True,
        promises=_OWN_WORLD - {"network"},
    ),
    Level(
        name="landlock",
        summary="landlock, without namespaces and as the user who grades",
        forbids_root=True,
        landlock=True,
        seccomp=True,
        promises=frozenset({"files", "signals", "memory", "survivors"}),
    ),
    Level(name="plain", summary="limits and a private folder: against accidents only"),
)
PLAIN = LEVELS[-1]


def level_named(name: str) -> Level:
    """Return the level of this name.

    Raises:
        KeyError: If there is none.
    """
    return {level.name: level for level in LEVELS}[name]
