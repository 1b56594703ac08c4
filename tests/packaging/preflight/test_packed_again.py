"""Packages that real programs unpacked, packed again or changed: `verify` says that, and no more.

7-Zip, bsdtar, Info-ZIP's zip, pyzipper and Python's zipfile made each of these archives here.
"""

import os
import shutil
import subprocess
import tarfile
import zipfile

import pytest
import pyzipper

from mintmark.codegen.errors import IntegrityError
from mintmark.packaging.preflight.verify import verify

AGAIN = "the archive was packed again by another program: its entries "
CHANGED = "the archive was changed by another program: "
NAMES = ("data", "qr", "README.txt", "manifest.json", "manifest.sig")


def tool(name):
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"no {name} here")
    return path


@pytest.fixture(scope="module")
def unpacked(made, tmp_path_factory):
    """The package's files in a folder, as the print shop has them."""
    folder = tmp_path_factory.mktemp("unpacked")
    for name, data in made.entries().items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


class Shop:
    """Someone who has the package, its password and the usual programs."""

    def __init__(self, made, folder, out):
        self.made, self.folder, self.out = made, folder, out
        self.password = made.password.reveal().decode()

    def run(self, name, *arguments, cwd=None):
        command = [tool(name), *map(str, arguments)]
        subprocess.run(
            command,
            cwd=cwd or self.folder,
            check=True,
            stdin=subprocess.DEVNULL,
            capture_output=True,
        )

    def copy(self):
        shutil.copyfile(self.made.path, self.out)

    def seven_zip(self, *options, names=NAMES):
        self.run("7z", "a", "-tzip", f"-p{self.password}", *options, self.out, *names)

    def bsdtar(self, encryption):
        options = ("--options", f"zip:encryption={encryption}", "--passphrase", self.password)
        self.run("bsdtar", "--format", "zip", *options, "-cf", self.out, *NAMES)

    def zip(self, *options, names=NAMES, cwd=None):
        self.run("zip", "-q", "-r", *options, self.out, *names, cwd=cwd)

    def pyzipper(self, version, bits=256):
        with pyzipper.AESZipFile(self.out, "w", pyzipper.ZIP_DEFLATED) as archive:
            archive.setpassword(self.password.encode())
            archive.setencryption(pyzipper.WZ_AES, nbits=bits, force_wz_aes_version=version)
            for name in self.made.entries():
                archive.write(self.folder / name, name)

    def zipfile(self):
        with zipfile.ZipFile(self.out, "w", zipfile.ZIP_DEFLATED) as archive:
            for name in self.made.entries():
                archive.write(self.folder / name, name)

    def tar(self, mode):
        with tarfile.open(self.out, mode) as archive:
            for name in NAMES:
                archive.add(self.folder / name, name)

    def in_a_folder(self, *options):
        folder = self.out.with_suffix("")
        shutil.copytree(self.folder, folder)
        self.run("7z", "a", "-tzip", *options, self.out, folder.name, cwd=folder.parent)

    def twice(self):
        inner = self.out.with_name("K7QM-9X2C4DEF.zip")
        shutil.copyfile(self.made.path, inner)
        self.run("zip", "-q", self.out, inner.name, cwd=inner.parent)

    def add(self, name, program):
        self.copy()
        junk = self.out.with_name("junk") / name
        junk.parent.mkdir(parents=True)
        junk.write_bytes(b"Icons")
        cwd = self.out.with_name("junk")
        if program == "7z":
            self.run(
                "7z", "a", "-tzip", f"-p{self.password}", "-mem=AES256", self.out, name, cwd=cwd
            )
        elif program == "zip":
            self.run("zip", "-q", "-r", self.out, name, cwd=cwd)
        else:
            with zipfile.ZipFile(self.out, "a") as archive:
                archive.write(junk, name)

    def comment(self):
        self.copy()
        with zipfile.ZipFile(self.out, "a") as archive:
            archive.comment = "请查收".encode("gb18030")

    def rename(self):
        self.copy()
        self.run("7z", "rn", self.out, "README.txt", "readme.md")

    def take_out(self, program):
        self.copy()
        command = ("d",) if program == "7z" else ("-q", "-d")
        self.run(program, *command, self.out, "data/0002.csv")

    def split(self):
        big = self.out.with_name("big.zip")
        shutil.copyfile(self.made.path, big)
        self.run("zip", "-q", "-s", "64k", big, "--out", self.out)


