"""Taking a submission in: a file, a folder or a notebook becomes one text, or a problem.

Nothing of it is run here. Every way in which it cannot be graded ends in one sentence
that says what is wrong with which file and what to do.
"""

import ast
import codecs
import hashlib
import io
import json
import tokenize
import warnings
from pathlib import Path

from racecourse.model.submission import Submission, SubmissionProblem

_MAX_BYTES = 1 << 20
_SOLUTION = "solution.py"


def take_in(path: Path) -> Submission:
    """Return the submission at this path.

    Raises:
        SubmissionProblem: If there is none, or if it cannot be graded.
    """
    try:
        file = _the_file(path)
    except OSError as error:  # no right to look there, or a name beyond all bounds
        raise SubmissionProblem(
            f"{path} cannot be read: {error.strerror}.", usage=True
        ) from None
    raw = _read(file)
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
    if path.suffix not in {".py", ".ipynb"}:
        raise SubmissionProblem(
            f"{path} is neither a Python file (.py) nor a notebook (.ipynb).",
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
    if len(candidates) == 1:
        return candidates[0]
    seen = (
        "no Python file"
        if not candidates
        else f"{len(candidates)} files to choose from"
    )
    raise SubmissionProblem(
        f"{folder} has no {_SOLUTION} ({seen}). Name the file that you want graded.",
        usage=True,
    )


def _read(file: Path) -> bytes:
    try:
        if file.stat().st_size > _MAX_BYTES:
            raise SubmissionProblem(
                f"{file} is larger than {_MAX_BYTES >> 20} MiB; a solution is not."
            )
        return file.read_bytes()
    except OSError as error:
        raise SubmissionProblem(f"{file} cannot be read: {error.strerror}.") from None


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
