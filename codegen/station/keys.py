"""Key files: the station's, the lines', the fingerprint key, and the custodian's.

The custodian's is the only one under a passphrase, and the only one that never lies in
the home. The others belong to machines that start with no human near, so they are
plain files that only their owner may read: the threat model says what that means.
"""

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from ..errors import IntegrityError, NotFound, UsageError
from ..files import write_exclusively
from ..secret import Secret

Entropy = Callable[[int], bytes]

KEY_FILE_BYTES = 16_384
LINE_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,31}", re.ASCII)
_SIGNING, _FINGERPRINT = "mintmark-signing-key/1", "mintmark-fingerprint-key/1"
_CUSTODIAN, _PUBLIC = "mintmark-custodian-key/1", "mintmark-custodian-public/1"


@dataclass(frozen=True)
class KdfProfile:
    """Argon2id cost (RFC 9106): memory in KiB, passes, lanes."""

    memory: int
    iterations: int
    lanes: int


# RFC 9106, section 4, second recommended option.
INTERACTIVE = KdfProfile(memory=65_536, iterations=3, lanes=4)
FOR_TESTS_ONLY = KdfProfile(memory=64, iterations=1, lanes=1)
# What an untrusted key file may ask of this machine before its tag is checked.
_LARGEST = KdfProfile(memory=1_048_576, iterations=16, lanes=16)


@dataclass(frozen=True)
class SigningKey:
    """An Ed25519 key of the station or of a line."""

    key_id: str
    kind: str
    name: str
    private: Ed25519PrivateKey

    def sign(self, message: bytes) -> bytes:
        """The 64-byte signature (RFC 8032)."""
        return self.private.sign(message)

    @property
    def public(self) -> bytes:
        """The 32-byte public key."""
        return self.private.public_key().public_bytes_raw()


@dataclass(frozen=True)
class CustodianPublic:
    """What a mint station knows of a custodian."""

    key_id: str
    sign_public: bytes
    seal_public: bytes

    @property
    def recipient(self) -> tuple[str, X25519PublicKey]:
        """Whom a batch is sealed for."""
        return self.key_id, X25519PublicKey.from_public_bytes(self.seal_public)


@dataclass(frozen=True)
class CustodianKey:
    """An unlocked custodian key: X25519 unseals, Ed25519 signs packages."""

    public: CustodianPublic
    signing: Ed25519PrivateKey
    sealing: X25519PrivateKey

    def sign(self, message: bytes) -> bytes:
        """The 64-byte signature (RFC 8032)."""
        return self.signing.sign(message)


def key_id(*public: bytes) -> str:
    """Sixteen hex digits that name a key: the head of SHA-256 over its public parts."""
    return hashlib.sha256(b"mintmark key id\0" + b"".join(public)).hexdigest()[:16]


# --- station and line keys ---------------------------------------------------------


def new_signing_key(kind: str, name: str, entropy: Entropy) -> SigningKey:
    """A fresh Ed25519 key."""
    private = Ed25519PrivateKey.from_private_bytes(entropy(32))
    return SigningKey(key_id(private.public_key().public_bytes_raw()), kind, name, private)


def write_signing_key(path: Path, key: SigningKey) -> None:
    """Write `key` to a new file only its owner may read."""
    document = {
        "format": _SIGNING,
        "kind": key.kind,
        "name": key.name,
        "key_id": key.key_id,
        "ed25519": key.private.private_bytes_raw().hex(),
    }
    write_exclusively(path, _dump(_checked(document)))


def read_signing_key(path: Path) -> SigningKey:
    """Raises `NotFound` without the file, `IntegrityError` where it is damaged."""
    document = _load_checked(path, _SIGNING, {"kind", "name", "key_id", "ed25519"})
    private = Ed25519PrivateKey.from_private_bytes(_hex(path, document["ed25519"], 32))
    if key_id(private.public_key().public_bytes_raw()) != document["key_id"]:
        raise _damaged(path)
    return SigningKey(document["key_id"], document["kind"], document["name"], private)


