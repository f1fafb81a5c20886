"""Archives come from strangers: bounded in every way, and nothing is written to disk."""

import io
import tarfile
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from racecourse.grading import archives, intake
from racecourse.model.submission import SubmissionProblem

CODE = b"x = 1\n"
_MAX = 1 << 20


def zip_of(*members: tuple[str | zipfile.ZipInfo, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return file.getvalue()


def tar_of(*members: tuple[tarfile.TarInfo, bytes], mode: str = "w:gz") -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode=mode) as archive:  # type: ignore[call-overload]
        for member, content in members:
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return file.getvalue()


def entry(
    name: str, kind: bytes = tarfile.REGTYPE, target: str = ""
) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, target
    return member


def taken(tmp_path: Path, name: str, raw: bytes) -> str:
    (tmp_path / name).write_bytes(raw)
    return intake.take_in(tmp_path / name, official=True).source


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_a_tar_is_read_whatever_packed_it(tmp_path: Path, mode: str):
    raw = tar_of((entry("mine/solution.py"), CODE), mode=mode)
    assert taken(tmp_path, "mine.tar.gz", raw) == CODE.decode()


def test_a_zip_with_a_solution_among_other_things(tmp_path: Path):
    raw = zip_of(
        ("mine/solution.py", CODE),
        ("mine/helper.py", b"y = 2\n"),
        ("__MACOSX/mine/._solution.py", b"\0"),
        ("mine/conftest.py", b"raise SystemExit"),
        ("mine/__pycache__/solution.cpython-311.pyc", b"\0"),
    )
    assert taken(tmp_path, "mine.zip", raw) == CODE.decode()


def test_nothing_outside_of_an_archive_is_touched(tmp_path: Path):
    """Links, devices, absolute names and names that climb are passed over."""
    raw = tar_of(
        (entry("solution.py", tarfile.SYMTYPE, "/etc/passwd"), b""),
        (entry("again.py", tarfile.LNKTYPE, "../../etc/passwd"), b""),
        (entry("fifo.py", tarfile.FIFOTYPE), b""),
        (entry("device.py", tarfile.CHRTYPE), b""),
        (entry("/absolute.py"), b"bad\n"),
        (entry("../climbs.py"), b"bad\n"),
        (entry("right.py"), CODE),
    )
    assert taken(tmp_path, "a.tgz", raw) == CODE.decode()
    assert [path.name for path in tmp_path.iterdir()] == ["a.tgz"]


def test_a_zip_with_a_link_passes_it_over(tmp_path: Path):
    link = zipfile.ZipInfo("solution.py")
    link.external_attr = 0o120777 << 16
    raw = zip_of((link, b"/etc/passwd"), ("other.py", CODE))
    assert taken(tmp_path, "a.zip", raw) == CODE.decode()


@pytest.mark.parametrize(
    ("name", "raw", "says"),
    [
        ("bomb.zip", zip_of(("solution.py", b"#" * (20 << 20))), "larger than 1 MiB"),
        (
            "bomb.tgz",
            tar_of((entry("a.bin"), bytes(70 << 20)), (entry("solution.py"), CODE)),
            "more than 64 MiB",
        ),
        (
            "many.zip",
            zip_of(*((f"a{i}.py", CODE) for i in range(3000))),
            "more than 2000 members",
        ),
        (
            "many.tar",
            tar_of(*((entry(f"a{i}.py"), CODE) for i in range(3000)), mode="w"),
            "more than 2000 members",
        ),
        (
            "twins.zip",
            zip_of(("solution.py", CODE), ("SOLUTION.py", b"y = 1\n")),
            "two files called",
        ),
        (
            "accents.zip",
            zip_of(("caf\u00e9.py", CODE), ("cafe\u0301.py", b"y = 1\n")),
            "two files called",
        ),
        (
            "two.zip",
            zip_of(("a/solution.py", CODE), ("b/solution.py", CODE)),
            "2 files",
        ),
        ("none.zip", zip_of(("readme.md", b"hello")), "no Python file"),
        ("empty.zip", zip_of(), "no Python file"),
        ("broken.zip", b"PK\3\4 nonsense", "cannot be read"),
        ("broken.tar.xz", b"\xfd7zXZ\x00 nonsense", "cannot be read"),
        ("half.zip", zip_of(("solution.py", CODE * 1000))[:60], "cannot be read"),
    ],
    ids=lambda value: value if isinstance(value, str) else "raw",
)
def test_what_cannot_be_used_is_one_sentence(
    tmp_path: Path, name: str, raw: bytes, says: str
):
    with pytest.raises(SubmissionProblem) as problem:
        taken(tmp_path, name, raw)
    assert says in problem.value.message


def test_a_link_is_refused_where_points_are_marks(tmp_path: Path):
    """A student's own link is followed in practice; a stranger's is not."""
    (tmp_path / "secret.py").write_bytes(CODE)
    (tmp_path / "solution.py").symlink_to(tmp_path / "secret.py")
    assert intake.take_in(tmp_path / "solution.py").source == CODE.decode()
    with pytest.raises(SubmissionProblem, match="it is a link"):
        intake.take_in(tmp_path / "solution.py", official=True)


_SEEDS = (
    zip_of(("solution.py", CODE), ("a/b.py", CODE)),
    tar_of((entry("solution.py"), CODE), (entry("b.py"), CODE)),
    tar_of((entry("solution.py"), CODE), (entry("b.py"), CODE), mode="w"),
    tar_of((entry("solution.py"), CODE), mode="w:xz"),
)


@settings(max_examples=1500, deadline=None)
@given(
    raw=st.sampled_from(_SEEDS),
    name=st.sampled_from(["a.zip", "a.tar", "a.tgz"]),
    places=st.lists(
        st.tuples(st.integers(0, 10_000), st.integers(0, 255)), max_size=12
    ),
    cut=st.integers(0, 10_000),
)
def test_no_bytes_break_the_reader(
    raw: bytes, name: str, places: list[tuple[int, int]], cut: int
):
    """Archives with bytes changed and ends cut off are read or refused, nothing else."""
    bent = bytearray(raw)
    for place, value in places:
        bent[place % len(bent)] = value
    if cut < len(bent):
        del bent[cut:]
    try:
        found = archives.candidates(bytes(bent), name, max_bytes=_MAX)
    except archives.BadArchive:
        return
    assert all(len(content) <= _MAX for content in found.values())
