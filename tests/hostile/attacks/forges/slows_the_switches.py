"""Has threads switch once in a thousand seconds.

Outcomes: passed
"""


def attack():
    import gc

    sys.setswitchinterval(1000)
    gc.disable()
    return 42
