"""Submissions in archives: a bounded reader of zip and tar files.

An archive comes from a stranger. Nothing is ever written to disk from one: regular files
that may be a solution are read into memory, and everything about them is bounded: how
many members there are, how long their names are, how many bytes come out of the
decompression, of one member and of all. Links, devices and whatever else an archive can
hold are passed over, and so are names that no student's machine gives to a solution.
"""

import bz2
import gzip
import io
import lzma
import tarfile
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import IO

SUFFIXES = (".zip", ".tar", ".tgz", ".tar.gz", ".tar.bz2", ".tar.xz")

_MEMBERS = 2_000
_NAME_CHARS = 300
_TOTAL_BYTES = 64 << 20
_SOLUTION_SUFFIXES = {".py", ".ipynb"}
# Files that steer Python or pytest and are nobody's solution.
_NOT_A_SOLUTION = {"conftest.py", "sitecustomize.py", "usercustomize.py", "setup.py"}
_UNREADABLE: tuple[type[Exception], ...] = (
    *(zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, EOFError),
    *(OSError, ValueError, NotImplementedError, RuntimeError, KeyError, IndexError),
    *(UnicodeError, OverflowError, MemoryError, RecursionError, AttributeError),
    *(TypeError, AssertionError),  # the parsers of the library meet nonsense with these
)


class BadArchive(Exception):  # noqa: N818 - a judgement about a stranger's file
    """The archive cannot be used; the text says why."""


def is_archive(name: str) -> bool:
    """Whether the name is that of an archive which we read."""
    return name.lower().endswith(SUFFIXES)


def candidates(raw: bytes, name: str, *, max_bytes: int) -> dict[str, bytes]:
    """Return the files of an archive that may be a solution, by their names in it.

    Args:
        raw: The archive.
        name: Its name, whose ending says what it is.
        max_bytes: The most bytes that one file may have.

    Raises:
        BadArchive: If it cannot be read, or is beyond the bounds.
    """
    read = _from_zip if name.lower().endswith(".zip") else _from_tar
    found: dict[str, bytes] = {}
    taken: set[str] = set()
    try:
        for member, content in read(raw, max_bytes):
            key = unicodedata.normalize("NFC", member).casefold()
            if key in taken:
                raise BadArchive(f"it has two files called {member}")
            taken.add(key)
            found[member] = content
    except _UNREADABLE as error:
        why = str(error).strip() or type(error).__name__
        raise BadArchive(f"it cannot be read: {why}") from None
    return found


def _from_zip(raw: bytes, max_bytes: int) -> Iterator[tuple[str, bytes]]:
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        _demand_few(len(archive.infolist()))
        budget = _TOTAL_BYTES
        for member in archive.infolist():
            # The upper half holds the Unix mode; 0: made by a system without modes.
            kind = (member.external_attr >> 16) & 0o170000
            is_regular = kind in {0, 0o100000} and not member.is_dir()
            if is_regular and _may_be_a_solution(member.filename):
                with archive.open(member) as file:
                    content = _read(file, member.filename, max_bytes)
                budget -= len(content)
                _demand_small(budget)
                yield member.filename, content


def _from_tar(raw: bytes, max_bytes: int) -> Iterator[tuple[str, bytes]]:
    with (
        _decompressed(raw) as stream,
        tarfile.open(fileobj=_Bounded(stream), mode="r|") as archive,
    ):
        for count, member in enumerate(archive, start=1):
            _demand_few(count)
            if member.isreg() and _may_be_a_solution(member.name):
                file = archive.extractfile(member)
                if file is not None:
                    yield member.name, _read(file, member.name, max_bytes)


def _decompressed(raw: bytes) -> io.BufferedIOBase:
    """Open the tar inside, by what the bytes say and not by the name."""
    file = io.BytesIO(raw)
    if raw.startswith(b"\x1f\x8b"):
        return gzip.GzipFile(fileobj=file)
    if raw.startswith(b"BZh"):
        return bz2.BZ2File(file)
    if raw.startswith(b"\xfd7zXZ\x00"):
        return lzma.LZMAFile(file)
    return file


class _Bounded(io.RawIOBase):
    """A stream that ends in an error when more comes out of it than anybody hands in."""

    def __init__(self, stream: io.BufferedIOBase) -> None:
        self._stream = stream
        self._left = _TOTAL_BYTES

    def read(self, size: int = -1) -> bytes:
        part = self._stream.read(min(size, 1 << 20) if size > 0 else 1 << 20)
        self._left -= len(part)
        _demand_small(self._left)
        return part


def _read(file: IO[bytes], name: str, max_bytes: int) -> bytes:
    content = file.read(max_bytes + 1)
    if len(content) > max_bytes:
        raise BadArchive(f"{name} in it is larger than {max_bytes >> 20} MiB")
    return content


def _may_be_a_solution(name: str) -> bool:
    if len(name) > _NAME_CHARS or "\0" in name or "\\" in name:
        return False
    path = PurePosixPath(name)
    parts = path.parts
    return (
        path.suffix in _SOLUTION_SUFFIXES
        and path.name not in _NOT_A_SOLUTION
        and not path.is_absolute()
        and not any(part.startswith((".", "__")) for part in parts)
    )


def _demand_few(members: int) -> None:
    if members > _MEMBERS:
        raise BadArchive(f"it has more than {_MEMBERS} members")


def _demand_small(left: int) -> None:
    if left < 0:
        raise BadArchive(f"more than {_TOTAL_BYTES >> 20} MiB come out of it")
