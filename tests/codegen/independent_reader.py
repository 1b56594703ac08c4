"""A second reader of sealed batches, written from docs/formats/sealed-batch.md alone.

It shares no line with mintmark: json, struct, hashlib, and bare primitives for the rest,
HPKE included. Tests read with it what mintmark wrote.
"""

import hashlib
import hmac
import json
import struct

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

MAGIC = b"mintmark sealed batch\x0a"


class Bad(Exception):
    pass


def check(condition, what):
    if not condition:
        raise Bad(what)


# --- canonical JSON and signatures


def canonical_json(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode("ascii")


def document(data, limit, members):
    check(len(data) <= limit, "too long")
    try:
        value = json.loads(data)
        check(canonical_json(value) == data, "not canonical")
    except ValueError as error:
        raise Bad("not JSON") from error
    check(isinstance(value, dict) and set(value) == set(members.split()), "members")
    return value


def check_signature(keys, key_id, signature, message):
    check(key_id in keys, "unknown key")
    try:
        Ed25519PublicKey.from_public_bytes(keys[key_id]).verify(signature, message)
    except InvalidSignature as error:
        raise Bad("signature") from error


def signed_document(data, limit, members, label, keys, *, signer):
    value = document(data, limit, members + " signature")
    signature = bytes.fromhex(value.pop("signature"))
    check_signature(keys, value[signer], signature, label + canonical_json(value))
    return value


# --- HPKE, RFC 9180, base mode: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM


def extract(salt, material):
    return hmac.digest(salt or bytes(32), material, "sha256")


def expand(key, info, length):
    out, block, counter = b"", b"", 1
    while len(out) < length:
        block = hmac.digest(key, block + info + bytes([counter]), "sha256")
        out, counter = out + block, counter + 1
    return out[:length]


def labeled_extract(suite, salt, label, material):
    return extract(salt, b"HPKE-v1" + suite + label + material)


def labeled_expand(suite, key, label, info, length):
    return expand(key, struct.pack(">H", length) + b"HPKE-v1" + suite + label + info, length)


def hpke_key_and_nonce(shared_point, enc, public, info):
    kem = b"KEM" + struct.pack(">H", 0x0020)
    suite = b"HPKE" + struct.pack(">HHH", 0x0020, 0x0001, 0x0002)
    eae = labeled_extract(kem, b"", b"eae_prk", shared_point)
    shared = labeled_expand(kem, eae, b"shared_secret", enc + public, 32)
    psk_id_hash = labeled_extract(suite, b"", b"psk_id_hash", b"")
    info_hash = labeled_extract(suite, b"", b"info_hash", info)
    context = b"\x00" + psk_id_hash + info_hash
    secret = labeled_extract(suite, shared, b"secret", b"")
    return (
        labeled_expand(suite, secret, b"key", context, 32),
        labeled_expand(suite, secret, b"base_nonce", context, 12),
    )


def hpke_open(private, sealed, info):
    enc, ciphertext = sealed[:32], sealed[32:]
    key = X25519PrivateKey.from_private_bytes(private)
    point = key.exchange(X25519PublicKey.from_public_bytes(enc))
    public = key.public_key().public_bytes_raw()
    aead_key, nonce = hpke_key_and_nonce(point, enc, public, info)
    try:
        return AESGCM(aead_key).decrypt(nonce, ciphertext, b"")
    except InvalidTag as error:
        raise Bad("wrap") from error


def hpke_seal(public, plaintext, info, ephemeral):
    """For the vectors: the same, with the ephemeral private key given."""
    key = X25519PrivateKey.from_private_bytes(ephemeral)
    enc = key.public_key().public_bytes_raw()
    point = key.exchange(X25519PublicKey.from_public_bytes(public))
    aead_key, nonce = hpke_key_and_nonce(point, enc, public, info)
    return enc + AESGCM(aead_key).encrypt(nonce, plaintext, b"")


# --- the files

HEADER = (
    "format home batch symbols length canonical quantity frame_size scheme "
    "fingerprint_key_id role pair_of station_key_id created"
)
WRAPS = "format batch core_sha256 wraps wrapped_by"
RECORD = (
    "format batch core_sha256 quantity redrawn prefix_bits sealed_sha256 fingerprints_sha256 "
    "fingerprint_frames run_sha256 station_key_id"
)


def read_header(sealed, keys):
    """(core header, core hash, offset of the first frame)."""
    check(sealed[:22] == MAGIC, "magic")
    length = struct.unpack(">I", sealed[22:26])[0]
    core = sealed[26 : 26 + length]
    signature = sealed[26 + length : 26 + length + 64]
    header = document(core, 4096, HEADER)
    check(header["format"] == 1 and header["scheme"] == "hmac-sha256-128", "format")
    numbers = ("format", "length", "quantity", "frame_size")
    check(all(type(header[name]) is int for name in numbers), "numbers")
    symbols = header["symbols"]
    check(set(symbols) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~"), "symbols")
    crockford = symbols == "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
    check(header["canonical"] == ("crockford32" if crockford else "upper"), "rule")
    check_signature(keys, header["station_key_id"], signature, b"mintmark/core-header/1\n" + core)
    return header, hashlib.sha256(core).digest(), 26 + length + 64


def read_codes(sealed, wraps, keys, custodian, private):
    """All codes, in the order of their serials; `keys`: of the station and of who wrapped."""
    header, core_hash, offset = read_header(sealed, keys)
    label = b"mintmark/wraps/1\n"
    wrapped = signed_document(wraps, 65536, WRAPS, label, keys, signer="wrapped_by")
    check(wrapped["core_sha256"] == core_hash.hex(), "another batch's wraps")
    check(custodian in wrapped["wraps"], "not a recipient")
    info = b"mintmark/data-key/1\n" + core_hash + custodian.encode("ascii")
    data_key = hpke_open(private, bytes.fromhex(wrapped["wraps"][custodian]), info)

    length, quantity, size = header["length"], header["quantity"], header["frame_size"]
    frames = (quantity + size - 1) // size
    check(len(sealed) == offset + frames * 28 + quantity * length, "length of the file")
    codes = b""
    for number in range(frames):
        count = min(size, quantity - number * size)
        frame = sealed[offset : offset + 28 + count * length]
        last = b"\x01" if number == frames - 1 else b"\x00"
        associated = core_hash + struct.pack(">I", number) + last
        try:
            codes += AESGCM(data_key).decrypt(frame[:12], frame[12:], associated)
        except InvalidTag as error:
            raise Bad(f"frame {number}") from error
        offset += len(frame)
    return [codes[at : at + length] for at in range(0, len(codes), length)]


def read_record(record, sealed, fingerprints, run, station_keys):
    """The mint record, after checking everything it says."""
    header, core_hash, _ = read_header(sealed, station_keys)
    label = b"mintmark/mint-record/1\n"
    value = signed_document(record, 8388608, RECORD, label, station_keys, signer="station_key_id")
    check(value["core_sha256"] == core_hash.hex(), "another batch's record")
    check(value["quantity"] == header["quantity"], "quantity")
    for name, data in (("sealed", sealed), ("fingerprints", fingerprints), ("run", run)):
        check(value[name + "_sha256"] == hashlib.sha256(data).hexdigest(), name)
    step = header["frame_size"] * 16
    blocks = [fingerprints[at : at + step] for at in range(0, len(fingerprints), step)]
    digests = [hashlib.sha256(block).hexdigest() for block in blocks]
    check(value["fingerprint_frames"] == digests, "fingerprint frames")
    return value


def read_run(run, quantity):
    """[(prefix, serial)], in the file's order."""
    check(len(run) == 12 * quantity, "length of the run")
    prefixes = struct.unpack(f"<{quantity}Q", run[: 8 * quantity])
    serials = struct.unpack(f"<{quantity}I", run[8 * quantity :])
    check(list(prefixes) == sorted(set(prefixes)), "prefixes do not ascend")
    return list(zip(prefixes, serials, strict=True))


def fingerprint(key, code):
    return hmac.new(key, code, hashlib.sha256).digest()[:16]


def canonical(rule, text):
    """The canonical code, or None."""
    check(rule in ("upper", "crockford32"), "rule")
    if len(text) > 256:
        return None
    out = "".join(chr(ord(c) - 32) if "a" <= c <= "z" else c for c in text)
    if rule == "crockford32":
        out = out.replace("O", "0").replace("I", "1").replace("L", "1")
        out = out.replace(" ", "").replace("-", "")
    good = 1 <= len(out) <= 64 and all(0x21 <= ord(c) <= 0x7E for c in out)
    return out if good else None
