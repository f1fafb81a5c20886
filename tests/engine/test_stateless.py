"""Which programs are imported once for all executions, and which for each."""

import dataclasses
from textwrap import dedent

import pytest

from racecourse.engine import Budget, Verdict, explore_source
from racecourse.engine.program import Program, Source
from racecourse.engine.stateless import keeps_no_state

_STATELESS = [
    'T = TypeVar("T")',
    'Status = Literal["ok", "error"]',
    "Hand = Callable[[int, str], tuple[Any, ...] | None]",
    "LIMIT, STEP = 3, -1",
    "FACTOR = 2 * LIMIT",
    "class Handle(Generic[T]):\n    name: str\n    limit: int = 3",
    "class Pool(threading.Thread): ...",
    "@dataclass(order=True)\nclass Task:\n    fn: Any = field(default_factory=list)",
    "@contextlib.contextmanager\ndef held(): yield",
    "def work(decide=lambda name: None): ...",
    'if __name__ == "__main__":\n    jobs = []',
    "if TYPE_CHECKING:\n    from somewhere import something",
]
_STATEFUL = [
    "jobs = []\ndef work(): jobs.append(1)",
    'pools = {"thread": make()}',
    "lock = threading.Lock()",
    "class Pool:\n    workers = []",
    "def work(seen=[]): ...",
    "def work(decide=lambda seen=[]: seen): ...",
    "@functools.cache\ndef work(): ...",
    "@register\nclass Job: ...",
    "class Job(make_base()): ...",
    "class Job(Base[make()]): ...",
    "def work():\n    global count\n    count = 1",
    "first = jobs[make()]",
    "if ready:\n    pass",
    "for n in range(3):\n    pass",
]


_TABLE = (
    'POOLS = {"thread": ThreadPoolExecutor, "process": futures.ProcessPoolExecutor}\n'
)
_TABLES = [
    _TABLE,
    _TABLE + "def work(where): return POOLS[where](4)",
    _TABLE + "def work(where): return POOLS.get(where) if where in POOLS else None",
    _TABLE + "def names(): return ', '.join(POOLS) + str(sorted(POOLS)[0])",
    _TABLE + "def names(): return [name for name in POOLS]",
    "SIZES: list[int] = [1, 2, 3]\ndef work():\n    for size in SIZES: print(size)",
    "PAIRS = [(1, 'one'), (2, 'two')]\ndef work(): return dict(PAIRS)",
    "END = object()",
]
_CHANGED = [
    _TABLE + "def work(where): POOLS[where] = None",
    _TABLE + "def work(where): del POOLS[where]",
    _TABLE + "def work(where): return POOLS.pop(where)",
    _TABLE + "def work(where): return change(POOLS)",
    _TABLE + "def work(where): pools = POOLS; pools.clear()",
    _TABLE + "def work(where, pools=POOLS): pools.clear()",
    _TABLE + "import program\ndef work(where): program.POOLS.clear()",
    _TABLE + "from program import POOLS as pools\ndef work(): pools.clear()",
    _TABLE + "import program\ndef work(): getattr(program, 'POOLS').clear()",
    _TABLE + "def work(where): globals()['POOLS'].clear()",
    _TABLE + "def sorted(of): of.clear()\ndef work(): sorted(POOLS)",
    _TABLE + "POOLS |= {}",
    _TABLE + "FIRST = [POOLS]\ndef work(): FIRST[0].clear()",
    "LISTS = {'a': []}\ndef work(): LISTS['a'].append(1)",
    "LISTS = {'a': ([],)}\ndef work(): LISTS['a'][0].append(1)",
    "SIZES = [1]\ndef work():\n    for SIZES[0] in range(3): pass",
]


def _program(text: str) -> Program:
    source = Source(module="program", path="program.py", text=text)
    return Program(sources=(source,), function="main")


@pytest.mark.parametrize("text", [*_STATELESS, *_TABLES])
def test_types_constants_functions_classes_and_tables_are_no_state(text: str):
    assert keeps_no_state(_program(text))


@pytest.mark.parametrize("text", [*_STATEFUL, *_CHANGED])
def test_what_can_change_is_state(text: str):
    assert not keeps_no_state(_program(text))


_COUNTS = """
    import threading
    from dataclasses import dataclass
    {state}

    @dataclass
    class Counter:
        value: int = 0

        def add(self):
            self.value += 1

    def main():
        {use}
        counter = Counter()
        threads = [threading.Thread(target=counter.add) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert counter.value {least} 1
"""


@pytest.mark.parametrize(("least", "verdict"), [(">=", False), (">", True)])
def test_a_program_is_judged_alike_with_state_and_without(least: str, *, verdict: bool):
    def judged(state: str, use: str) -> tuple[Verdict, int]:
        text = dedent(_COUNTS).format(state=state, use=use, least=least)
        report = explore_source(text, "main", budget=Budget.of_runs(60))
        return report.verdict, report.runs

    without = judged("seen = ()", "assert not seen")
    kept = judged("seen = []", "assert not seen; seen.append(1)")
    assert without == kept
    assert (without[0] is Verdict.FAILED) == verdict


def test_dataclasses_is_left_as_it_was():
    explore_source(dedent(_COUNTS).format(state="", use="", least=">="), "main")
    assert "exec" not in vars(dataclasses)
