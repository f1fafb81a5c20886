"""Programs whose schedules are explored: small, whole, and checked by their own asserts."""

from pathlib import Path

from solution import process_files


def program():
    """Two threads share three files."""
    files = [Path(f"explored{number}") for number in range(3)]
    for number, file in enumerate(files):
        if not file.exists():
            file.write_bytes(b"%d" % number)
    ran = []

    def tenfold(content):
        ran.append(content)
        return int(content) * 10

    results = process_files(files, tenfold, approach="threading", max_workers=2)
    values = [result.value for result in results]
    assert values == [0, 10, 20], f"values [0, 10, 20] expected, got {values!r}"
    assert len(ran) == 3, f"3 files were given, the worker was called {len(ran)} times"
