"""Other programs open packages of every built-in profile, or refuse them, as docs/readers.md says.

The rows that are marked there are run here. What a program prints is looked for in what it printed.
"""

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import pyzipper

from mintmark.packaging.profiles.files import builtin

DOCUMENT = Path(__file__).parents[2] / "docs" / "readers.md"
PROFILES = ("csv", "url-lines", "xlsx", "png", "svg", "bmp-1bit", "pdf-sheet")
WRONG = "2KF4-09D1-MYH8-WRMK-CZ18-0"
_PY_EXTRACT = (
    "import sys, zipfile; _, path, out, password = sys.argv; "
    "zipfile.ZipFile(path).extractall(out, pwd=password.encode())"
)
_PY_PYZIPPER = _PY_EXTRACT.replace("zipfile", "pyzipper").replace("ZipFile", "AESZipFile")


@dataclass(frozen=True)
class Reader:
    """A program, how it is told to extract an archive, and the column of its words."""

    name: str
    command: tuple[str, ...]
    opens: bool = True
    piped: bool = False

    def run(self, archive, password, out):
        """What it printed, and whether it was content."""
        out.mkdir()
        command = [
            part.format(archive=archive, password=password, out=out) for part in self.command
        ]
        if command[0] != sys.executable:
            path = shutil.which(command[0])
            if path is None:
                pytest.skip(f"no {command[0]} here")
            command[0] = path
        done = subprocess.run(
            command,
            cwd=out,
            input=archive.read_bytes() if self.piped else b"",
            capture_output=True,
            check=False,
            start_new_session=True,
        )
        return (done.stdout + done.stderr).decode("utf-8", "replace"), done.returncode == 0


_BSDTAR = ("bsdtar", "--passphrase", "{password}", "-xf")
OPENING = (
    Reader("7-Zip", ("7z", "x", "-y", "-bd", "-p{password}", "-o{out}", "{archive}")),
    Reader("bsdtar", (*_BSDTAR, "{archive}")),
    Reader("bsdtar", (*_BSDTAR, "-"), piped=True),
    Reader("pyzipper", (sys.executable, "-c", _PY_PYZIPPER, "{archive}", "{out}", "{password}")),
)
REFUSING = (
    Reader(
        "unar", ("unar", "-f", "-D", "-p", "{password}", "-o", "{out}", "{archive}"), opens=False
    ),
    Reader("unzip", ("unzip", "-o", "-P", "{password}", "-d", "{out}", "{archive}"), opens=False),
    Reader("unzip, busybox", ("busybox", "unzip", "-o", "-d", "{out}", "{archive}"), opens=False),
    Reader(
        "zipfile",
        (sys.executable, "-c", _PY_EXTRACT, "{archive}", "{out}", "{password}"),
        opens=False,
    ),
    Reader("jar, java.util.zip", ("jar", "xf", "{archive}"), opens=False),
)


def named(reader):
    return f"{reader.name}, from a pipe" if reader.piped else reader.name


@pytest.fixture(scope="module")
def packages(maker):
    """A package of each profile, and one of the codes of a single label."""
    return {name: maker(profile=builtin(name), unit_size=10) for name in PROFILES}


@pytest.fixture(scope="module")
def documented():
    """Program -> its words, of the rows that are marked in the document."""
    rows = {}
    for line in DOCUMENT.read_text("utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("|") and cells[0].endswith(" ✓"):
            rows[cells[0].removesuffix(" ✓")] = cells[-1].strip("`")
    return rows


def test_the_marked_rows_of_the_document_are_run(documented):
    assert set(documented) == {reader.name for reader in (*OPENING, *REFUSING)}


def files(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("reader", OPENING, ids=named)
def test_every_byte_is_read(packages, tmp_path, reader, profile):
    made = packages[profile]
    out = tmp_path / "out"
    printed, content = reader.run(made.path, made.password.reveal().decode(), out)
    assert content, printed
    assert files(out) == made.entries()


@pytest.mark.parametrize("reader", OPENING, ids=named)
def test_a_wrong_password_is_called_wrong(packages, tmp_path, documented, reader):
    made = packages["csv"]
    printed, content = reader.run(made.path, WRONG, tmp_path / "out")
    assert not content
    assert documented[reader.name] in printed
    # bsdtar leaves files of the right length, of zeros.
    assert all(not any(data) for data in files(tmp_path / "out").values())


@pytest.mark.parametrize("profile", ["csv", "png"])
@pytest.mark.parametrize("reader", REFUSING, ids=named)
def test_what_does_not_open_it_says_so_in_these_words(
    packages, tmp_path, documented, reader, profile
):
    made = packages[profile]
    out = tmp_path / "out"
    printed, content = reader.run(made.path, made.password.reveal().decode(), out)
    assert not content
    assert documented[reader.name] in printed
    assert not any(files(out).values())


def test_the_methods_of_encryption_are_those_of_the_document(packages):
    """Stored and deflated entries, all of them in AE-2 with AES-256, without ZIP64 or Unicode."""
    methods = set()
    for made in packages.values():
        with pyzipper.AESZipFile(made.path) as archive:
            for info in archive.infolist():
                methods.add(info.compress_type)
                assert (info.wz_aes_version, info.wz_aes_strength, info.flag_bits) == (2, 3, 1)
    assert methods == {pyzipper.ZIP_STORED, pyzipper.ZIP_DEFLATED}
