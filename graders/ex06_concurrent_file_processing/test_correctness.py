"""Correctness: every file's answer at its place, fair comparisons, measured choices."""

import itertools
import os
from collections import Counter, defaultdict
from statistics import median

from racecourse.checks import MemoryWatch, check, must

APPROACHES = ("threading", "multiprocessing", "asyncio")
_READY_WITHIN_S = 5.0
_SETTLED_WITHIN_S = 0.5
_SCRAMBLED_WITHIN_S = 1.0
_LARGE_BYTES = 3 << 20
_HEAVY_BYTES = 4 << 20
_HEAVY_FILES = 40
_HEAVY_MIB = 60.0  # two workers and what they hold take 10 to 30
_PACES_S = (0.0, 0.2, 0.06)  # of each round: the median is not the mean, nor an end
_CLOCK_S = 0.02  # by which two clocks may differ


@check("C1")
def test_every_approach_gives_every_answer_in_order(submission, files, draw, contents):
    """Thirty files, the first of which is done last; one is empty, one is large."""
    odd = [b"", b"\r\n\x00\xff\xfe\x1a\n", draw.randbytes(_LARGE_BYTES), b"\n" * 9]
    given = files(submission, [*contents(26), *odd])
    slow = given.contents[0].hex()
    for number, approach in enumerate(APPROACHES):
        gate, before = f"slow {approach}", submission.stage.count("done")
        pending = submission.begin(
            "scrambled_run",
            **given.args,
            slow=slow,
            gate=gate,
            approach=approach,
            max_workers=3,
            in_a_thread=number == 2,
        )
        submission.stage.until(
            lambda s, before=before: s.count("done") >= before + 2,
            within_s=_SCRAMBLED_WITHIN_S,
        )
        submission.stage.open(gate)
        given.must_be_done(pending.result(), run=approach)


@check("C2")
def test_a_file_that_fails_is_a_result_and_the_others_go_on(submission, files, draw):
    """One is missing, one is a folder, one may not be read, and the worker hates three."""
    given = files(submission, 14)
    bad = draw.sample(range(14), 6)
    missing, folder, locked, *hated = bad
    wanted = {missing: "FileNotFoundError", folder: "IsADirectoryError"}
    os.unlink(given.paths[missing])  # noqa: PTH108 - paths are texts here
    os.unlink(given.paths[folder])  # noqa: PTH108
    os.mkdir(given.paths[folder])  # noqa: PTH102
    os.chmod(given.paths[locked], 0)  # noqa: PTH101
    if not submission.call("can_read", path=given.paths[locked]):
        wanted[locked] = "PermissionError"
    kinds = ("ValueError", "KeyError", "OutOfStockError")
    texts = {n: f"no {draw.randrange(1000)} in stock" for n in hated}
    faults = [
        [given.contents[n].hex(), kind, texts[n]]
        for n, kind in zip(hated, kinds, strict=True)
    ]
    wanted |= dict(zip(hated, kinds, strict=True))
    for approach in APPROACHES:
        seen = submission.call(
            "faulty_run", **given.args, faults=faults, approach=approach, max_workers=2
        )
        given.must_be_done(seen, run=approach, but=wanted)
        for number, kind in wanted.items():
            what = f"{approach}, a file that fails with {kind}"
            _must_have_failed(seen[number], kind, texts.get(number, ""), what=what)
            must.equal(seen[number]["path"], given.paths[number], what=f"{what}, path")
    os.chmod(given.paths[locked], 0o644)  # noqa: PTH101


def _must_have_failed(result, kind, text, *, what):
    must.equal(result["ok"], False, what=f"{what}, ok")  # noqa: FBT003
    must.equal(result["value"], None, what=f"{what}, value")
    must.hold(
        kind in result["error"],
        f"{what}: the error is {(result['error'] or ['None'])[0]}: {result['text']}.",
    )
    must.hold(
        text in result["text"],
        f"{what}: it was raised with the text {text!r}; its result reads"
        f" {result['text']!r}.",
    )


