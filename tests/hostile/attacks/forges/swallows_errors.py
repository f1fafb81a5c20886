"""Silences every hook that reports an error.

Outcomes: wrong-result
"""


def attack():
    sys.excepthook = sys.unraisablehook = threading.excepthook = lambda *a: None
    threading.Thread(target=lambda: 1 / 0).start()
    return 41
