"""Writing a file so that nobody ever sees half of it."""

import contextlib
import os
import tempfile
from pathlib import Path


def replace_file(path: Path, text: str) -> None:
    """Write a file so that readers see all of it or nothing of it.

    What is no regular file, such as a pipe or /dev/null, is written to directly; a link
    is followed.

    Raises:
        OSError: If it cannot be written; what was there before is still there.
    """
    if path.exists() and not path.is_file():
        path.write_text(text, encoding="utf-8")
        return
    path = path.resolve()
    draft = path.with_name(f".{path.name}.{os.urandom(4).hex()}")
    fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    try:
        with os.fdopen(fd, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            draft.unlink()
        raise


def keep_for_us(text: str) -> Path:
    """Write down a mistake of ours in a file of its own, to be sent to us."""
    fd, name = tempfile.mkstemp(prefix="grade-error-", suffix=".txt")
    with os.fdopen(fd, "w", encoding="utf-8", errors="backslashreplace") as file:
        file.write(text)
    return Path(name)
