"""What several categories share: threads that ask."""

import threading


def all_at_once(jobs):
    """Run each job in a thread of its own and return what each returned, in order."""
    outcomes = [None] * len(jobs)

    def run(number, job):
        outcomes[number] = job()

    threads = [threading.Thread(target=run, args=each) for each in enumerate(jobs)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes
