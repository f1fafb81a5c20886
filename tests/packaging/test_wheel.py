"""The wheel carries the course: it works with no checkout around."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the wheel installs, and nothing else of ours."""
    place = tmp_path_factory.mktemp("wheel")
    build = [
        *(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps"),
        *("--no-build-isolation", "--wheel-dir", str(place), str(ROOT)),
    ]
    subprocess.run(build, check=True, capture_output=True)
    (wheel,) = place.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(place / "site")
    return place / "site"


def grade(site: Path, cwd: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command from the installed files, which come first on the path."""
    program = "import sys, cli; sys.exit(cli.main())"
    environment = {**os.environ, "PYTHONPATH": str(site), "HOME": str(cwd)}
    return subprocess.run(
        [sys.executable, "-P", "-c", program, *arguments],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_wheel_holds_every_tree_and_no_compiled_files(installed: Path):
    content = installed / "racecourse" / "content"
    slugs = {path.name for path in (ROOT / "exercises").iterdir() if path.is_dir()}
    for tree in ("exercises", "starter", "reference", "graders"):
        assert slugs <= {path.name for path in (content / tree).iterdir()}, tree
    assert not list(installed.rglob("*.pyc"))


def test_a_student_can_begin_and_grade_with_the_wheel_alone(
    installed: Path, tmp_path: Path
):
    begun = grade(installed, tmp_path, "init", "work")
    assert begun.returncode == 0, begun.stderr
    empty = grade(installed, tmp_path / "work", "ex5", "--only", "C1")
    assert empty.returncode == 1, empty.stderr
    reference = installed / "racecourse/content/reference"
    (solution,) = reference.glob("ex05*/solution.py")
    right = grade(installed, tmp_path, "ex5", str(solution), "--only", "C1")
    assert right.returncode == 0, right.stdout + right.stderr