PACKED = {
    "7-Zip, AES-256": (lambda s: s.seven_zip("-mem=AES256"), "bear times or fields"),
    "7-Zip, AES-256, stored": (
        lambda s: s.seven_zip("-mem=AES256", "-mx0"),
        "bear times or fields",
    ),
    "7-Zip, AES-256, no times": (
        lambda s: s.seven_zip("-mem=AES256", "-mtm-", "-mtc-", "-mta-"),
        "bear times or fields",
    ),
    "7-Zip, AES-128": (lambda s: s.seven_zip("-mem=AES128"), "are encrypted with AES-128"),
    "7-Zip, ZipCrypto": (lambda s: s.seven_zip("-mem=ZipCrypto"), "are encrypted with ZipCrypto"),
    "7-Zip, LZMA": (
        lambda s: s.seven_zip("-mem=AES256", "-mm=LZMA"),
        "are compressed in another way",
    ),
    "7-Zip, a folder": (lambda s: s.in_a_folder(), "are not encrypted"),
    "7-Zip, a folder, AES-256": (
        lambda s: s.in_a_folder("-mem=AES256", f"-p{s.password}"),
        "bear times or fields",
    ),
    "bsdtar, AES-256": (
        lambda s: s.bsdtar("aes256"),
        "are encrypted with AES-256 in its older form",
    ),
    "bsdtar, ZipCrypto": (lambda s: s.bsdtar("zipcrypt"), "are encrypted with ZipCrypto"),
    "zip, ZipCrypto": (lambda s: s.zip("-P", s.password), "are encrypted with ZipCrypto"),
    "zip, no password": (lambda s: s.zip(), "are not encrypted"),
    "zip, stored": (lambda s: s.zip("-0", "-X"), "are not encrypted"),
    "pyzipper, AE-2": (lambda s: s.pyzipper(2), "bear times or fields"),
    "pyzipper, AE-1": (lambda s: s.pyzipper(1), "are encrypted with AES-256 in its older form"),
    "pyzipper, AES-192": (lambda s: s.pyzipper(2, 192), "are encrypted with AES-192"),
    "zipfile": (lambda s: s.zipfile(), "are not encrypted"),
}


def refused(shop, words):
    """That `verify` refuses the archive in these words, with the original as its hint."""
    with pytest.raises(IntegrityError) as error:
        verify(shop.out, shop.made.password, shop.made.trusted)
    assert error.value.message.startswith(words)
    assert "not as it was made" not in error.value.message
    assert "as the custodian sent it" in " ".join(error.value.hints)


@pytest.fixture
def shop(made, unpacked, tmp_path):
    return Shop(made, unpacked, tmp_path / "again.zip")


@pytest.mark.parametrize("how", PACKED)
def test_packed_again(shop, how):
    pack, words = PACKED[how]
    pack(shop)
    refused(shop, AGAIN + words)


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:xz", "w:bz2"])
def test_a_tar_archive_named_zip(shop, mode):
    shop.tar(mode)
    refused(shop, "the archive was packed again by another program: it is ")


def test_a_7z_archive_named_zip(shop):
    shop.run("7z", "a", "-t7z", f"-p{shop.password}", "-mhe", shop.out, *NAMES)
    refused(shop, "the archive was packed again by another program: it is a 7z archive")


def test_the_archive_in_an_archive(shop):
    shop.twice()
    with pytest.raises(IntegrityError, match=r"it holds K7QM-9X2C4DEF\.zip, whole") as error:
        verify(shop.out, shop.made.password, shop.made.trusted)
    assert error.value.hints == ("unpack it once, and verify the archive that is in it",)


@pytest.mark.parametrize("program", ["7z", "zip", "zipfile"])
@pytest.mark.parametrize("name", ["Thumbs.db", "desktop.ini", "__MACOSX/._README.txt", ".DS_Store"])
def test_a_file_was_added(shop, name, program):
    shop.add(name, program)
    plain = {"__MACOSX/._README.txt": "the folder __MACOSX", ".DS_Store": "an entry, whose name"}
    refused(shop, f"{CHANGED}it added or changed {plain.get(name, name)}")


def test_a_comment_was_added(shop):
    shop.comment()
    refused(shop, f"{CHANGED}it has a comment")


def test_a_file_was_renamed(shop):
    shop.rename()
    refused(shop, f"{CHANGED}it added or changed readme.md")


@pytest.mark.parametrize("program", ["7z", "zip"])
def test_a_file_was_taken_out(shop, program):
    shop.take_out(program)
    refused(shop, f"{CHANGED}data/0002.csv is missing")


def test_split_in_one_piece(shop):
    shop.split()
    refused(shop, f"{CHANGED}it was split into pieces and joined")


def test_the_pieces_of_7_zip(shop):
    shop.seven_zip("-mem=AES256", "-v2k")
    pieces = sorted(shop.out.parent.glob("again.zip.*"))
    assert len(pieces) > 2
    for piece in pieces:
        with pytest.raises(IntegrityError, match="not whole: it is one piece of an archive"):
            verify(piece, shop.made.password, shop.made.trusted)


@pytest.mark.parametrize(
    ("name", "words"),
    [("again.zip.005", "it is one piece of an archive"), ("again.zip", "its beginning is missing")],
)
def test_a_last_piece_that_begins_within_the_directory(shop, name, words):
    data = shop.made.path.read_bytes()
    piece = shop.out.with_name(name)
    piece.write_bytes(data[data.rindex(b"PK\1\2") - 20 :])
    with pytest.raises(IntegrityError, match=f"not whole: {words}"):
        verify(piece, shop.made.password, shop.made.trusted)


def test_the_pieces_of_zip(shop):
    blob = os.urandom(200_000)
    (shop.out.parent / "blob.bin").write_bytes(blob)
    shop.run("zip", "-q", "-s", "64k", shop.out, "blob.bin", cwd=shop.out.parent)
    pieces = [shop.out.with_suffix(".z01"), shop.out.with_suffix(".z02"), shop.out]
    for piece in pieces:
        with pytest.raises(IntegrityError, match="not whole: it is one piece of an archive"):
            verify(piece, shop.made.password, shop.made.trusted)


def test_a_copy_by_a_program_is_no_other_archive(shop):
    """What `zip -F` finds nothing to mend in is the same archive still."""
    shop.copy()
    mended = shop.out.with_name("mended.zip")
    shop.run("zip", "-q", "-F", shop.out, "--out", mended)
    assert verify(mended, shop.made.password, shop.made.trusted).rows == 25
