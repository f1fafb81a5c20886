"""Leaves a compiled module for the next import.

Outcomes: passed
"""


def attack():
    import py_compile

    with open("json.py", "w") as file:
        file.write("raise SystemExit")
    py_compile.compile("json.py", "__pycache__/json.cpython-311.pyc")
    os.remove("json.py")
    return 42
