"""Each race beside its safe look-alike, and a rewrite that changes no meaning."""

# ruff: noqa: ANN001, ANN202 - the small programs under test read better bare

import importlib
import inspect
import re
import textwrap
import threading
import time

import pytest

from racecourse.measure.stalls import (
    Site,
    SiteVisits,
    Stall,
    StallController,
    decode,
    describe,
    encode,
    plan,
)

THREADS = 3
RACY = {
    "unlocked counter": """
class Subject:
    def __init__(self):
        self.n = 0
    def work(self, item):
        self.n += 1
    def right(self):
        return self.n == 3
""",
    "read, call, write": """
class Subject:
    def __init__(self):
        self.n = 0
    def more(self, n):
        return n + 1
    def work(self, item):
        n = self.n
        n = self.more(n)
        self.n = n
    def right(self):
        return self.n == 3
""",
    "lazy initialisation": """
class Subject:
    def __init__(self):
        self.made = []
        self.one = None
    def work(self, item):
        if self.one is None:
            self.made.append(object())
            self.one = self.made[-1]
    def right(self):
        return len(self.made) == 1
""",
    "dictionary get, then set": """
class Subject:
    def __init__(self):
        self.counts = {}
    def work(self, item):
        self.counts["a"] = self.counts.get("a", 0) + 1
    def right(self):
        return self.counts == {"a": 3}
""",
    "global counter": """
N = 0
class Subject:
    def __init__(self):
        global N
        N = 0
    def work(self, item):
        global N
        N += 1
    def right(self):
        return N == 3
""",
}


def locked(source):
    """Put the body of `work` under a lock."""
    head, work, rest = re.split(r"(?s)(    def work.*?\n)(?=    def right)", source)
    lines = work.splitlines()
    first = 2 if "global" in lines[1] else 1  # a declaration stays outside
    body = ["        with LOCK:", *("    " + line for line in lines[first:])]
    setup = "import threading\nLOCK = threading.Lock()\n"
    return setup + head + "\n".join([*lines[:first], *body, ""]) + rest


SAFE = {
    **{f"{name}, locked": locked(source) for name, source in RACY.items()},
    "a counter of itertools": """
import itertools
class Subject:
    def __init__(self):
        self.ids = itertools.count()
        self.seen = []
    def work(self, item):
        self.seen.append(next(self.ids))
    def right(self):
        return sorted(self.seen) == [0, 1, 2]
""",
    "append to a list": """
class Subject:
    def __init__(self):
        self.items = []
    def work(self, item):
        if item >= 0:
            self.items.append(item)
    def right(self):
        return sorted(self.items) == [0, 1, 2]
""",
}


