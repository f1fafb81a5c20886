"""Prints a report with full marks.

Outcomes: wrong-result
"""


def attack():
    print(json.dumps({"exercise": "ex1", "score": 100, "max_score": 100, "checks": []}))
    print("passed C1 100 of 100", flush=True)
    return 41
