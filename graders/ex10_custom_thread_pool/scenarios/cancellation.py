"""X1 to X3: shutting down."""

import concurrent.futures
import threading

from solution import ThreadPool

from racecourse.sandbox import stage
from scenarios import shared


def draining(waiting):
    """Shut down from two threads, and once more, while a held task has others wait."""
    pool = ThreadPool(1, 2)
    futures = [pool.submit(shared.held, number) for number in range(2)]
    stage.wait("more")
    futures += [pool.submit(shared.noted, number) for number in range(waiting)]
    unfinished = []

    def shut():
        pool.shutdown()
        unfinished.append(sum(not future.done() for future in futures))
        stage.note("returned")

    shared.run_all([shut, shut])
    pool.shutdown()
    return [unfinished, shared.outcomes(futures), _refused(pool)]


def _refused(pool):
    try:
        pool.submit(shared.noted, -1)
    except Exception as error:  # noqa: BLE001 - its name is the answer
        return type(error).__name__
    return ""


def closing_on_a_submitter():
    """Shut down, without waiting, while a submitter waits for room."""
    pool = ThreadPool(1, 1, max_queue=1)
    futures = [pool.submit(shared.held, 0), pool.submit(shared.held, 1)]
    answers = []

    def submit():
        stage.note("submitting")
        answers.append(_refused(pool))
        stage.note("answered")

    submitter = threading.Thread(target=submit)
    submitter.start()
    stage.wait("more")
    pool.shutdown(wait=False)
    stage.note("told")
    submitter.join(shared.WITHIN_S)
    outcomes = shared.outcomes(futures)
    pool.shutdown()
    return [answers, outcomes]


def dropping(waiting):
    """Shut down from two threads with `cancel_pending` while two tasks run, others wait."""
    pool = ThreadPool(1, 2)
    running = [pool.submit(shared.held, number) for number in range(2)]
    stage.wait("more")
    queued = [pool.submit(shared.noted, number) for number in range(waiting)]

    def shut():
        pool.shutdown(cancel_pending=True)
        stage.note("returned")

    def collect():
        try:
            ended = concurrent.futures.as_completed([*running, *queued], timeout=6)
            ends.append(len(list(ended)))
        except TimeoutError:
            ends.append(0)

    ends = []
    stage.note("told")
    shared.run_all([shut, shut, collect])
    return {
        "running": shared.outcomes(running),
        "queued": shared.outcomes(queued),
        "ended": ends[0],
        "stats": shared.plain(pool.stats()),
    }


def shut_from_inside(tasks, waiting):
    """Shut down from inside so many tasks at once, with others waiting."""
    pool = ThreadPool(tasks, tasks)

    def shut():
        stage.meet("together", parties=tasks, within_s=shared.WITHIN_S)
        stage.wait("go")
        pool.shutdown()
        return "shut"

    futures = [pool.submit(shut) for _ in range(tasks)]
    queued = [pool.submit(shared.keyed, number, key=1) for number in range(waiting)]
    stage.note("told")
    outcomes = shared.outcomes(futures), shared.outcomes(queued)
    if all(kind == "value" for kind, _ in outcomes[0]):
        pool.shutdown()
    return outcomes


def with_blocks(waiting, text):
    """Leave one with block by a KeyboardInterrupt, and another one as usual."""
    told = ""
    try:
        with ThreadPool(1, 1) as pool:
            running = pool.submit(shared.held, "running")
            shared.until(running.running)
            queued = [pool.submit(shared.noted, number) for number in range(waiting)]
            stage.note("told")
            raise KeyboardInterrupt(text)  # noqa: TRY301 - out of a with block
    except KeyboardInterrupt as error:
        told = str(error)
    with ThreadPool(1, 1) as pool:
        others = [pool.submit(shared.keyed, number, key=1) for number in range(waiting)]
    done = sum(future.done() for future in others)
    return [told, shared.outcome(running), shared.outcomes(queued), done]
