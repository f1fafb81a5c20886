"""Exercise 11: many threads ask the same question at once; one call answers them all."""

from collections.abc import Callable, Hashable
from typing import TypeVar

T = TypeVar("T")


class SingleFlight:
    """Lets callers who ask for the same key at the same time share one call."""

    def do(self, key: Hashable, call: Callable[[], T]) -> T:
        """Return what `call()` returns, or share the call that is under way.

        Raises:
            BaseException: Whatever the call raises.
        """
        raise NotImplementedError
