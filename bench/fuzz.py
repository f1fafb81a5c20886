"""Does anything that a stranger sends break the readers? A plain byte fuzzer.

    python bench/fuzz.py                       # 1,000,000 frames, 100,000 files
    python bench/fuzz.py --frames 10000 --files 1000 --seed 7

Frames go through a real socket to the protocol's reader, files to the intake: texts,
notebooks and archives, whole and bent. What may come out is a value or one of the
reader's own exceptions; anything else ends the run with the input that did it. Prints how
many inputs were read and refused, the slowest of them, and how the memory grew.
"""

import argparse
import collections
import io
import json
import random
import resource
import socket
import sys
import tarfile
import tempfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

from racecourse.grading import intake
from racecourse.model.submission import SubmissionProblem
from racecourse.sandbox import protocol

_TOKENS = (
    *(b"{", b"}", b"[", b"]", b'"', b":", b",", b"null", b"true", b"NaN", b"1e999"),
    *(b"-", b"0", b"9" * 40, b'"ret"', b'"value"', b"\\ud800", b"\xff", b"\xfe\x00"),
    *(b'{"a":', b"[[[[", b"\x00", b'{"a":1,"a":2}', b"\xed\xa0\x80"),
)
_MESSAGES = (
    {"ret": 1, "value": {"results": [1, 2.5, "x", None, True], "deep": [[[{}]]]}},
    {"exc": 2, "type": "E", "bases": ["E"], "text": "t", "trace": []},
    {"op": "note", "name": "n", "pid": 1, "tid": 2, "data": {"k": "\u2028"}},
)
_CODE = b"import threading\n\n\ndef run(n):\n    return [n for _ in range(n)]\n"


def bent(raw: bytes, rng: random.Random) -> bytes:
    """Change, insert, drop or repeat some of the bytes."""
    data = bytearray(raw)
    for _ in range(rng.randrange(4)):
        at = rng.randrange(len(data) + 1)
        match rng.randrange(5):
            case 0 if at < len(data):
                data[at] = rng.randrange(256)
            case 1:
                data[at:at] = rng.choice(_TOKENS)
            case 2:
                del data[at : at + rng.randrange(1, 9)]
            case 3:
                data[at:at] = data[at : at + rng.randrange(1, 200)] * rng.randrange(
                    1, 9
                )
            case _:
                data = data[: at or 1]
    return bytes(data)


def a_frame(rng: random.Random) -> bytes:
    """Return a frame, whole, bent, or with a header that lies."""
    if rng.random() < 0.2:
        body = b"".join(rng.choices(_TOKENS, k=rng.randrange(30)))
        return len(body).to_bytes(4, "big") + body
    frame = protocol.encode(rng.choice(_MESSAGES))
    return bent(frame, rng) if rng.random() < 0.9 else frame


def read_frame(frame: bytes) -> str:
    """Send the bytes through a socket, close it, and read."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(frame)
        theirs.shutdown(socket.SHUT_WR)
        try:
            protocol.receive(ours, within_s=5)
        except (protocol.ProtocolError, protocol.ChannelClosed) as refused:
            return type(refused).__name__
    return "read"


def _zip(code: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a/solution.py", code)
    return file.getvalue()


def _tar(code: bytes) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        member = tarfile.TarInfo("solution.py")
        member.size = len(code)
        archive.addfile(member, io.BytesIO(code))
    return file.getvalue()


_FILES = (
    ("a.py", _CODE),
    ("a.py", b"# -*- coding: latin-1 -*-\n" + _CODE),
    (
        "a.ipynb",
        json.dumps({"cells": [{"cell_type": "code", "source": ["x = 1"]}]}).encode(),
    ),
    ("a.zip", _zip(_CODE)),
    ("a.tar.gz", _tar(_CODE)),
)


def take_file(folder: Path, rng: random.Random) -> str:
    """Bend a file and hand it in."""
    name, raw = rng.choice(_FILES)
    path = folder / name
    path.write_bytes(bent(raw, rng))
    try:
        intake.take_in(path, official=True)
    except SubmissionProblem:
        return "refused"
    return "read"


def run(
    what: str, times: int, once: Callable[[], str], shown: Callable[[], bytes]
) -> None:
    """Do it `times` times and print what came of it; stop at what breaks a reader."""
    outcomes: collections.Counter[str] = collections.Counter()
    slowest = 0.0
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(times):
        begun = time.perf_counter()
        try:
            outcomes[once()] += 1
        except BaseException:
            print(f"{what}: broken by {shown()!r}", file=sys.stderr)
            raise
        slowest = max(slowest, time.perf_counter() - begun)
    grew = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    told = ", ".join(f"{n:,} {outcome}" for outcome, n in outcomes.most_common())
    print(
        f"{what}: {times:,} inputs: {told}; slowest {slowest * 1e3:.0f} ms; grew {grew} KiB"
    )


def main() -> None:
    """Fuzz both readers."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=1_000_000)
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument(
        "--seed", type=int, default=random.SystemRandom().randrange(1 << 31)
    )
    options = parser.parse_args()
    print(f"seed {options.seed}, Python {sys.version.split()[0]}")
    rng = random.Random(options.seed)
    last = [b""]

    def frame_once() -> str:
        last[0] = a_frame(rng)
        return read_frame(last[0])

    run("frames", options.frames, frame_once, lambda: last[0])
    with tempfile.TemporaryDirectory() as folder:
        run("files", options.files, lambda: take_file(Path(folder), rng), lambda: b"")


if __name__ == "__main__":
    main()
