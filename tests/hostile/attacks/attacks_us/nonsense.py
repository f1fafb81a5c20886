"""Talks nonsense to the stage.

Outcomes: passed
"""


def attack():
    for data in (
        b"\0",
        b"\0\0\0\4oops",
        b"\xff" * 9,
        frame(
            {
                "op": "meet",
                "name": [],
                "pid": 1,
                "tid": 1,
                "parties": 2,
                "within_s": 1e308,
            }
        ),
        frame({"op": "note", "name": "n", "pid": 1, "tid": 1, "data": [1]}),
    ):
        connect().sendall(data)
    from racecourse.sandbox import stage

    stage.note("still there")
    return 42
