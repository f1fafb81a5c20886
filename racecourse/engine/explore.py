"""Explore a program: the public way into the engine."""

from __future__ import annotations

import contextlib
import gc
import inspect
import io
import warnings
from typing import TYPE_CHECKING, Any

from racecourse.engine.explain import explain, tell_rows
from racecourse.engine.failures import CannotExploreError
from racecourse.engine.foreign import describe_foreign
from racecourse.engine.portfolio import Budget
from racecourse.engine.program import (
    Program,
    Source,
    generated_code_kept,
    module_names_borrowed,
    read_program,
)
from racecourse.engine.report import RaceReport, Report, Verdict
from racecourse.engine.schedule import (
    Address,
    BadTokenError,
    Limits,
    read_token,
    write_token,
)
from racecourse.engine.search import Search
from racecourse.engine.threads.bench import Backend, ThreadBench, World, quiet_collector

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from racecourse.engine.schedule import Recipe
    from racecourse.engine.search import Outcome
    from racecourse.engine.trace import Trace

DEFAULT_SEED = 0


def explore(program: Callable[[], Any], **options: Any) -> Report:
    """Search for a schedule under which a function of a module fails.

    The module's file is read again, rewritten and executed apart from the module
    that is already imported; nothing has to be imported from here by the program.

    Args:
        program: A function without arguments, defined at the top of a module. It
            starts its threads, joins them and asserts its invariant.
        **options: As for `explore_file`.

    Raises:
        CannotExploreError: If the function has no place in a file.
    """
    path = inspect.getsourcefile(program)
    name = program.__qualname__
    if path is None or "." in name or "<" in name:
        raise CannotExploreError(
            f"{name} cannot be explored: it must be a named function at the top of a "
            "module, because the engine loads its file afresh for every execution."
        )
    return explore_file(path, name, **options)


def explore_file(  # noqa: PLR0913 - keywords, each with a default
    path: str | Path,
    function: str = "program",
    *,
    modules: Mapping[str, str | Path] | None = None,
    budget: Budget | None = None,
    limits: Limits | None = None,
    seed: int = DEFAULT_SEED,
    backend: Backend = Backend.GREENLETS,
) -> Report:
    """Search for a schedule under which a function of a file fails.

    The verdict depends on the sources and the arguments only: not on the machine,
    its load, the Python version or the hash seed.

    Args:
        path: The file that holds the function.
        function: Name of a function without arguments.
        modules: Further files that are rewritten with it, by the name under which
            they are imported, dots and all. Later ones can import earlier ones.
        budget: Numbers of executions; the default suits programs of a page or two.
        limits: What one execution may use, and what the clock may do.
        seed: Seed of the random part of the search.
        backend: What carries the tasks; it changes nothing but the speed.
    """
    try:
        program = read_program(path, function, modules)
    except CannotExploreError as error:
        return _could_not_run(str(error))
    return explore_program(
        program, budget=budget, limits=limits, seed=seed, backend=backend
    )


def explore_source(source: str, function: str = "program", **options: Any) -> Report:
    """Search like `explore_file`, in a text instead of a file."""
    program = Program(
        sources=(Source(module="program", path="program.py", text=source),),
        function=function,
    )
    return explore_program(program, **options)


def explore_program(
    program: Program,
    *,
    budget: Budget | None = None,
    limits: Limits | None = None,
    seed: int = DEFAULT_SEED,
    backend: Backend = Backend.GREENLETS,
) -> Report:
    """Search like `explore_file`, in a program that was read already."""
    world = World()
    try:
        with _surroundings(program):
            bench = ThreadBench(program, world, backend)
            search = Search(bench, budget or Budget(), limits or Limits(), seed)
            outcome = search.run()
            recipe = outcome.finding.recipe if outcome.finding else None
            trace = bench.trace(recipe) if recipe and outcome.stable else None
    except CannotExploreError as error:
        return _could_not_run(str(error))
    foreign = describe_foreign(world.library.foreign)
    return _report(program, bench, outcome, trace, foreign)


