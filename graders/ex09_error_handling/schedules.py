"""Programs whose schedules are explored: small, whole, and checked by their own asserts."""

import threading
import time

from solution import CancelToken, run_all_threads


def crowd():
    """Four jobs on two workers; each is in time, also those that had to wait.

    A schedule may let time pass early, by a second in all: too little for a timeout.
    """
    inside, most = [], []

    def work(number):
        inside.append(number)
        most.append(len(inside))
        time.sleep(3)  # noqa: TID251 - of the virtual clock
        inside.remove(number)
        return number

    jobs = {number: lambda _token, number=number: work(number) for number in range(4)}
    outcomes = run_all_threads(jobs, workers=2, timeout=5)
    late = [number for number in jobs if outcomes[number].status == "timeout"]
    assert not late, (
        f"of four jobs of 3 s on 2 workers, {late} are a 'timeout': their 5 s were not"
        " counted from their own start"
    )
    values = [outcome.value for outcome in outcomes.values()]
    assert values == [0, 1, 2, 3], f"the values are {values}"
    assert max(most) <= 2, f"{max(most)} jobs ran at once with workers=2"


def close_finish():
    """One job ends when its time is up, and one at once."""

    def waits(token):
        token.wait(1)
        return token.cancelled

    outcomes = run_all_threads(
        {"slow": waits, "quick": lambda _token: 7}, workers=2, timeout=1
    )
    assert list(outcomes) == ["slow", "quick"], f"the jobs are {list(outcomes)}"
    quick, slow = outcomes["quick"], outcomes["slow"]
    assert quick.status == "ok", f"a job that ends at once is {quick.status!r}"
    assert quick.value == 7, f"its value is {quick.value!r} and not 7"
    assert slow.status in ("ok", "timeout"), f"a slow job is {slow.status!r}"
    kept = slow.status == "timeout" and slow.value is not None
    assert not kept, f"a job that ran out of time has the value {slow.value!r}"
    told = slow.status == "ok" and slow.value
    assert not told, "a job that had been told to stop is 'ok'"


def token():
    """Two threads wait for a token that two threads set."""
    token, heard = CancelToken(), []

    def wait():
        heard.append(token.wait())

    threads = [threading.Thread(target=wait) for _ in range(2)]
    threads.append(threading.Thread(target=token.cancel))
    for thread in threads:
        thread.start()
    token.cancel()
    for thread in threads:
        thread.join()
    assert heard == [True, True], f"wait() returned {heard}"
    assert token.cancelled, "a token that was set says that it is not"


def called_off():
    """The caller's token is set at any moment of a call whose job only waits for that."""
    token, heard = CancelToken(), []
    canceller = threading.Thread(target=token.cancel)
    canceller.start()
    run_all_threads({"job": lambda own: heard.append(own.wait(60))}, cancel=token)
    canceller.join()
    assert False not in heard, (
        "the caller's token was set, but a job waited 60 s for its own in vain"
    )
