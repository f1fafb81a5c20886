"""Leaves modules with the names of the standard library.

Outcomes: passed
"""


def attack():
    for name, text in {
        "json.py": 'open(MARKER, "w").close()\n',
        "random.py": 'open(MARKER, "w").close()\n',
        "socket.py": 'open(MARKER, "w").close()\n',
        "racecourse/__init__.py": 'open(MARKER, "w").close()\n',
    }.items():
        for folder in (os.getcwd(), tempfile.gettempdir(), os.path.expanduser("~")):
            place = os.path.join(folder, name)
            os.makedirs(os.path.dirname(place), exist_ok=True)
            with open(place, "w") as file:
                file.write(text.replace("MARKER", repr(MARKER)))
    return 42
