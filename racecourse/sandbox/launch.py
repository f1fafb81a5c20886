"""What a lane asks the zygote for: one worker, its limits and its place, in a world."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from racecourse.model.exercise import Limits

OURS = "ours"
"""The folder of a worker's box in which a link leads to our package."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadOptions:
    """How a worker loads the submission."""

    seed: int = 0  # of the worker's `random`
    start_method: str | None = None  # of `multiprocessing`; None: the platform's own
    rewrite: str | None = None  # `module:function` of ours that rewrites the source
    prepare: str | None = None  # `module:function` of ours to call before
    scenarios: str | None = None  # module to import after it


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What the workers of one zygote have in common, whatever they are started for.

    It is known before the first launch, so that a worker can be made ready ahead of it.
    """

    level: str  # its name in `racecourse.sandbox.levels`
    hidden: tuple[str, ...] = ()  # folders that none may see: graders, references
    tasks: int = 1024  # processes and threads together, where the kernel counts them

    def to_plain(self) -> dict[str, Any]:
        """Return the world as plain JSON types."""
        return dataclasses.asdict(self)

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> "World":
        """Rebuild it on the zygote's side."""
        return cls(**{**plain, "hidden": tuple(plain["hidden"])})


@dataclass(frozen=True, slots=True, kw_only=True)
class LaunchSpec:
    """What one worker needs to know before it loads the submission.

    The scratch folder is private to the run. In it lies `box`, which the worker may read:
    the submission and the way to the stage, with `home`, which it may write to.
    """

    scratch: str
    limits: Limits
    uid: int = 0  # of the worker, where the level gives it one of its own

    @property
    def box(self) -> str:
        """What the worker may read."""
        return f"{self.scratch}/box"

    @property
    def home(self) -> str:
        """The worker's cwd, HOME and TMPDIR."""
        return f"{self.box}/home"

    def to_plain(self) -> dict[str, Any]:
        """Return the request as plain JSON types."""
        return dataclasses.asdict(self)

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> "LaunchSpec":
        """Rebuild the request on the worker's side."""
        return cls(
            scratch=plain["scratch"],
            limits=Limits(**plain["limits"]),
            uid=plain["uid"],
        )
