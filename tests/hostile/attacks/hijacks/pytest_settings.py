"""Leaves settings that make pytest pass everything.

Outcomes: passed
"""


def attack():
    for name, text in {
        "pytest.ini": "[pytest]\naddopts = --collect-only\n",
        "tox.ini": "[pytest]\naddopts = -p evil\n",
        "evil.py": 'open(MARKER, "w").close()\n',
    }.items():
        for folder in (os.getcwd(), tempfile.gettempdir(), os.path.expanduser("~")):
            place = os.path.join(folder, name)
            os.makedirs(os.path.dirname(place), exist_ok=True)
            with open(place, "w") as file:
                file.write(text.replace("MARKER", repr(MARKER)))
    return 42