@check("C3")
def test_the_edges(submission, files):
    """A path given twice, no file at all, and wrong arguments."""
    given = files(submission, 3).at([0, 1, 0, 2, 0])
    stage = submission.stage
    for approach in APPROACHES:
        before = stage.count("work", "enter")
        seen = submission.call("whole_run", **given.args, approach=approach)
        given.must_be_done(seen, run=f"{approach}, one path given three times")
        calls = stage.count("work", "enter") - before
        must.equal(calls, 5, what=f"{approach}, calls of the worker for 5 paths")
    _nothing_is_fine(submission.call("nothing"))

    before = stage.count("work", "enter")
    cases = [
        [
            "process_files",
            {"paths": given.paths, "approach": each, "max_workers": count},
        ]
        for each in APPROACHES
        for count in (0, -1)
    ]
    cases += [
        ["process_files", {"paths": given.paths, "approach": "fibre"}],
        ["process_files", {"paths": [], "approach": "threading", "max_workers": 0}],
        ["compare", {"paths": given.paths, "repeats": 0}],
    ]
    wanted = [*(["ValueError"] * (len(cases) - 1)), ("ValueError", "RuntimeError")]
    errors = submission.call("refusals", cases=cases)
    for (function, options), error, kinds in zip(cases, errors, wanted, strict=True):
        told = ", ".join(
            f"{name}={value!r}"
            for name, value in options.items()
            if name != "paths" or not value
        )
        must.hold(
            error and error in kinds,
            f"{function}({told}) raised {error or 'nothing'}; ValueError was expected.",
        )
    error = submission.call("refusal_in_a_loop", paths=given.paths)
    must.hold(
        error in {"RuntimeError", "ValueError"},
        "process_files(approach='asyncio') was called in a thread whose event loop was"
        f" running; it raised {error or 'nothing'}. RuntimeError was expected.",
    )
    must.equal(
        stage.count("work", "enter") - before, 0, what="files begun by refused calls"
    )


def _nothing_is_fine(seen):
    must.equal(seen["runs"], [[], [], []], what="results for no files, each approach")
    must.equal(seen["files"], [0, 0, 0], what="files in the timings of no files")
    approach, results = seen["best"]
    must.hold(approach in APPROACHES, f"process_best for no files chose {approach!r}.")
    must.equal(results, [], what="results of process_best for no files")


@check("C4")
def test_contents_are_not_kept(submission, draw):
    """Forty files of 4 MB by two workers: half are done when the memory is looked at.

    The others are held, so that all those are seen that were begun at the same time.
    Once more with a worker that always raises: its exceptions are kept, not the contents.
    """
    block = draw.randbytes(1 << 10)
    for approach, fails in (
        *((each, False) for each in APPROACHES),
        ("threading", True),
    ):
        with submission.fresh() as worker:
            paths = _heavy_files(worker.folder, block)
            _must_stay_small(worker, paths, approach, fails=fails)


