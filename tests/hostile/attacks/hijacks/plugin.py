"""Leaves a plugin of pytest, with an entry point.

Outcomes: passed
"""


def attack():
    for name, text in {
        "evil.dist-info/entry_points.txt": "[pytest11]\nevil = evil\n",
        "evil.dist-info/METADATA": "Name: evil\nVersion: 1\n",
        "evil.py": 'open(MARKER, "w").close()\n',
    }.items():
        for folder in (os.getcwd(), tempfile.gettempdir(), os.path.expanduser("~")):
            place = os.path.join(folder, name)
            os.makedirs(os.path.dirname(place), exist_ok=True)
            with open(place, "w") as file:
                file.write(text.replace("MARKER", repr(MARKER)))
    return 42
