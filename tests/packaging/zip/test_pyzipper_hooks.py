"""What the archive writer relies on in pyzipper: each hook, its signature, its turn, its effect.

Tested with pyzipper 0.4.0. A failure here names the hook that another version changed.
"""

import gc
import inspect
import io
import struct

import pytest
import pyzipper
from pyzipper import zipfile_aes

from mintmark.codegen.secret import Secret
from mintmark.packaging.zip import pyzipper_hooks
from mintmark.packaging.zip.writer import ArchiveWriter

PASSWORD = Secret(b"K7QM-9X2C")
SIGNATURES = {
    "BaseZipEncrypter.update_zipinfo": "(self, zipinfo)",
    "BaseZipEncrypter.encryption_header": "(self)",
    "BaseZipEncrypter.encrypt": "(self, data)",
    "BaseZipEncrypter.flush": "(self)",
    "BaseZipEncrypter.finalize_zipinfo": "(self, zipinfo)",
    "AESZipFile.get_encrypter": "(self)",
    "AESZipFile.open": "(self, name, mode='r', pwd=None, *, force_zip64=False)",
    "AESZipFile.close": "(self)",
}


@pytest.mark.parametrize("hook", SIGNATURES)
def test_each_hook_has_its_signature(hook):
    owner, name = hook.split(".")
    found = getattr(getattr(zipfile_aes, owner), name, None)
    assert found is not None, f"pyzipper has no {hook} any more"
    assert str(inspect.signature(found)) == SIGNATURES[hook], f"pyzipper changed {hook}"


def test_the_interface_of_encrypters_has_no_other_duty():
    """A method that pyzipper adds to it might have to be written as well."""
    duties = {name.split(".")[1] for name in SIGNATURES if name.startswith("BaseZipEncrypter")}
    assert {name for name in vars(zipfile_aes.BaseZipEncrypter) if name[0] != "_"} == duties
    assert zipfile_aes.BaseZipEncrypter.__init__ is object.__init__


def test_the_names_of_winzips_fields():
    assert (zipfile_aes.WZ_AES_VENDOR_ID, zipfile_aes.WZ_AES_V2) == (b"AE", 2)
    info = zipfile_aes.AESZipInfo("a")
    for name in ("wz_aes_vendor_id", "wz_aes_version", "wz_aes_strength"):
        assert getattr(info, name) is None, f"pyzipper changed AESZipInfo.{name}"


def called(monkeypatch):
    """The hooks' names and arguments in the order in which pyzipper calls them."""
    calls = []

    def recorded(owner, name):
        hook = getattr(owner, name)

        def call(self, *arguments):
            shown = [bytes(item) if isinstance(item, memoryview) else item for item in arguments]
            sizes = [(item.CRC, item.file_size) for item in shown if hasattr(item, "CRC")]
            calls.append((name, *shown, *sizes))
            return hook(self, *arguments)

        monkeypatch.setattr(owner, name, call)

    for hook in SIGNATURES:
        owner, name = hook.split(".")
        if owner == "BaseZipEncrypter":
            recorded(pyzipper_hooks.AE2Encrypter, name)
    recorded(pyzipper_hooks.AE2ZipFile, "get_encrypter")
    return calls


def test_hooks_are_called_in_their_order(monkeypatch):
    calls = called(monkeypatch)
    file = io.BytesIO()
    with ArchiveWriter(file, PASSWORD) as archive:
        with archive.entry("a", deflate=False) as entry:
            entry.write(b"first")
            entry.write(memoryview(b"second"))
        info = entry._info
    assert [call[0] for call in calls] == [
        *("get_encrypter", "update_zipinfo", "encryption_header"),
        *("encrypt", "encrypt", "encrypt", "flush", "finalize_zipinfo"),
    ]
    assert [call[1] for call in calls if call[0] == "encrypt"] == [b"first", b"second", b""]
    assert calls[1][1] is info, "update_zipinfo is not given the record that was opened"
    name, finalized, (crc, size) = calls[-1]
    assert finalized is info, f"{name} is not given the record that was opened"
    assert size == 11, "finalize_zipinfo comes before pyzipper has set the size: ours would be lost"
    assert crc != 0


def test_what_finalize_zipinfo_sets_stands_in_both_headers():
    file = io.BytesIO()
    with ArchiveWriter(file, PASSWORD) as archive:
        archive.add("a", b"x" * 5_000)
    data = file.getvalue()
    local, directory = data.index(b"PK\3\4"), data.index(b"PK\1\2")
    for name, record, header, extra in (
        ("local header", data[local:directory], "<4sHHHHHLLLHH", 20),
        ("directory", data[directory:], "<4sBBHHHHHLLLHHHHHLL", 0),
    ):
        fields = struct.unpack_from(header, record)
        crc, _, size = fields[-5:-2] if name == "local header" else fields[8:11]
        at = struct.calcsize(header) + 1 + extra
        aes = struct.unpack_from("<HHH2sBH", record, at)
        assert aes == (0x9901, 7, 2, b"AE", 3, 8), f"the method in the {name} was not put right"
        assert (crc, size) == (0, 5_000), f"the size in the {name} was not put right"


def test_pyzipper_deflates_nothing_itself():
    """What it is given is what it encrypts, for an entry that it takes as stored."""
    file = io.BytesIO()
    with ArchiveWriter(file, PASSWORD) as archive, archive.entry("a") as entry:
        entry.write(b"x" * 5_000, b"as it is")
    with pyzipper.AESZipFile(file) as found:
        (info,) = found.infolist()
    assert info.compress_size == 16 + 2 + len(b"as it is") + 2 + 10


def test_an_archive_without_fp_is_closed_without_a_write():
    file = io.BytesIO()
    archive = ArchiveWriter(file, PASSWORD)
    archive.add("a", b"x")
    entry = archive.entry("b")
    entry.write(b"y")
    before = file.getvalue()
    error = KeyboardInterrupt()
    entry.__exit__(KeyboardInterrupt, error, None)
    archive.__exit__(KeyboardInterrupt, error, None)
    del archive, entry
    gc.collect()
    assert file.getvalue() == before
    assert not file.closed