def prepared(source):
    """Load `source`; return its controller and a scenario that tells if all is right."""
    controller = StallController()
    module = controller.load_source(source, "subject.py", "subject_under_stall")

    def scenario():
        subject = module.Subject()
        threads = [
            threading.Thread(target=subject.work, args=[n]) for n in range(THREADS)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return subject.right()

    return controller, scenario


@pytest.mark.parametrize("name", RACY)
def test_a_race_is_found_in_each_of_twenty_searches(name):
    controller, scenario = prepared(RACY[name])
    begin = time.perf_counter()
    found = [
        controller.first_failure(scenario, lambda run: run.value is not True)
        for _ in range(20)
    ]
    assert None not in found
    assert (time.perf_counter() - begin) / 20 < 1


@pytest.mark.parametrize("name", SAFE)
def test_a_safe_look_alike_passes_its_whole_plan(name):
    controller, scenario = prepared(SAFE[name])
    failure = controller.first_failure(scenario, lambda run: run.value is not True)
    assert failure is None


def test_a_hold_that_nobody_passes_ends_by_itself():
    controller, scenario = prepared(SAFE["unlocked counter, locked"])
    (seen,) = [v for v in controller.record(scenario).visits if v.threads == THREADS]
    run = controller.run(scenario, Stall(site=seen.site, visit=1))
    assert (run.value, run.error, run.released) == (True, None, "time")


BUSY_BETWEEN = """
class Subject:
    def __init__(self):
        self.known, self.passed = [], 0
    def register(self, name):
        self.known = [*self.known, name]
    def work(self):
        for _ in range(300):
            self.passed += 1
"""


def test_a_hold_outlasts_what_others_pass_while_they_start_the_next_thread():
    controller = StallController()
    subject = controller.load_source(BUSY_BETWEEN, "subject.py", "subject").Subject()
    site = next(site for site in controller.sites if site.function.endswith("register"))

    def scenario():
        first = threading.Thread(target=subject.register, args=("first",))
        first.start()
        while not controller.is_holding():
            first.join(0.001)
        subject.work()
        first.join(0.05)  # it would go on now, had it been let go
        second = threading.Thread(target=subject.register, args=("second",))
        second.start()
        first.join()
        second.join()
        return subject.known

    run = controller.run(scenario, Stall(site=site, visit=1), hold_s=10)
    assert (run.value, run.error, run.released) == (["first"], None, "passed")


def test_a_visit_that_never_comes_is_said_not_to_be_reached():
    controller, scenario = prepared(RACY["unlocked counter"])
    run = controller.run(scenario, Stall(site=controller.sites[1], visit=99))
    assert (run.value, run.released) == (True, "not reached")


def test_an_exception_of_the_scenario_is_an_outcome():
    controller, _ = prepared(RACY["unlocked counter"])
    assert isinstance(controller.record(lambda: 1 / 0).error, ZeroDivisionError)


# Plans -----------------------------------------------------------------------------


def site(index, kind):
    return Site(index=index, kind=kind, file="s.py", line=index, function="f", text="x")


def test_the_plan_puts_the_most_suspicious_first():
    visits = [
        SiteVisits(site=site(0, "read-modify-write"), visits=1, threads=1),
        SiteVisits(site=site(1, "write"), visits=2, threads=2),
        SiteVisits(site=site(2, "check-then-act"), visits=2, threads=2),
        SiteVisits(site=site(3, "read-modify-write"), visits=2, threads=2),
    ]
    stalls = [(s.site.index, s.visit) for s in plan(visits)]
    assert stalls == [(3, 1), (3, 2), (2, 1), (2, 2), (1, 1), (1, 2), (0, 1)]
    assert len(plan(visits, limit=3)) == 3


def test_a_token_names_its_stall_and_notices_a_changed_source():
    controller, _ = prepared(RACY["unlocked counter"])
    stall = Stall(site=controller.sites[1], visit=2)
    assert decode(encode(stall), controller.sites) == stall
    changed = StallController()
    changed.load_source(RACY["read, call, write"], "subject.py", "subject_changed")
    with pytest.raises(ValueError, match="may have changed"):
        decode(encode(stall), changed.sites)
    with pytest.raises(ValueError, match="not a stall token"):
        decode("7f3a", controller.sites)


def test_a_stall_is_described_with_its_line():
    controller, _ = prepared(RACY["unlocked counter"])
    assert describe(Stall(site=controller.sites[1], visit=2)) == (
        "subject.py:6 in Subject.work: `self.n += 1`; "
        "visit 2 was held between reading and writing"
    )


# The rewrite keeps the meaning -----------------------------------------------------


TRICKY = """
log = []
def note(value, name):
    log.append(name)
    return value
class Truth:
    def __init__(self, name, truth): self.name, self.truth = name, truth
    def __bool__(self): return note(self.truth, "bool " + self.name)
class Box:
    __hidden = 0
    def __init__(self): self.items, self.n = [], 0
    def __setattr__(self, name, value):
        log.append("set " + name); object.__setattr__(self, name, value)
    def bump(self): self.__hidden += 1; return self.__hidden
class Rows(list):
    def __getitem__(self, i): return note(list.__getitem__(self, i), f"get {i}")
    def __setitem__(self, i, v): log.append(f"put {i}"); list.__setitem__(self, i, v)
G = [1]
def all_of_it():
    box, rows = Box(), Rows(range(6))
    same = box.items
    box.items += [1, 2]
    same_list = same is box.items
    note(box, "box").n += note(5, "value")
    note(rows, "rows")[note(2, "index")] *= note(7, "value")
    rows[note(1, "low"):note(3, "high")] += note([9], "more")
    note(box, "target").n = note(8, "assigned")
    def rebound(o, other):
        o.n += (o := other).n
        return o.n
    def rebound_inside(o, other):
        def swap():
            nonlocal o
            o = other
            return 1
        o.n += swap()
        return o.n
    second = Box(); second.n = 100
    note(rebound_inside(box, second), "rebound")
    sums = rebound(box, second), box.n
    a, b = Truth("a", False), Truth("b", True)
    chosen = []
    if a and b: chosen.append(1)
    elif a or b: chosen.append(2)
    chosen.append("x" if not a else "y")
    chosen += [c for c in range(6) if c % 2 if (last := c) > 1]
    while (n := box.n) < 11: box.n += 1
    (box.p, *box.q), rows[0] = (1, 2, 3), 4
    match n:
        case 11 if b: chosen.append("guard")
    def counter():
        total = 0
        def add(k):
            nonlocal total
            total += k
            return total
        return add
    add = counter()
    def grow():
        global G
        G += [2]
    grow()
    def generator(o):
        o.n += yield "first"
        yield o.n
    g = generator(second)
    try:
        box.n += "text"
    except TypeError as error:
        failure = str(error), error.__traceback__.tb_lineno
    return (same_list, sums, chosen, last, list(rows), [add(2), add(3)], G, box.bump(),
            box.bump(), next(g), g.send(5), box.p, box.q, failure, sorted(locals()),
            list(log))
result = all_of_it()
"""


def test_order_truth_and_in_place_operators_are_kept():
    plain = {"__name__": "tricky"}
    exec(compile(TRICKY, "tricky.py", "exec"), plain)  # noqa: S102 - the comparison
    stalled = StallController().load_source(TRICKY, "tricky.py", "tricky")
    assert stalled.result == plain["result"]


def use_queue(module):
    out = []
    for kind in (module.Queue, module.LifoQueue, module.PriorityQueue):
        q = kind(3)
        for item in (3, 1, 2):
            q.put(item)
        with pytest.raises(module.Full):
            q.put_nowait(4)
        out += [q.get() for _ in range(3)]
        with pytest.raises(module.Empty):
            q.get(timeout=0.001)
    return out


def use_heapq(module):
    heap = [5, 3, 8, 1, 9, 2]
    module.heapify(heap)
    popped = [module.heappop(heap) for _ in range(3)]
    return popped, module.nsmallest(2, heap), list(module.merge([1, 4], [2, 3]))


def use_textwrap(module):
    text = inspect.getdoc(textwrap.wrap) * 3
    return module.wrap(text, 20), module.dedent("  a\n   b"), module.shorten(text, 30)


def use_dataclasses(module):
    point = module.make_dataclass("Point", [("x", int), ("y", int)], order=True)
    p = point(1, 2)
    return repr(p), module.asdict(module.replace(p, y=5)), p < point(1, 3)


def use_decoder(module):
    decode_json = module.JSONDecoder().decode
    return decode_json('{"a": [1, 2.5, null, true, "\\u00e9"], "b": {}}')


def use_argparse(module):
    parser = module.ArgumentParser(prog="p")
    parser.add_argument("-n", type=int, default=1)
    parser.add_argument("files", nargs="*")
    return vars(parser.parse_args(["-n", "3", "a", "b"])), parser.format_help()


@pytest.mark.parametrize(
    ("name", "use"),
    [
        ("queue", use_queue),
        ("heapq", use_heapq),
        ("textwrap", use_textwrap),
        ("dataclasses", use_dataclasses),
        ("json.decoder", use_decoder),
        ("argparse", use_argparse),
    ],
)
def test_the_standard_library_behaves_as_before(name, use):
    original = importlib.import_module(name)
    controller = StallController()
    rewritten = controller.load_source(
        inspect.getsource(original), original.__file__, f"stalled_{name}"
    )
    assert use(rewritten) == use(original)
    assert controller.sites
