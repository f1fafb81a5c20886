"""Keeps the first answer for ever, although the call is over.

Caught by: C1
"""

import threading
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Any, TypeVar

T = TypeVar("T")


class SingleFlight:
    """Lets callers who ask for the same key at the same time share one call."""

    def __init__(self) -> None:
        self._lock = threading.Lock()  # guards the table, and is never held for a call
        self._flights: dict[Hashable, Future[Any]] = {}

    def do(self, key: Hashable, call: Callable[[], T]) -> T:
        """Return what `call()` returns, or share the call that is under way.

        Raises:
            BaseException: Whatever the call raises.
        """
        with self._lock:
            flight = self._flights.get(key)
            mine = flight is None
            if flight is None:
                flight = self._flights[key] = Future()
        if mine:
            self._fly(key, flight, call)
        return flight.result()

    def _fly(self, key: Hashable, flight: Future[T], call: Callable[[], T]) -> None:
        try:
            flight.set_result(call())
        except BaseException as error:  # noqa: BLE001 - it belongs to all who wait
            flight.set_exception(error)
            with self._lock:
                del self._flights[key]
