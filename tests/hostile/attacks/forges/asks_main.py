"""Looks for secrets in the main module.

Outcomes: passed
Test: gets nothing
"""


def attack():
    main = sys.modules["__main__"]
    return [name for name in vars(main) if not name.startswith("__")]
