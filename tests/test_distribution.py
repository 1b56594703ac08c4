"""Wheel and sdist hold exactly the files they should, and the unpacked wheel works.

With the root as the package, a folder that is missing from `packages` is left out without a
warning. Therefore the expected lists are read from the disk, not from pyproject.toml.
"""

import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

import mintmark

ROOT = Path(__file__).resolve().parents[1]
VERSION = mintmark.__version__

ROOMS = ("activation", "codegen", "packaging")
ROOT_MODULES = {"__init__.py", "__main__.py", "cli.py", "failures.py", "terminal.py", "py.typed"}
PROJECT_FILES = {
    ".ci/run",
    ".editorconfig",
    ".gitattributes",
    ".gitignore",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "LICENSE",
    "MANIFEST.in",
    "Makefile",
    "NOTICE",
    "README.md",
    "README.zh-CN.md",
    "SECURITY.md",
    "pyproject.toml",
    "requirements.lock",
}
# Written by setuptools.
METADATA = {"PKG-INFO", "setup.cfg"} | {
    f"mintmark.egg-info/{name}"
    for name in (
        "PKG-INFO",
        "SOURCES.txt",
        "dependency_links.txt",
        "entry_points.txt",
        "requires.txt",
        "top_level.txt",
    )
}
DIST_INFO = {
    f"mintmark-{VERSION}.dist-info/{name}"
    for name in (
        "METADATA",
        "RECORD",
        "WHEEL",
        "entry_points.txt",
        "licenses/LICENSE",
        "licenses/NOTICE",
        "top_level.txt",
    )
}


def files(root, *folders):
    """Every file below the folders, relative to the root, except compiled files."""
    return {
        path.relative_to(root).as_posix()
        for folder in folders
        for path in (root / folder).rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }


def installed(root):
    return ROOT_MODULES | files(root, *ROOMS)


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """(wheel, sdist, the tree they were built from, its files before the build).

    The tree is a copy, because a build leaves files behind.
    """
    tree = tmp_path_factory.mktemp("tree") / "mintmark"
    tree.mkdir()
    for name in (*ROOMS, "bench", "docs", "findings", "tests", ".ci"):
        shutil.copytree(ROOT / name, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in (ROOT_MODULES | PROJECT_FILES) - {".ci/run"}:
        shutil.copy2(ROOT / name, tree / name)
    # A clone has this link; the sdist must cope with a link that leads back to the root.
    (tree / ".typing").mkdir()
    (tree / ".typing" / "mintmark").symlink_to("..", target_is_directory=True)
    before = files(tree, ".")
    # From the root, where our packaging/ hides PyPI's. The wheel is built from the sdist.
    done = subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--outdir", "../dist"],
        cwd=tree,
        capture_output=True,
        check=False,
        encoding="utf-8",
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-1_500:]
    dist = tree.parent / "dist"
    (wheel,), (sdist,) = dist.glob("*.whl"), dist.glob("*.tar.gz")
    return wheel, sdist, tree, before


def test_the_wheel_holds_exactly_the_rooms(built):
    wheel, _, tree, _ = built
    with zipfile.ZipFile(wheel) as archive:
        names = {info.filename for info in archive.infolist() if not info.is_dir()}
    assert names == {f"mintmark/{name}" for name in installed(tree)} | DIST_INFO


def test_the_sdist_holds_exactly_the_project(built):
    _, sdist, tree, before = built
    prefix = f"mintmark-{VERSION}/"
    with tarfile.open(sdist) as archive:
        members = archive.getmembers()
    assert all(member.isfile() or member.isdir() for member in members)
    names = {member.name.removeprefix(prefix) for member in members if member.isfile()}
    wanted = installed(tree) | files(tree, "bench", "docs", "findings", "tests") | PROJECT_FILES
    assert names == wanted | METADATA
    assert wanted <= before


def test_the_wheel_works_beside_pypi_packaging(built, tmp_path):
    wheel, _, _, _ = built
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)  # noqa: S202 - built a moment ago, by us
    script = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "import mintmark, mintmark.packaging, packaging.version\n"
        "print(mintmark.__file__)\n"
        "print(*mintmark.packaging.__path__)\n"
        "print(packaging.version.__file__)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)],
        cwd=tmp_path.parent,
        capture_output=True,
        check=False,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stderr
    package, ours, pypis = (Path(line) for line in done.stdout.splitlines())
    assert package == tmp_path / "mintmark" / "__init__.py"
    assert ours == tmp_path / "mintmark" / "packaging"
    assert not pypis.is_relative_to(tmp_path)
    assert not pypis.is_relative_to(ROOT / "packaging")
