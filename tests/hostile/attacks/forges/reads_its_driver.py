"""Reads the source of the code that drives it.

Outcomes: wrong-result
Test: guess
"""


def attack():
    import inspect
    import re

    text = "".join(
        inspect.getsource(module)
        for name, module in list(sys.modules.items())
        if name.startswith("scenarios")
    )
    numbers = re.findall(r"\d{4,}", text)
    return int(numbers[0]) if numbers else 0