# --- the fingerprint key -----------------------------------------------------------


def write_fingerprint_key(path: Path, key: Secret) -> None:
    """Write the home's one fingerprint key to a new file only its owner may read."""
    document = {"format": _FINGERPRINT, "key": key.reveal().hex()}
    write_exclusively(path, _dump(_checked(document)))


def read_fingerprint_key(path: Path) -> Secret:
    """The 32-byte key. Raises `NotFound` or `IntegrityError`."""
    return Secret(_hex(path, _load_checked(path, _FINGERPRINT, {"key"})["key"], 32))


# --- the custodian's key -----------------------------------------------------------


def new_custodian_key(entropy: Entropy) -> CustodianKey:
    """A fresh pair of pairs."""
    signing = Ed25519PrivateKey.from_private_bytes(entropy(32))
    sealing = X25519PrivateKey.from_private_bytes(entropy(32))
    return _custodian(signing, sealing)


def _custodian(signing: Ed25519PrivateKey, sealing: X25519PrivateKey) -> CustodianKey:
    sign_public = signing.public_key().public_bytes_raw()
    seal_public = sealing.public_key().public_bytes_raw()
    public = CustodianPublic(key_id(sign_public, seal_public), sign_public, seal_public)
    return CustodianKey(public, signing, sealing)


def write_custodian_key(
    path: Path, key: CustodianKey, passphrase: Secret, entropy: Entropy, kdf: KdfProfile
) -> None:
    """Write `key` under `passphrase` to a new file: Argon2id, then AES-256-GCM.

    Everything but the ciphertext is associated data, so that no field can be exchanged.
    """
    header = {
        "format": _CUSTODIAN,
        **_public_fields(key.public),
        "kdf": {
            "name": "argon2id",
            "memory": kdf.memory,
            "iterations": kdf.iterations,
            "lanes": kdf.lanes,
            "salt": entropy(16).hex(),
        },
        "nonce": entropy(12).hex(),
    }
    plaintext = (
        key.signing.private_bytes(
            serialization.Encoding.Raw,
            serialization.PrivateFormat.Raw,
            serialization.NoEncryption(),
        )
        + key.sealing.private_bytes_raw()
    )
    ciphertext = AESGCM(_derive(header["kdf"], passphrase)).encrypt(
        bytes.fromhex(str(header["nonce"])), plaintext, _dump(header)
    )
    write_exclusively(path, _dump({**header, "ciphertext": ciphertext.hex()}))


def read_custodian_key(path: Path, passphrase: Callable[[], Secret]) -> CustodianKey:
    """Unlock the key at `path`; `passphrase` is asked for once the file is well-formed.

    Raises `NotFound` without the file, `IntegrityError` for a wrong passphrase or a
    damaged file: the tag cannot tell the two apart.
    """
    fields = {"key_id", "sign_public", "seal_public", "kdf", "nonce", "ciphertext"}
    document = _load(path, _CUSTODIAN, fields)
    nonce = _hex(path, document["nonce"], 12)
    ciphertext = _hex(path, document.pop("ciphertext"), 64 + 16)
    _check_kdf(path, document["kdf"])
    key = AESGCM(_derive(document["kdf"], passphrase()))
    try:
        plaintext = key.decrypt(nonce, ciphertext, _dump(document))
    except InvalidTag:
        raise IntegrityError(
            "wrong passphrase, or a damaged custodian key file",
            "type the passphrase again; the file itself is not changed",
        ) from None
    custodian = _custodian(
        Ed25519PrivateKey.from_private_bytes(plaintext[:32]),
        X25519PrivateKey.from_private_bytes(plaintext[32:]),
    )
    if custodian.public.key_id != document["key_id"]:
        raise _damaged(path)
    return custodian


def write_custodian_public(path: Path, public: CustodianPublic) -> None:
    """Write what a mint station needs of a custodian who keeps the key elsewhere."""
    write_exclusively(path, _dump({"format": _PUBLIC, **_public_fields(public)}))


