"""Making sealed batches in tests: made-up keys, reproducible randomness, two readers."""

import hashlib
import importlib.util
import itertools
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from mintmark.codegen.codes import fingerprint
from mintmark.codegen.codes.spec import CodeSpec
from mintmark.codegen.sealed.header import CoreHeader
from mintmark.codegen.sealed.make import make
from mintmark.codegen.sealed.vault import Vault
from mintmark.codegen.secret import Secret

TESTS = Path(__file__).parent
# The vectors that other teams get as well: package data.
HANDED_OUT = TESTS.parent / "activation" / "vectors"


def load(name: str) -> ModuleType:
    """The module in `tests/<name>`, which is no package."""
    path = TESTS / name
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Seeded:
    """`os.urandom`, but the same on every run."""

    def __init__(self, seed: str) -> None:
        self._seed, self._calls = seed.encode(), 0

    def __call__(self, count: int) -> bytes:
        self._calls += 1
        return hashlib.shake_256(b"%s %d" % (self._seed, self._calls)).digest(count)


@dataclass
class Mint:
    """A station, a custodian, and a vault in `folder`."""

    folder: Path
    prefix_bits: int = 64
    entropy: object = field(default_factory=lambda: Seeded("mint"))
    station: str = "5a" * 8
    custodian: str = "c0" * 8

    def __post_init__(self):
        self.vault = Vault(self.folder)
        self.signing = Ed25519PrivateKey.from_private_bytes(b"S" * 32)
        self.sealing = X25519PrivateKey.from_private_bytes(b"C" * 32)
        self.fingerprint_key = Secret(b"F" * 32)
        self.station_keys = {self.station: self.signing.public_key().public_bytes_raw()}
        self.ids = (f"TEST-{number:08}" for number in itertools.count(1))

    def header(self, quantity, spec=None, **fields):
        spec = spec or CodeSpec.of("crockford32", 16)
        known = {
            "home": "TEST-000000000000",
            "symbols": spec.symbols,
            "length": spec.length,
            "canonical": spec.canonical,
            "quantity": quantity,
            "fingerprint_key_id": fingerprint.key_id(self.fingerprint_key),
            "station_key_id": self.station,
            "created": "2026-11-22T08:00:00Z",
        }
        batch = fields.pop("batch", None) or next(self.ids)
        return CoreHeader(batch=batch, **{**known, **fields})

    def begin(self, header, earlier=(), **options):
        return make(
            self.vault.parts(header.batch),
            header,
            sign=self.signing.sign,
            fingerprint_key=self.fingerprint_key,
            recipients=[(self.custodian, self.sealing.public_key())],
            entropy=options.pop("entropy", self.entropy),
            earlier_runs=earlier,
            prefix_bits=self.prefix_bits,
            **options,
        )

    def mint(self, quantity, spec=None, earlier=(), **fields):
        """The header of a batch made and closed, straight into the vault."""
        header = self.header(quantity, spec, **fields)
        self.begin(header, earlier).close()
        return header

    def unseal(self, batch):
        return self.vault.unseal(
            batch, self.station_keys, self.station_keys, self.custodian, self.sealing
        )

    def verify(self, batch):
        return self.vault.verify(batch, self.station_keys, self.station_keys)
