"""Leaves modules that every interpreter imports when it starts.

Outcomes: passed
"""


def attack():
    for name, text in {
        "sitecustomize.py": 'open(MARKER, "w").close()\n',
        "usercustomize.py": 'open(MARKER, "w").close()\n',
        "evil.pth": "import sitecustomize\n",
    }.items():
        for folder in (os.getcwd(), tempfile.gettempdir(), os.path.expanduser("~")):
            place = os.path.join(folder, name)
            os.makedirs(os.path.dirname(place), exist_ok=True)
            with open(place, "w") as file:
                file.write(text.replace("MARKER", repr(MARKER)))
    return 42