def read_custodian_public(path: Path) -> CustodianPublic:
    """Raises `NotFound` or `IntegrityError`."""
    document = _load(path, _PUBLIC, {"key_id", "sign_public", "seal_public"})
    sign_public = _hex(path, document["sign_public"], 32)
    seal_public = _hex(path, document["seal_public"], 32)
    if key_id(sign_public, seal_public) != document["key_id"]:
        raise _damaged(path)
    return CustodianPublic(document["key_id"], sign_public, seal_public)


def check_passphrase(passphrase: Secret) -> Secret:
    """A new passphrase must have at least 8 bytes. Raises `UsageError`."""
    if len(passphrase.reveal()) < 8:
        raise UsageError(
            "the passphrase is shorter than 8 bytes", "take several words, and keep them safe"
        )
    return passphrase


def _public_fields(public: CustodianPublic) -> dict[str, object]:
    return {
        "key_id": public.key_id,
        "sign_public": public.sign_public.hex(),
        "seal_public": public.seal_public.hex(),
    }


def _check_kdf(path: Path, kdf: object) -> None:
    names = {"name", "memory", "iterations", "lanes", "salt"}
    if not isinstance(kdf, dict) or set(kdf) != names or kdf["name"] != "argon2id":
        raise _damaged(path)
    bounds = {
        "memory": (64, _LARGEST.memory),
        "iterations": (1, _LARGEST.iterations),
        "lanes": (1, _LARGEST.lanes),
    }
    for name, (least, most) in bounds.items():
        if type(kdf[name]) is not int or not least <= kdf[name] <= most:
            raise _damaged(path)
    if kdf["memory"] < 8 * kdf["lanes"]:
        raise _damaged(path)
    _hex(path, kdf["salt"], 16)


def _derive(kdf: object, passphrase: Secret) -> bytes:
    assert isinstance(kdf, Mapping)  # noqa: S101 - for the type checker; checked by _check_kdf
    argon2 = Argon2id(
        salt=bytes.fromhex(kdf["salt"]),
        length=32,
        iterations=kdf["iterations"],
        lanes=kdf["lanes"],
        memory_cost=kdf["memory"],
    )
    return argon2.derive(passphrase.reveal())


# --- files -------------------------------------------------------------------------


def _dump(document: Mapping[str, object]) -> bytes:
    return json.dumps(document, indent=1, sort_keys=True).encode("ascii") + b"\n"


def _checked(document: Mapping[str, object]) -> dict[str, object]:
    """`document` with a sum over it: against accidents, as nothing else guards a plain key."""
    return {**document, "check": hashlib.sha256(_dump(document)).hexdigest()[:16]}


def _load_checked(path: Path, kind: str, fields: set[str]) -> dict[str, str]:
    document = _load(path, kind, {*fields, "check"})
    plain = {name: value for name, value in document.items() if name != "check"}
    if _checked(plain) != document:
        raise _damaged(path)
    return plain


def _load(path: Path, kind: str, fields: set[str]) -> dict[str, str]:
    try:
        with path.open("rb") as file:
            data = file.read(KEY_FILE_BYTES + 1)
    except FileNotFoundError:
        raise NotFound(f"no key file at {path}", "name the right file, or bring it back") from None
    try:
        document = json.loads(data) if len(data) <= KEY_FILE_BYTES else None
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict) or set(document) != {"format", *fields}:
        raise _damaged(path)
    if document["format"] != kind:
        raise IntegrityError(f"{path} is not a key file of the kind {kind}")
    plain = (value for name, value in document.items() if name != "kdf")
    if not all(isinstance(value, str) for value in plain):
        raise _damaged(path)
    return document


def _hex(path: Path, text: object, size: int) -> bytes:
    if not isinstance(text, str) or not re.fullmatch(rf"[0-9a-f]{{{size * 2}}}", text, re.ASCII):
        raise _damaged(path)
    return bytes.fromhex(text)


def _damaged(path: Path) -> IntegrityError:
    return IntegrityError(f"the key file {path} is damaged", "bring it back from your copy")
