"""Taking a submission in: a file, folder, notebook or archive becomes one text.

Nothing of it is run here. Every way in which it cannot be graded ends in one sentence
that says what is wrong with which file and what to do.
"""

import ast
import codecs
import hashlib
import io
import json
import os
import stat
import tokenize
import warnings
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from racecourse.grading import archives
from racecourse.model.submission import Submission, SubmissionProblem

_MAX_BYTES = 1 << 20
_MAX_ARCHIVE_BYTES = 16 << 20
_SOLUTION = "solution.py"


def take_in(path: Path, *, official: bool = False) -> Submission:
    """Return the submission at this path.

    Args:
        path: A file, a folder, a notebook or an archive.
        official: Whether it is a stranger's: then a link is refused, because it may
            lead to a file that its author could not read.

    Raises:
        SubmissionProblem: If there is none, or if it cannot be graded.
    """
    try:
        file = _the_file(path)
    except OSError as error:  # no right to look there, or a name beyond all bounds
        raise SubmissionProblem(
            f"{path} cannot be read: {error.strerror}.", usage=True
        ) from None
    if archives.is_archive(file.name):
        file, raw = _out_of_archive(file, official=official)
    else:
        raw = _read(file, _MAX_BYTES, official=official)
    text = _notebook_code(raw, file) if file.suffix == ".ipynb" else _decode(raw, file)
    if not text.strip():
        raise SubmissionProblem(f"{file} is empty. Write your solution into it.")
    _parse(text, file)
    return Submission(
        origin=str(path), source=text, sha256=hashlib.sha256(text.encode()).hexdigest()
    )


def _the_file(path: Path) -> Path:
    if path.is_dir():
        return _in_folder(path)
    if not path.exists():
        raise SubmissionProblem(
            f"There is no file {path}. Give the path of your solution, or run"
            " `grade init` for a workspace.",
            usage=True,
        )
    if not path.is_file():
        raise SubmissionProblem(f"{path} is not a regular file.", usage=True)
    if path.suffix not in {".py", ".ipynb"} and not archives.is_archive(path.name):
        raise SubmissionProblem(
            f"{path} is neither a Python file (.py) nor a notebook (.ipynb) nor an"
            " archive (.zip, .tar.gz).",
            usage=True,
        )
    return path


def _in_folder(folder: Path) -> Path:
    if (folder / _SOLUTION).is_file():
        return folder / _SOLUTION
    candidates = sorted(
        path
        for path in (*folder.glob("*.py"), *folder.glob("*.ipynb"))
        # macOS leaves `._solution.py` beside a file that it packs.
        if path.is_file() and not path.name.startswith(".")
    )
    return folder / _choose([path.name for path in candidates], folder)


def _choose(names: Iterable[str], where: Path) -> str:
    """Return the one file to grade: `solution.py`, or the only one there is."""
    names = tuple(names)
    named = [name for name in names if PurePosixPath(name).name == _SOLUTION]
    for some in (named, names):
        if len(some) == 1:
            return some[0]
    seen = f"{len(named or names)} files to choose from" if names else "no Python file"
    lacks = f"more than one {_SOLUTION}" if named else f"no {_SOLUTION}"
    raise SubmissionProblem(
        f"{where} has {lacks} ({seen}). Name the file that you want graded.", usage=True
    )


def _out_of_archive(file: Path, *, official: bool) -> tuple[Path, bytes]:
    """Return the solution in an archive, and what to call it."""
    raw = _read(file, _MAX_ARCHIVE_BYTES, official=official)
    try:
        found = archives.candidates(raw, file.name, max_bytes=_MAX_BYTES)
    except archives.BadArchive as problem:
        raise SubmissionProblem(f"{file} cannot be used: {problem}.") from None
    name = _choose(sorted(found), file)
    return file / name, found[name]


def _read(file: Path, limit: int, *, official: bool) -> bytes:
    """Read a regular file; never a device, never more than the limit."""
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        fd = os.open(file, flags | os.O_NOFOLLOW if official else flags)
    except OSError as error:
        is_link = official and file.is_symlink()
        why = "it is a link; give the file itself" if is_link else error.strerror
        raise SubmissionProblem(f"{file} cannot be read: {why}.") from None
    with os.fdopen(fd, "rb") as opened:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise SubmissionProblem(f"{file} is not a regular file.", usage=True)
        raw = opened.read(limit + 1)
    if len(raw) > limit:
        raise SubmissionProblem(
            f"{file} is larger than {limit >> 20} MiB; a solution is not."
        )
    return raw


def _decode(raw: bytes, file: Path) -> str:
    if b"\0" in raw:
        raise SubmissionProblem(f"{file} is not text: it looks like a binary file.")
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(raw).readline)
        if codecs.lookup(encoding).name not in {"utf-8", "utf-8-sig", "ascii"}:
            raise SubmissionProblem(
                f"{file} declares the encoding {encoding}. Save it as UTF-8 and remove"
                " the coding line."
            )
        return raw.decode(encoding)
    except (SyntaxError, UnicodeDecodeError):
        raise SubmissionProblem(
            f"{file} is not valid UTF-8 text. Save it as UTF-8."
        ) from None


def _notebook_code(raw: bytes, file: Path) -> str:
    """Return the code cells one after the other; shell and magic lines are left out."""
    try:
        cells = json.loads(raw)["cells"]
        sources = ["".join(c["source"]) for c in cells if c["cell_type"] == "code"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise SubmissionProblem(f"{file} is not a notebook that can be read.") from None
    if not any(source.strip() for source in sources):
        raise SubmissionProblem(f"{file} is a notebook without code.")
    return "\n\n".join(
        _without_magic(source)
        for source in sources
        if not source.lstrip().startswith("%%")
    )


def _without_magic(source: str) -> str:
    """Return a cell without its magic lines; one that is Python already stays as it is.

    A line that continues `a` with `% b` only looks like magic.
    """
    try:
        ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return "\n".join("" if _is_magic(line) else line for line in source.split("\n"))
    return source


def _is_magic(line: str) -> bool:
    return line.lstrip().startswith(("%", "!"))


def _parse(text: str, file: Path) -> None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the submission's warnings are its own
            # Compiled and not only parsed: `return` outside a function parses.
            compile(text, _SOLUTION, "exec", dont_inherit=True)
    except SyntaxError as error:
        raise SubmissionProblem(_syntax_message(error, text, file)) from None
    except (ValueError, RecursionError, MemoryError) as error:
        raise SubmissionProblem(f"{file} cannot be parsed: {error}.") from None


def _syntax_message(error: SyntaxError, text: str, file: Path) -> str:
    """Show the line and put a caret under the place, as Python does."""
    lines = text.split("\n")
    number = error.lineno or 0
    line = lines[number - 1].rstrip("\r") if 0 < number <= len(lines) else ""
    column = max(0, (error.offset or 1) - 1)
    indent = "".join("\t" if char == "\t" else " " for char in line[:column])
    return (
        f"{file}, line {number}: {error.msg}.\n\n"
        f"    {line}\n"
        f"    {indent}^\n\n"
        "Nothing was graded. Mend this line and grade again."
    )
