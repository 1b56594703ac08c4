"""Every vector, read by mintmark and by the independent reader; and the files are current."""

import json

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from sealing import HANDED_OUT, TESTS, load

from mintmark.codegen.codes import fingerprint
from mintmark.codegen.errors import IntegrityError
from mintmark.codegen.ranges.serials import Range
from mintmark.codegen.sealed.vault import Vault

independent = load("codegen/independent_reader.py")
VECTORS = TESTS / "vectors"
NAMES = sorted(path.stem for path in (VECTORS / "sealed").glob("*.json"))
BINARY = (".sealed", ".fingerprints", ".run")


@pytest.fixture
def vector(request):
    return json.loads((VECTORS / "sealed" / f"{request.param}.json").read_text(encoding="ascii"))


def contents(vector):
    return {
        suffix: bytes.fromhex(data) if suffix in BINARY else data.encode("ascii")
        for suffix, data in vector["files"].items()
    }


def keys(vector):
    stations = {name: bytes.fromhex(key) for name, key in vector["station_keys"].items()}
    others = vector.get("wrap_keys", {})
    return stations, stations | {name: bytes.fromhex(key) for name, key in others.items()}


def read_all(vault, vector):
    stations, wrappers = keys(vector)
    private = X25519PrivateKey.from_private_bytes(bytes.fromhex(vector["custodian_key"]))
    reader = vault.unseal(vector["batch"], stations, wrappers, vector["custodian"], private)
    codes = b"".join(block for _, block in reader.codes(Range(1, reader.header.quantity)))
    return codes, reader.header.length


@pytest.mark.parametrize("vector", NAMES, indirect=True)
def test_mintmark_reads_or_refuses_what_it_should(vector, tmp_path):
    vault = Vault(tmp_path)
    for suffix, data in contents(vector).items():
        (tmp_path / f"{vector['batch']}{suffix}").write_bytes(data)
    expected = vector["expected"]
    if expected["codes"] is None:
        with pytest.raises(IntegrityError) as caught:
            read_all(vault, vector)
        assert caught.value.details.get("frame") == expected["frame"]
    else:
        codes, length = read_all(vault, vector)
        assert codes == "".join(expected["codes"]).encode()
        key = bytes.fromhex(vector["fingerprint_key"])
        if expected["digests"]:
            found = fingerprint.fingerprints(codes, length, key)
            assert found.hex() == vector["files"][".fingerprints"]
    stations, wrappers = keys(vector)
    if expected["digests"]:
        vault.verify(vector["batch"], stations, wrappers)
    else:
        with pytest.raises(IntegrityError):
            vault.verify(vector["batch"], stations, wrappers)


@pytest.mark.parametrize("vector", NAMES, indirect=True)
def test_so_does_the_independent_reader(vector):
    files, expected = contents(vector), vector["expected"]
    stations, wrappers = keys(vector)

    def read():
        return independent.read_codes(
            files[".sealed"],
            files[".wraps.json"],
            wrappers,
            vector["custodian"],
            bytes.fromhex(vector["custodian_key"]),
        )

    if expected["codes"] is None:
        with pytest.raises(independent.Bad) as caught:
            read()
        named = str(caught.value) if expected["frame"] is not None else None
        assert named in (None, f"frame {expected['frame']}")
    else:
        assert [code.decode() for code in read()] == expected["codes"]
        vouched = [files[name] for name in (".mint.json", *BINARY)]
        record, sealed, prints, run = vouched
        if expected["digests"]:
            independent.read_record(record, sealed, prints, run, stations)
            assert len(independent.read_run(run, len(expected["codes"]))) == len(expected["codes"])
        else:
            with pytest.raises(independent.Bad):
                independent.read_record(record, sealed, prints, run, stations)


def test_the_vector_files_are_what_their_programs_make():
    programs = ("make.py", "make_signatures.py", "make_custodian_keys.py")
    made = dict(pair for name in programs for pair in load(f"vectors/{name}").files().items())
    found = {
        path.relative_to(folder).as_posix(): path.read_text(encoding="ascii")
        for folder in (VECTORS, HANDED_OUT)
        for path in folder.rglob("*.json")
    }
    assert found == made, "run the programs tests/vectors/make*.py"
