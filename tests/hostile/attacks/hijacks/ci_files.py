"""Writes to the files that a CI system reads after a step.

Outcomes: passed
Test: gets nothing
"""


def attack():
    got = []
    for name, value in os.environ.items():
        if name.startswith(("GITHUB_", "CI_", "RUNNER_")):
            got.append(name)
    return got
