"""Leaves a customisation in the home folder.

Outcomes: passed
"""


def attack():
    for name, text in {
        ".local/lib/python3.11/site-packages/usercustomize.py": 'open(MARKER, "w").close()\n',
        ".local/lib/python3.12/site-packages/usercustomize.py": 'open(MARKER, "w").close()\n',
        ".local/lib/python3.13/site-packages/usercustomize.py": 'open(MARKER, "w").close()\n',
        ".config/pip/pip.conf": "[global]\nno-index = true\n",
    }.items():
        for folder in (os.getcwd(), tempfile.gettempdir(), os.path.expanduser("~")):
            place = os.path.join(folder, name)
            os.makedirs(os.path.dirname(place), exist_ok=True)
            with open(place, "w") as file:
                file.write(text.replace("MARKER", repr(MARKER)))
    return 42