def replay(token: str, program: Program | None = None) -> Report:
    """Execute the schedule of a token once more and explain it.

    Args:
        token: What a report of a failure carries.
        program: The program, if its files have moved since.

    Raises:
        BadTokenError: If the token is damaged, or the sources have changed.
    """
    recipe, address = read_token(token)
    try:
        if program is None:
            modules = dict(address.modules)
            program = read_program(address.path, address.function, modules)
        if program.digest() != address.digest:
            raise BadTokenError("The source has changed since the token was written.")
        world = World()
        with _surroundings(program):
            bench = ThreadBench(program, world)
            Search(bench, Budget(), recipe.limits, DEFAULT_SEED).learn()
            trace = bench.trace(recipe)
    except CannotExploreError as error:
        return _could_not_run(str(error))
    return _replayed(program, recipe, trace, token)


def _could_not_run(why: str) -> Report:
    return Report(
        verdict=Verdict.COULD_NOT_RUN,
        runs=0,
        statement="Nothing was tried.",
        explanation=why,
    )


def _report(
    program: Program,
    bench: ThreadBench,
    outcome: Outcome,
    trace: Trace | None,
    foreign: tuple[str, ...],
) -> Report:
    races = tuple(
        RaceReport(
            first=bench.sites[race.first_site], second=bench.sites[race.second_site]
        )
        for race in outcome.races
    )
    common: dict[str, Any] = {
        "runs": outcome.runs,
        "statement": statement(outcome),
        "races": races,
        "not_under_control": foreign,
    }
    found = outcome.finding
    if found is None:
        return Report(verdict=Verdict.NOTHING_FOUND, **common)
    if trace is None or not found.failure.resembles(trace.failure):
        return Report(
            verdict=Verdict.UNREPEATABLE,
            failure=found.failure,
            explanation="An execution failed, but its schedule did not fail again. The "
            "program depends on something that is not under control.",
            **common,
        )
    lines = _lines(program)
    return Report(
        verdict=Verdict.FAILED,
        failure=trace.failure,
        schedule=found.recipe.schedule,
        token=write_token(found.recipe, _address(program)),
        explanation=explain(trace, lines),
        rows=tell_rows(trace, lines),
        waiting=trace.waiting,
        stage=found.stage,
        **common,
    )


def _replayed(program: Program, recipe: Recipe, trace: Trace, token: str) -> Report:
    failed = trace.failure is not None
    lines = _lines(program)
    return Report(
        verdict=Verdict.FAILED if failed else Verdict.NOTHING_FOUND,
        runs=1,
        statement="One schedule was repeated.",
        failure=trace.failure,
        schedule=recipe.schedule,
        token=token,
        explanation=explain(trace, lines),
        rows=tell_rows(trace, lines),
        waiting=trace.waiting,
        stage="replay",
    )


def statement(outcome: Outcome) -> str:
    """Return what may be claimed after a search."""
    if outcome.finding is not None:
        return f"Run {outcome.finding.run} failed ({outcome.finding.stage})."
    tried = f"{_tried(outcome)} ({outcome.systematic_runs} runs)"
    if outcome.suspensions_tried:
        tried += (
            f", the victim was cancelled at each of {outcome.suspensions_tried} "
            "suspensions"
        )
    if outcome.sampled_runs or not outcome.is_complete:
        tried += f", then {outcome.sampled_runs} random ones"
    return f"{tried}; none failed."


def _tried(outcome: Outcome) -> str:
    if outcome.is_complete:
        return "Every schedule was tried"
    if outcome.delays_tried < 1:
        return "The serial schedule was tried"
    delays = (
        "1 delay" if outcome.delays_tried == 1 else f"{outcome.delays_tried} delays"
    )
    return f"Every schedule with at most {delays} was tried"


def _address(program: Program) -> Address:
    *others, main = program.sources
    return Address(
        path=main.path,
        function=program.function,
        modules=tuple((source.module, source.path) for source in others),
        digest=program.digest(),
    )


def _lines(program: Program) -> dict[str, list[str]]:
    return {source.path: source.text.splitlines() for source in program.sources}


@contextlib.contextmanager
def _surroundings(program: Program) -> Iterator[None]:
    """Explore without the program's prints, and without collections in between."""
    with (
        quiet_collector(),
        module_names_borrowed(program),
        generated_code_kept(),
        contextlib.redirect_stdout(_Nowhere()),
        warnings.catch_warnings(),
    ):
        # An execution that is cut short leaves coroutines that nobody awaited.
        warnings.simplefilter("ignore")
        yield
        gc.collect(0)


class _Nowhere(io.TextIOBase):
    """Where a program prints to while it runs thousands of times."""

    def write(self, text: str) -> int:
        return len(text)
