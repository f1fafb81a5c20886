"""What a lane asks the zygote for: one worker, its limits, its place, its confinement."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from racecourse.model.exercise import Limits


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadOptions:
    """How a worker loads the submission."""

    seed: int = 0  # of the worker's `random`
    start_method: str | None = None  # of `multiprocessing`; None: the platform's own
    rewrite: str | None = None  # `module:function` of ours that rewrites the source
    prepare: str | None = None  # `module:function` of ours to call before
    scenarios: str | None = None  # module to import after it


@dataclass(frozen=True, slots=True, kw_only=True)
class LaunchSpec:
    """Everything a worker needs to know before it loads the submission.

    `level` names the confinement: "plain" is process groups, limits, a private scratch
    folder and a stripped environment. Stronger levels add their own step in
    `racecourse.sandbox.confine` and change nothing else.
    """

    scratch: str  # private folder; the worker's cwd, HOME and TMPDIR
    limits: Limits
    level: str = "plain"

    def to_plain(self) -> dict[str, Any]:
        """Return the request as plain JSON types."""
        return dataclasses.asdict(self)

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> "LaunchSpec":
        """Rebuild the request on the zygote's side."""
        return cls(
            scratch=plain["scratch"],
            limits=Limits(**plain["limits"]),
            level=plain["level"],
        )
