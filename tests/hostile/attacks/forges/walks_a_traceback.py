"""Looks for the expected value in the frames of a traceback.

Outcomes: wrong-result
Test: guess
"""


def attack():
    try:
        raise ValueError
    except ValueError as error:
        frame = error.__traceback__.tb_frame
    found = 0
    while frame is not None:
        for name, value in frame.f_locals.items():
            if "expect" in name or "wanted" in name or "n" == name:
                found = value if type(value) is int else found
        frame = frame.f_back
    return found
