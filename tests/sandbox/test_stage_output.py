"""What the stage's own connections may not do: write into a student's output."""

from collections.abc import Callable

from tests.conftest import Course, Probe

_SCENARIO = """\
import gc, threading
from racecourse.sandbox import stage

def a():
    threads = [threading.Thread(target=stage.note, args=("seen",)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    gc.collect()
    print("mine")
    return 42
"""


def test_threads_that_asked_the_stage_end_without_a_word(
    make_course: Callable[..., Course],
):
    course = make_course(Probe(id="A", scenario=_SCENARIO, limits={"wall_s": 10}))
    (check,) = course.grade()["checks"]
    assert (check["verdict"], check["output"].strip()) == ("passed", "mine")
