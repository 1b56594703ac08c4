"""Makes the test vectors: `python tests/vectors/make.py` writes them.

Those of sealed batches lie beside it; those that backends need as well, in activation/vectors/.

Everything random comes from SHAKE-256 over a name, so the files never change unless the
format does. It shares no code with mintmark, only with the independent reader.

A vector in sealed/ holds the five files of a batch (binary ones in hex), the keys needed,
and under `expected` the codes, or null if reading must fail, in which frame if a frame is
to blame; and `digests`, whether the mint record vouches for what is there.
"""

import hashlib
import importlib.util
import json
import struct
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

HERE = Path(__file__).parent
HANDED_OUT = HERE.parents[1] / "activation" / "vectors"
_spec = importlib.util.spec_from_file_location(
    "independent_reader", HERE.parent / "codegen" / "independent_reader.py"
)
reader = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(reader)

SYMBOLS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
STATION, STRANGER, CUSTODIAN, OTHER = "5a" * 8, "bd" * 8, "c0" * 8, "07" * 8


def random(name, size):
    return hashlib.shake_256(b"mintmark vectors: " + name.encode()).digest(size)


def signing(name):
    return Ed25519PrivateKey.from_private_bytes(random(f"{name} sign", 32))


def sealing(name):
    return X25519PrivateKey.from_private_bytes(random(f"{name} seal", 32))


