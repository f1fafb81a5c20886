"""Files that are processed and what must come out, drawn anew for every run."""

import contextlib
import hashlib
from dataclasses import dataclass

import pytest

from racecourse.checks import Fifos, must

_APPROACHES = ("threading", "multiprocessing", "asyncio")


@dataclass(frozen=True)
class Files:
    """The contents of some files, where they are, and the key of the work on them."""

    paths: list[str]
    contents: list[bytes]
    key: str

    @property
    def args(self):
        """The arguments that a scenario takes for these files."""
        return {"paths": self.paths, "key": self.key}

    @property
    def answers(self):
        """What the work must give for each file."""
        return list(map(self._answer, self.contents))

    def _answer(self, content):
        key = bytes.fromhex(self.key)
        return hashlib.blake2b(content, key=key, digest_size=12).hexdigest()

    def at(self, numbers):
        """Return some of the files, in this order."""
        return Files(
            [self.paths[n] for n in numbers],
            [self.contents[n] for n in numbers],
            self.key,
        )

    def must_be_done(self, seen, *, run, but=()):
        """Demand a right result for every file at its place, but for some numbers.

        Args:
            seen: The plain FileResults.
            run: Which run this was, to begin a sentence with.
            but: Numbers of the files that something else is demanded of.
        """
        count = len(self.paths)
        must.hold(
            isinstance(seen, list) and len(seen) == count,
            f"{run}: {count} files were given, and"
            f" {len(seen) if isinstance(seen, list) else 'no'} results came out.",
        )
        place_of = {answer: n for n, answer in enumerate(self.answers)}
        for number, (result, answer) in enumerate(zip(seen, self.answers, strict=True)):
            if number in but:
                continue
            what = f"{run}, file {number + 1} of {count}"
            must.hold(
                result["path"] == self.paths[number],
                f"{what}: the result has another path than the file.",
            )
            must.hold(
                result["ok"] is True,
                f"{what}: ok is {result['ok']!r}, with the error"
                f" {(result['error'] or ['None'])[0]}: {result['text']}.",
            )
            other = place_of.get(result["value"])
            if other is not None and answer != result["value"]:
                must.fail(f"{what}: the value is that of file {other + 1}.")
            first = Fifos.first_piece(self.contents[number])
            must.hold(
                not first or result["value"] != self._answer(first),
                f"{what}: the value is that of the first {len(first)} bytes; the pipe was"
                f" written in two pieces, {len(self.contents[number])} bytes in all. Read"
                " until there is nothing more.",
            )
            must.equal(result["value"], answer, what=f"{what}, value")


@pytest.fixture
def contents(draw):
    """Draw so many different short contents."""

    def drawn(count):
        return [
            b"%d:" % n + draw.randbytes(draw.randrange(8, 90)) for n in range(count)
        ]

    return drawn


@pytest.fixture
def files(draw, contents):
    """Write files for a worker: contents, or so many short ones."""

    def written(worker, given):
        wanted = contents(given) if isinstance(given, int) else given
        folder = worker.folder / f"{draw.randrange(1 << 32):08x}"
        folder.mkdir()
        paths = [folder / f"{n:03}.dat" for n in range(len(wanted))]
        for path, content in zip(paths, wanted, strict=True):
            path.write_bytes(content)
        return Files([str(path) for path in paths], wanted, draw.randbytes(8).hex())

    return written


@pytest.fixture
def held_files(draw, contents):
    """Make so many files for a worker whose readers wait until the pipes are fed."""
    with contextlib.ExitStack() as stack:

        def made(worker, count):
            wanted = contents(count)
            pipes = stack.enter_context(Fifos(worker.folder, wanted))
            return Files(pipes.paths, wanted, draw.randbytes(8).hex()), pipes

        yield made


@pytest.fixture
def workers(submission):
    """Give a worker for each approach, so that three runs can be watched at once."""
    with contextlib.ExitStack() as stack:
        others = [stack.enter_context(submission.fresh()) for _ in _APPROACHES[1:]]
        yield dict(zip(_APPROACHES, [submission, *others], strict=True))