def _heavy_files(folder, block):
    """Make the files where this worker sees them; few of them cost room on the disk."""
    originals = [folder / f"heavy{n}" for n in range(4)]
    for path in originals:
        path.write_bytes(block * (_HEAVY_BYTES // len(block)))
    paths = [folder / f"{n}.dat" for n in range(_HEAVY_FILES)]
    for number, path in enumerate(paths):
        path.hardlink_to(originals[number % 4])
    return list(map(str, paths))


def _must_stay_small(worker, paths, approach, *, fails):
    stage = worker.stage
    half = _HEAVY_FILES // 2
    stage.supply("begin", [None] * half + ["held"] * half)
    with MemoryWatch(worker) as memory:
        pending = worker.begin(
            "heavy_run", paths=paths, fails=fails, approach=approach, max_workers=2
        )
        stage.until(lambda s: s.waiting("held") >= 2, within_s=_READY_WITHIN_S)
        worker.settle(within_s=_SETTLED_WITHIN_S)
        memory.level_mib()
        stage.open("held")
        stage.until(lambda s: s.waiting("look"), within_s=_READY_WITHIN_S)
        memory.level_mib()
        stage.open("look")
        seen = pending.result()
    wanted = [False, None] if fails else [True, _HEAVY_BYTES]
    must.equal(
        seen, [wanted] * _HEAVY_FILES, what=f"{approach}, results of large files"
    )
    why = " whose worker raised" if fails else ""
    must.hold(
        memory.rise_mib < _HEAVY_MIB,
        f"{approach}: {_HEAVY_FILES} files of 4 MB{why} were processed with"
        f" max_workers=2, and memory rose by {memory.rise_mib:.0f} MB; less than"
        f" {_HEAVY_MIB:.0f} was expected.",
    )


@check("C5")
def test_the_comparison_is_fair(submission, files):
    """Three rounds of different length; each must have all approaches in it.

    What may go before, to warm up, is not looked at. The paces come round again, so that
    the rounds differ in length however many calls went before.
    """
    given = files(submission, 4)
    count, stage = len(given.paths), submission.stage
    rounds = len(_PACES_S)
    paces = [pace for pace in _PACES_S for _ in range(3 * count)]
    stage.supply("pace", itertools.cycle(paces))
    pending = submission.begin(
        "comparison", **given.args, max_workers=2, repeats=rounds
    )
    seen = pending.result()
    must.equal(sorted(seen), sorted(APPROACHES), what="keys of what compare returned")
    calls = stage.log("work", "enter")
    surplus = len(calls) - len(paces)
    must.hold(
        0 <= surplus <= 3 * count,
        f"compare called the worker {len(calls)} times for {count} files, 3 approaches and"
        f" {rounds} rounds; {len(paces)} calls were expected, and up to {3 * count} more"
        " before the first round.",
    )
    firsts = range(surplus, len(calls), count)
    turns = [_Turn(stage, first, first + count) for first in firsts]
    for number in range(rounds):
        each = [turn.approaches for turn in turns[3 * number : 3 * number + 3]]
        must.hold(
            sorted(map(list, each)) == sorted([name] for name in APPROACHES),
            f"In round {number + 1} of {rounds}, the three turns of {count} files were"
            f" processed by {'; '.join(' and '.join(sorted(names)) for names in each)}."
            " Every round should have each approach once.",
        )
    for approach in APPROACHES:
        mine = [turn for turn in turns if approach in turn.approaches]
        timing, what = seen[approach], f"compare, {approach}"
        must.equal(timing["approach"], approach, what=f"{what}, approach")
        must.equal(timing["files"], count, what=f"{what}, files")
        must.equal(
            timing["bytes"], sum(map(len, given.contents)), what=f"{what}, bytes"
        )
        must.be_within(
            timing["seconds"],
            median(turn.at_least_s for turn in mine) - _CLOCK_S / 4,
            median(turn.at_most_s for turn in mine) + _CLOCK_S,
            what=f"{what}, seconds, the median of {rounds} rounds as seen from outside",
        )


class _Turn:
    """What the stage saw of one approach in one round."""

    def __init__(self, stage, first, last):
        begun, ended = stage.log("work", "enter"), stage.log("work", "leave")
        self.approaches = {event.data["approach"] for event in begun[first:last]}
        before = ended[first - 1] if first else stage.log("called")[0]
        after = begun[last] if last < len(begun) else stage.log("returned")[0]
        # The work is inside of what is to be measured; the turn's neighbours are not.
        self.at_least_s = (ended[last - 1].at_ns - begun[first].at_ns) / 1e9
        self.at_most_s = (after.at_ns - before.at_ns) / 1e9


@check("C6")
def test_a_comparison_of_different_answers_is_refused(submission, files):
    """Answers or errors that depend on the process; and failures alike."""
    given = files(submission, 6)
    odd = given.contents[4].hex()
    for how, one, told in (
        ("value", "", "The worker's answer depended on the process"),
        ("value", odd, "One answer of six depended on the process"),
        ("raises there", odd, "One file of six failed in other processes only"),
        ("raises else there", odd, "One file of six failed with two types of errors"),
    ):
        seen = submission.call("disagreement", paths=given.paths, how=how, odd=one)
        must.hold(
            "RuntimeError" in seen,
            f"{told}; compare raised {seen[0] if seen else 'nothing'}. RuntimeError was"
            " expected.",
        )
    seen = submission.call(
        "disagreement", paths=given.paths, how="raises everywhere", odd=odd
    )
    must.hold(
        not seen,
        "One file of six failed with the same error by every approach; compare raised"
        f" {seen[0] if seen else 'nothing'}, though all answers agree.",
    )


@check("C7")
def test_the_choice_rests_on_a_sample(workers, files, draw):
    """One approach after the other is plainly the fastest; then tables of seconds.

    Five of the fifty paths are given twice, the second time at the end.
    """
    begun = {}
    for approach, worker in workers.items():
        given = files(worker, 45).at([*range(45), *range(4, 9)])
        begun[approach] = (
            given,
            worker.begin(
                "best_run", **given.args, fast=approach, pause_s=0.05, max_workers=4
            ),
        )
    for fast, (given, pending) in begun.items():
        chosen, results = pending.result()
        given.must_be_done(results, run=f"process_best where {fast} is fast")
        times = Counter(given.answers)
        _must_follow_the_sample(pending.worker.stage, times, chosen, fast)
    cases = [*_plain_cases(draw), *_tied_cases(draw)]
    tables = [list(table.items()) for table, _ in cases]
    answers = workers["threading"].call("choices", cases=tables)
    for (table, wanted), answer in zip(cases, answers, strict=True):
        told = ", ".join(f"{name} {seconds:.3g} s" for name, seconds in table.items())
        must.equal(answer, wanted, what=f"best_approach of {told}")


def _must_follow_the_sample(stage, times, chosen, fast):
    """Demand that files of the sample alone have more calls than `times` to be given."""
    log = stage.log("work", "enter")
    by_file = defaultdict(list)
    for event in log:
        by_file[event.data["file"]].append(event.data["approach"])
    must.hold(
        {event.data["approach"] for event in log} == set(APPROACHES),
        f"process_best chose {chosen!r} without having tried every approach.",
    )
    sampled = [file for file, calls in by_file.items() if len(calls) > times[file]]
    must.hold(
        len(sampled) <= 10,
        f"process_best of 50 files processed {len(sampled)} of them more often than they"
        " were given; the sample may have 10.",
    )
    others = {name for file in by_file.keys() - sampled for name in by_file[file]}
    must.hold(
        others == {chosen},
        f"process_best said {chosen!r}; the files that were not in the sample were"
        f" processed by {' and '.join(sorted(others)) or 'nobody'}.",
    )
    if chosen != fast:
        _must_not_be_slower(stage, times, chosen, fast)


def _must_not_be_slower(stage, times, chosen, fast):
    """Fail where no honest clock can have found the chosen approach to be the faster."""
    turns = _turns_of(stage, times)[:-1]  # the last is no sample any more
    # A turn beside one of the same approach that warms up cannot be told from it.
    alone = [(name, turn) for name, turn in turns if turn.is_one]
    chosen_s = [turn.at_least_s for name, turn in alone if name == chosen]
    fast_s = [turn.at_most_s for name, turn in turns if name == fast]
    must.hold(
        not chosen_s or not fast_s or min(chosen_s) <= 1.05 * max(fast_s),
        f"process_best chose {chosen!r}, whose turns with the sample took at least"
        f" {min(chosen_s, default=0):.2f} s each; those of {fast!r} took at most"
        f" {max(fast_s, default=0):.2f} s.",
    )


class _Span:
    def __init__(self, events, before, after, times):
        begun = Counter(event.data["file"] for event in events if event.kind == "enter")
        self.is_one = begun <= times  # no file comes more often in a turn
        self.at_least_s = (events[-1].at_ns - events[0].at_ns) / 1e9
        self.at_most_s = (after.at_ns - before.at_ns) / 1e9


def _turns_of(stage, times):
    """Return the turns, as (approach, span), of calls that followed each other."""
    called, returned = stage.log("called")[0], stage.log("returned")[0]
    events = [e for e in stage.log("work") if e.kind in {"enter", "leave"}]
    groups = [
        (name, list(group))
        for name, group in itertools.groupby(events, lambda e: e.data["approach"])
    ]
    ends = [called, *(group[-1] for _, group in groups)]
    starts = [*(group[0] for _, group in groups[1:]), returned]
    return [
        (name, _Span(group, before, after, times))
        for (name, group), before, after in zip(groups, ends, starts, strict=False)
    ]


def _plain_cases(draw):
    for best in APPROACHES:
        seconds = draw.uniform(0.5, 2.0)
        table = {name: seconds * draw.uniform(1.2, 3) for name in APPROACHES}
        yield table | {best: seconds}, best


def _tied_cases(draw):
    """Within 3 % of the fastest counts as equal, 8 % away does not."""
    order = ("threading", "asyncio", "multiprocessing")
    for preferred, fastest in itertools.combinations(order, 2):
        seconds = draw.uniform(0.5, 2.0)
        far = {name: seconds * draw.uniform(1.2, 3) for name in APPROACHES}
        yield far | {fastest: seconds, preferred: seconds * 1.03}, preferred
        yield far | {fastest: seconds, preferred: seconds * 1.08}, fastest
    # What is near to the second and not to the fastest does not count as equal.
    near = zip(order, (1.07, 1.03, 1.0), strict=True)
    yield {name: seconds * times for name, times in near}, "asyncio"
