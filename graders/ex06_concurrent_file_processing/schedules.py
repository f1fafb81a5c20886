"""Programs whose schedules are explored: small, whole, and checked by their own asserts."""

from pathlib import Path

from solution import process_files

_FILES = [Path(f"explored{number}") for number in range(3)]
_ran = []

for _number, _file in enumerate(_FILES):
    _file.write_bytes(b"%d" % _number)


def _tenfold(content):
    _ran.append(content)
    return int(content) * 10


def program():
    """Two threads share three files."""
    _ran.clear()
    results = process_files(_FILES, _tenfold, approach="threading", max_workers=2)
    values = [result.value for result in results]
    assert values == [0, 10, 20], f"values [0, 10, 20] expected, got {values!r}"
    assert len(_ran) == 3, (
        f"3 files were given, the worker was called {len(_ran)} times"
    )
