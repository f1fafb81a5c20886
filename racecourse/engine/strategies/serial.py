"""Serial: every task runs until it blocks or ends, then the next one in turn.

The guarantee is that of a plain function call: the same program gives the same
execution, on every machine and every Python version.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from racecourse.engine.strategies.base import FOREVER

if TYPE_CHECKING:
    from racecourse.engine.strategies.base import Moment


class Serial:
    """Takes the default at every moment."""

    wants_steps: ClassVar[bool] = False

    def __init__(self) -> None:
        self.patience = FOREVER

    def choose(self, moment: Moment) -> int:
        """Return the default."""
        return moment.default

    def demote(self, task: int) -> None:
        """Do nothing: round robin starves nobody."""

    def ended(self, passed: int) -> None:
        """Need nothing."""