class Batch:
    """A batch, built step by step; a scenario changes what a step made."""

    def __init__(self, name="batch", quantity=7, frame_size=3, **header):
        self.name = name
        self.header = {
            "format": 1,
            "home": "TEST-000000000000",
            "batch": "TEST-" + "".join(SYMBOLS[b % 32] for b in random(name, 8)),
            "symbols": SYMBOLS,
            "length": 12,
            "canonical": "crockford32",
            "quantity": quantity,
            "frame_size": frame_size,
            "scheme": "hmac-sha256-128",
            "fingerprint_key_id": fingerprint_key_id(),
            "role": "item",
            "pair_of": None,
            "station_key_id": STATION,
            "created": "2026-11-22T08:00:00+08:00",
            **header,
        }
        self.core = reader.canonical_json(self.header)
        self.station = signing("station")
        drawn = random(f"{name} codes", quantity * self.header["length"])
        text = "".join(self.header["symbols"][b % len(self.header["symbols"])] for b in drawn)
        step = self.header["length"]
        self.codes = [text[at : at + step] for at in range(0, len(text), step)]
        self.build()

    def build(self):
        self.hash = hashlib.sha256(self.core).digest()
        signature = self.station.sign(b"mintmark/core-header/1\n" + self.core)
        magic = b"mintmark sealed batch\n"
        self.preamble = magic + struct.pack(">I", len(self.core)) + self.core + signature
        self.frames = [self.frame(n) for n in range(self.count)]
        key = fingerprint_key()
        self.prints = [reader.fingerprint(key, code.encode()) for code in self.codes]
        self.fingerprints = b"".join(self.prints)
        entries = sorted((struct.unpack(">Q", f[:8])[0], n) for n, f in enumerate(self.prints, 1))
        self.run = b"".join(struct.pack("<Q", p) for p, _ in entries)
        self.run += b"".join(struct.pack("<I", n) for _, n in entries)
        self.wraps = self.wrap([CUSTODIAN, OTHER])
        self.record = None

    @property
    def count(self):
        return -(-self.header["quantity"] // self.header["frame_size"])

    def frame(self, number, **position):
        size = self.header["frame_size"]
        codes = "".join(self.codes[number * size : (number + 1) * size]).encode()
        return self.seal(number, codes, **{"number": number, **position})

    def seal(self, name, codes, number, last=None, core_hash=None):
        last = number == self.count - 1 if last is None else last
        associated = (core_hash or self.hash) + struct.pack(">I", number) + bytes([last])
        nonce = random(f"{self.name} nonce {name}", 12)
        return nonce + AESGCM(random(f"{self.name} key", 32)).encrypt(nonce, codes, associated)

    def wrap(self, recipients, signer="station", key_id=STATION, core_hash=None, **changes):
        wraps = {}
        for name in recipients:
            core_hash_ = core_hash or self.hash
            info = b"mintmark/data-key/1\n" + core_hash_ + name.encode()
            public = sealing(name).public_key().public_bytes_raw()
            data_key = random(f"{self.name} key", 32)
            ephemeral = random(f"{self.name} wrap {name}", 32)
            wraps[name] = reader.hpke_seal(public, data_key, info, ephemeral).hex()
        document = {
            "format": 1,
            "batch": self.header["batch"],
            "core_sha256": (core_hash or self.hash).hex(),
            "wraps": wraps,
            "wrapped_by": key_id,
            **changes,
        }
        return attach(document, b"mintmark/wraps/1\n", signing(signer))

    @property
    def sealed(self):
        return self.preamble + b"".join(self.frames)

    def vouch(self, **changes):
        """The mint record of what is there now."""
        step = self.header["frame_size"] * 16
        blocks = [self.fingerprints[a : a + step] for a in range(0, len(self.fingerprints), step)]
        document = {
            "format": 1,
            "batch": self.header["batch"],
            "core_sha256": self.hash.hex(),
            "quantity": self.header["quantity"],
            "redrawn": 0,
            "prefix_bits": 64,
            "sealed_sha256": hashlib.sha256(self.sealed).hexdigest(),
            "fingerprints_sha256": hashlib.sha256(self.fingerprints).hexdigest(),
            "fingerprint_frames": [hashlib.sha256(block).hexdigest() for block in blocks],
            "run_sha256": hashlib.sha256(self.run).hexdigest(),
            "station_key_id": self.header["station_key_id"],
            **changes,
        }
        self.record = attach(document, b"mintmark/mint-record/1\n", self.station)
        return self

    def vector(self, description, read=True, digests=True, frame=None):
        if self.record is None:
            self.vouch()
        return {
            "description": description,
            "batch": self.header["batch"],
            "station_keys": {STATION: public("station")},
            "custodian": CUSTODIAN,
            "custodian_key": sealing(CUSTODIAN).private_bytes_raw().hex(),
            "fingerprint_key": fingerprint_key().hex(),
            "files": {
                ".sealed": self.sealed.hex(),
                ".fingerprints": self.fingerprints.hex(),
                ".run": self.run.hex(),
                ".wraps.json": self.wraps.decode(),
                ".mint.json": self.record.decode(),
            },
            "expected": {
                "codes": self.codes if read else None,
                "frame": frame,
                "digests": digests,
            },
        }


def attach(document, label, key):
    signature = key.sign(label + reader.canonical_json(document))
    return reader.canonical_json({**document, "signature": signature.hex()})


def public(name):
    return signing(name).public_key().public_bytes_raw().hex()


def fingerprint_key():
    return random("fingerprint key", 32)


def fingerprint_key_id():
    return reader.hmac.digest(fingerprint_key(), b"mintmark fingerprint key id", "sha256")[:8].hex()


def flip(data, at):
    changed = bytearray(data)
    changed[at] ^= 1
    return bytes(changed)


# --- scenarios: name → (description, batch, what is expected)


def good():
    yield "good", Batch().vector("seven codes in three frames")
    yield "good-one-code", Batch("one", 1).vector("one code, one frame, the last")
    yield "good-full-last-frame", Batch("full", 6).vector("the last frame is as long as the others")
    digits = Batch("digits", symbols="0123456789", length=20, canonical="upper", role="outer")
    yield "good-digits", digits.vector("another alphabet and rule")
    again = Batch().vouch()
    again.wraps = again.wrap([CUSTODIAN], signer="custodian", key_id="cc" * 8)
    vector = again.vector("wrapped anew by a custodian: frames and record stay")
    vector["wrap_keys"] = {"cc" * 8: public("custodian")}
    yield "good-rewrapped", vector


def frames():
    for field, at in {"nonce": 0, "ciphertext": 12, "tag": -1}.items():
        batch = Batch().vouch()
        batch.frames[1] = flip(batch.frames[1], at)
        text = f"one bit of the {field} of frame 1 is flipped"
        yield f"frame-{field}", batch.vector(text, read=False, digests=False, frame=1)
    batch = Batch().vouch()
    batch.frames[:2] = batch.frames[1::-1]
    yield "frames-swapped", batch.vector("frames 0 and 1 changed places", False, False, 0)
    batch = Batch().vouch()
    batch.frames[0] = Batch("other").frames[0]
    yield "frame-of-another-batch", batch.vector("frame 0 is another batch's", False, False, 0)
    batch = Batch()
    batch.frames[0] = batch.frame(0, core_hash=Batch("other").hash)
    text = "frame 0 is sealed with the data key, but bound to another core hash"
    yield "frame-other-core", batch.vector(text, read=False, frame=0)
    batch = Batch()
    batch.frames[2] = batch.frame(2, last=False)
    yield (
        "frame-last-unflagged",
        batch.vector("the last frame is not sealed as such", False, True, 2),
    )
    batch = Batch("full", 6)
    batch.frames[0] = batch.frame(0, last=True)
    yield "frame-first-flagged", batch.vector("the first is sealed as the last", False, True, 0)


def lengths():
    batch = Batch().vouch()
    batch.frames.pop()
    yield "cut-at-frame", batch.vector("the last frame is missing", False, False)
    batch = Batch().vouch()
    batch.frames[-1] = batch.frames[-1][:-1]
    yield "cut-one-byte", batch.vector("the last byte is missing", False, False)
    batch = Batch().vouch()
    batch.frames.append(b"\0")
    yield "trailing-byte", batch.vector("a byte follows the last frame", False, False)


def headers():
    changes = {
        "header-quantity": (b'"quantity":7', b'"quantity":6'),
        "header-rule": (b'"crockford32"', b'"upper"'),
    }
    for name, (old, new) in changes.items():
        batch = Batch().vouch()
        core = batch.core.replace(old, new)
        signature = batch.preamble[-64:]
        batch.preamble = batch.preamble[:22] + struct.pack(">I", len(core)) + core + signature
        yield name, batch.vector("changed, with the old signature", False, False)
    batch = Batch()
    batch.station = signing("stranger")
    batch.build()
    text = "signed by another key under the station's id, record and all"
    batch.wraps = batch.wrap([CUSTODIAN])
    yield "header-forged", batch.vector(text, read=False, digests=False)
    signed = {
        "header-white-space": ("canonical but for a space", lambda c: c.replace(b":7", b": 7")),
        "header-order": (
            "members in another order",
            lambda c: json.dumps(
                dict(reversed(json.loads(c).items())), separators=(",", ":")
            ).encode(),
        ),
        "header-number": ("a number not in canonical form", lambda c: c.replace(b":7", b":7.0")),
        "header-doubled": (
            "a member twice",
            lambda c: c.replace(b'"format":1', b'"format":1,"format":1'),
        ),
        "header-unknown": ("a member no one knows", lambda c: c[:-1] + b',"z":1}'),
        "header-format": (
            "a format of the future",
            lambda c: c.replace(b'"format":1', b'"format":2'),
        ),
        "header-boolean": (
            "true for a number",
            lambda c: c.replace(b'"format":1', b'"format":true'),
        ),
        "header-alphabet": (
            "symbols in both cases",
            lambda c: c.replace(SYMBOLS.encode(), b"abAB").replace(b"crockford32", b"upper"),
        ),
        "header-rule-mismatch": (
            "a rule that is not its alphabet's",
            lambda c: c.replace(b"crockford32", b"upper"),
        ),
    }
    for name, (text, change) in signed.items():
        batch = Batch()
        batch.core = change(batch.core)
        batch.build()
        yield name, batch.vector(f"signed by the station, but {text}", False, False)


def wraps():
    batch = Batch()
    batch.wraps = batch.wrap([OTHER])
    yield "wraps-not-for-us", batch.vector("sealed to another custodian", read=False)
    batch = Batch()
    batch.wraps = Batch("other").wraps
    yield "wraps-of-another-batch", batch.vector("another batch's wraps", False, False)
    batch = Batch()
    batch.wraps = batch.wrap([CUSTODIAN], core_hash=Batch("other").hash)
    text = "our data key, wrapped for another core hash"
    yield "wraps-other-core", batch.vector(text, False, False)
    batch = Batch()
    batch.wraps = batch.wrap(
        [CUSTODIAN], core_hash=Batch("other").hash, core_sha256=batch.hash.hex()
    )
    yield "wraps-other-info", batch.vector("as before, and claiming to be ours", read=False)
    batch = Batch()
    batch.wraps = batch.wrap([CUSTODIAN], signer="stranger")
    yield "wraps-forged", batch.vector("the signature is a stranger's", False, False)
    batch = Batch()
    batch.wraps = batch.wrap([CUSTODIAN], signer="stranger", key_id=STRANGER)
    yield "wraps-stranger", batch.vector("wrapped by a key no one vouches for", False, False)
    batch = Batch()
    document = json.loads(batch.wraps)
    moved = document["wraps"]
    moved[CUSTODIAN], moved[OTHER] = moved[OTHER], moved[CUSTODIAN]
    document.pop("signature")
    batch.wraps = attach(document, b"mintmark/wraps/1\n", batch.station)
    yield "wraps-exchanged", batch.vector("two custodians' wraps exchanged, and signed", read=False)


def records():
    batch = Batch().vouch()
    batch.fingerprints = flip(batch.fingerprints, 20)
    yield "fingerprint-flipped", batch.vector("one bit of a fingerprint", digests=False)
    batch = Batch().vouch()
    batch.run = flip(batch.run, 5)
    yield "run-flipped", batch.vector("one bit of the run", digests=False)
    batch = Batch()
    batch.record = Batch("other").vouch().record
    yield "record-of-another-batch", batch.vector("another batch's record", digests=False)
    batch = Batch()
    batch.record = batch.vouch().record.replace(b'"redrawn":0', b'"redrawn":1')
    yield "record-changed", batch.vector("changed, with the old signature", digests=False)
    batch = Batch().vouch(quantity=8)
    yield "record-quantity", batch.vector("signed, with another quantity", digests=False)


CANONICAL = [
    ("upper", "abcXYZ019", "letters of ASCII in upper case"),
    ("upper", "o0iIlL1", "nothing else is folded"),
    ("upper", "A-._~9", "symbols stay"),
    ("upper", "AB CD", "a space is no code's"),
    ("upper", "ABCD\n", "nor a line feed"),
    ("upper", "", "empty"),
    ("upper", "stra\u00dfe", "sharp s is not SS"),
    ("upper", "\u0131d", "dotless i is not I"),
    ("upper", "\uff21\uff22", "full-width letters are not letters"),
    ("upper", "A" * 64, "the longest"),
    ("upper", "A" * 65, "one too long"),
    ("crockford32", "7k3m-9qrs-tv2x", "case and hyphens"),
    ("crockford32", "oOiIlL", "O is 0, I and L are 1, in both cases"),
    ("crockford32", " 7K3M 9QRS ", "spaces anywhere"),
    ("crockford32", "--  --", "nothing left"),
    ("crockford32", "7K3M\u20139QRS", "an en dash is not a hyphen"),
    ("crockford32", "7K3M\u00a09QRS", "a no-break space is not a space"),
    ("crockford32", "7K3M\t9QRS", "nor is a tab"),
    ("crockford32", "uU", "u stands for nothing else"),
    ("crockford32", "-" * 192 + "A" * 64, "256 characters as typed, 64 folded"),
    ("crockford32", "-" * 193 + "A" * 64, "257 characters as typed"),
    ("crockford32", "\U0001f600", "beyond the basic plane"),
]


def canonical():
    return [
        {
            "rule": rule,
            "text": text,
            "canonical": reader.canonical(rule, text),
            "why": why,
        }
        for rule, text, why in CANONICAL
    ]


def fingerprints():
    key = fingerprint_key()
    codes = ["7K3M9QRSTV2X7K3M", "0", "A" * 64, "00000000000000000000", "A-._~9"]
    return {
        "scheme": "hmac-sha256-128",
        "key": key.hex(),
        "key_id": fingerprint_key_id(),
        "fingerprints": [
            {"canonical": code, "fingerprint": reader.fingerprint(key, code.encode()).hex()}
            for code in codes
        ],
    }


def files():
    """Name → text of every vector file."""
    vectors = {"canonical.json": canonical(), "fingerprints.json": fingerprints()}
    for scenarios in (good, frames, lengths, headers, wraps, records):
        for name, vector in scenarios():
            vectors[f"sealed/{name}.json"] = vector
    return {
        name: json.dumps(vector, indent=1, ensure_ascii=True) + "\n"
        for name, vector in vectors.items()
    }


if __name__ == "__main__":
    for name, text in files().items():
        ((HERE if "/" in name else HANDED_OUT) / name).write_text(
            text, encoding="ascii", newline="\n"
        )
