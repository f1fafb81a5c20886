"""Ordinary programs in the form that frontrun wants: set-up, workers, invariant.

A program starts threads, joins them and asserts. Here it runs in a greenlet, with
threads that only note their targets, and stops at its first `join`: that is the
set-up. The targets are the workers. The invariant lets the program go on from the
join, and holds if nothing was raised there or in a worker.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import greenlet

if TYPE_CHECKING:
    from collections.abc import Callable


class NoPartsError(Exception):
    """The program does something else than start threads and join them."""


class Program:
    """A program that stands at its first join."""

    def __init__(self, start: Callable[[], Any], names: dict[str, Any]) -> None:
        self.targets: list[Callable[[], Any]] = []
        self.stands_at_join = False
        self._errors: list[Exception] = []
        self._caller = greenlet.getcurrent()
        self._main = greenlet.greenlet(lambda: self._run(start))
        names["threading"] = _Threading(self)
        self._main.switch()
        if not self.stands_at_join:
            raise NoPartsError("It does not wait for its threads by joining them.")

    def stop_at_join(self) -> None:
        """Go back to the caller, the first time."""
        if not self.stands_at_join:
            self.stands_at_join = True
            self._caller.switch()

    def work(self, number: int) -> None:
        """Do what a thread of the program does."""
        self._run(self.targets[number])

    def holds(self) -> bool:
        """Go on after the joins; return whether nothing was raised anywhere."""
        self._caller = greenlet.getcurrent()
        self._main.switch()
        return not self._errors

    def _run(self, call: Callable[[], Any]) -> None:
        try:
            call()
        except Exception as error:  # noqa: BLE001 - any failure counts
            self._errors.append(error)


class _Threading:
    """The module `threading`, but for its threads."""

    def __init__(self, program: Program) -> None:
        self._program = program

    def __getattr__(self, name: str) -> Any:
        return getattr(threading, name)

    def Thread(  # noqa: N802 - the library's own name
        self,
        target: Callable[..., Any],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> _Thread:
        return _Thread(self._program, lambda: target(*args, **(kwargs or {})))


class _Thread:
    def __init__(self, program: Program, target: Callable[[], Any]) -> None:
        self._program = program
        self._target = target

    def start(self) -> None:
        if self._program.stands_at_join:
            raise NoPartsError("It starts a thread after a join.")
        self._program.targets.append(self._target)

    def join(self) -> None:
        self._program.stop_at_join()


def parts_of(
    names: dict[str, Any], function: str
) -> tuple[
    Callable[[], Program], list[Callable[[Program], None]], Callable[[Program], bool]
]:
    """Return the set-up, the workers and the invariant of a program.

    Args:
        names: The globals of its module; their `threading` is replaced.
        function: Which of them starts it.

    Raises:
        NoPartsError: If it is not of this form.
    """
    start = names[function]

    def set_up() -> Program:
        return Program(start, names)

    def worker(number: int) -> Callable[[Program], None]:
        return lambda program: program.work(number)

    workers = [worker(number) for number in range(len(set_up().targets))]
    return set_up, workers, Program.holds
