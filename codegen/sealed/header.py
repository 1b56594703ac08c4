"""The core header of a sealed batch: immutable, signed by the station that minted it.

The header says how to read the frames: alphabet, length, quantity, frame size. It is signed
because nothing else says who minted. Anybody can encrypt to a custodian's public key (HPKE
in base mode: RFC 9180, section 9.1), and a batch of codes that an attacker knows would be
printed and activated like any other. Its SHA-256, the core hash, is the associated data of
every frame, and stands in the `info` of every wrap and in the mint record: parts of two
batches do not go together.

An untrusted header is checked in this order, the cheap checks first:

1. the magic bytes;
2. the length that it states, against the limit;
3. the canonical form, the members, their types (`signed.load`);
4. the bounds of every field;
5. the signature, under the key of the station that the header names. Which keys are believed
   is up to the caller: a header cannot introduce its own.

Accepted: the header is not encrypted. A thief learns alphabet, length, quantity, time and
role of a batch.
"""

import hashlib
import re
from dataclasses import asdict, dataclass
from types import MappingProxyType

from .. import times
from ..codes import fingerprint
from ..codes.spec import CodeSpec
from ..errors import IntegrityError, UsageError
from ..ids import SYMBOLS
from ..ranges.roles import ROLES
from . import signed
from .signed import HEADER_LABEL, SIGNATURE_BYTES, Keys, Sign

FORMAT = 1
MAGIC = b"mintmark sealed batch\n"
HEADER_BYTES = 4_096
FRAME_SIZE = 65_536  # codes
MAX_QUANTITY = 2**32 - 1  # codes; a serial has four bytes in a run
_START = len(MAGIC) + 4
PREAMBLE_BYTES = _START + HEADER_BYTES + SIGNATURE_BYTES  # at most

_BATCH = rf"[{SYMBOLS}]{{4}}-[{SYMBOLS}]{{8}}"
_PATTERNS = MappingProxyType(
    {
        "home": re.compile(rf"[{SYMBOLS}]{{4}}-[{SYMBOLS}]{{12}}"),
        "batch": re.compile(_BATCH),
        "pair_of": re.compile(_BATCH),
        "fingerprint_key_id": re.compile(r"[0-9a-f]{16}"),
        "station_key_id": re.compile(r"[0-9a-f]{16}"),
        "created": times.PATTERN,
    }
)
_TYPES = MappingProxyType(
    {
        "format": (int,),
        "home": (str,),
        "batch": (str,),
        "symbols": (str,),
        "length": (int,),
        "canonical": (str,),
        "quantity": (int,),
        "frame_size": (int,),
        "scheme": (str,),
        "fingerprint_key_id": (str,),
        "role": (str,),
        "pair_of": (str, type(None)),
        "station_key_id": (str,),
        "created": (str,),
    }
)


def is_batch_id(text: str) -> bool:
    """Whether `text` is a batch's id, and so safe in a file name."""
    return _PATTERNS["batch"].fullmatch(text) is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class CoreHeader:
    """What a sealed batch is; every frame and wrap is bound to its hash.

    `length`: symbols per code, which are also its bytes. `quantity`: codes. `frame_size`:
    codes per frame. Ids are those of `ids` and `station.keys`; `created` is RFC 3339. Raises
    `ValueError` for a field outside its bounds.
    """

    format: int = FORMAT
    home: str
    batch: str
    symbols: str
    length: int
    canonical: str
    quantity: int
    frame_size: int = FRAME_SIZE
    scheme: str = fingerprint.SCHEME
    fingerprint_key_id: str
    role: str = "item"
    pair_of: str | None = None
    station_key_id: str
    created: str

    def __post_init__(self) -> None:  # rule 4
        for name, pattern in _PATTERNS.items():
            value = getattr(self, name)
            if value is not None and not pattern.fullmatch(value):
                raise ValueError(f"core header: {name}")
        if self.format != FORMAT or self.scheme != fingerprint.SCHEME or self.role not in ROLES:
            raise ValueError("core header: format, scheme or role")
        if not (1 <= self.quantity <= MAX_QUANTITY and 1 <= self.frame_size <= FRAME_SIZE):
            raise ValueError("core header: quantity or frame_size")
        if not self.batch.startswith(self.home[:5]):
            raise ValueError("core header: the batch is not of this home")
        if self.spec.symbols != self.symbols or self.spec.canonical != self.canonical:
            raise ValueError("core header: symbols or canonical")

    @property
    def spec(self) -> CodeSpec:
        """The code spec. Raises `ValueError` for symbols or a length that no code can have."""
        try:
            return CodeSpec.of(f"custom:{self.symbols}", self.length)
        except UsageError:
            raise ValueError("core header: symbols or length") from None

    @property
    def frames(self) -> int:
        """How many frames the batch has."""
        return -(-self.quantity // self.frame_size)

    def count(self, frame: int) -> int:
        """How many codes are in the frame `frame`, counted from 0."""
        return min(self.frame_size, self.quantity - frame * self.frame_size)

    def to_bytes(self) -> bytes:
        """The RFC 8785 bytes: the form that is hashed and signed."""
        return signed.dump(asdict(self))

    @property
    def core_hash(self) -> bytes:
        """SHA-256 over `to_bytes()`."""
        return hashlib.sha256(self.to_bytes()).digest()

    @classmethod
    def from_bytes(cls, data: bytes) -> "CoreHeader":
        """The inverse of `to_bytes`. Raises `IntegrityError` for any other bytes."""
        what = "a core header"
        if len(data) > HEADER_BYTES:
            raise signed.damaged(what)
        try:
            return cls(**signed.load(data, _TYPES, what))  # rules 3 and 4
        except ValueError:
            raise signed.damaged(what) from None


def preamble(header: CoreHeader, sign: Sign) -> bytes:
    """The bytes before the first frame: magic ‖ u32 length, big-endian ‖ header ‖ signature."""
    core = header.to_bytes()
    signature = sign(HEADER_LABEL + core)
    return MAGIC + len(core).to_bytes(4, "big") + core + signature


def preamble_size(header: CoreHeader) -> int:
    """How many bytes `preamble` has."""
    return _START + len(header.to_bytes()) + SIGNATURE_BYTES


def read_preamble(data: bytes, station_keys: Keys) -> CoreHeader:
    """The header in the first `PREAMBLE_BYTES` of a file, or in fewer bytes of a shorter file.

    `station_keys`: key id → public key of the stations that are believed. Raises
    `IntegrityError` unless the header is whole, canonical and signed by the station that it
    names.
    """
    # 1.
    if not data.startswith(MAGIC) or len(data) < _START:
        raise IntegrityError("this is not a sealed batch", "name a file ending in .sealed")
    # 2.
    stop = _START + int.from_bytes(data[len(MAGIC) : _START], "big")
    if stop > _START + HEADER_BYTES or len(data) < stop + SIGNATURE_BYTES:
        raise signed.damaged("a core header")
    core = data[_START:stop]
    header = CoreHeader.from_bytes(core)  # 3 and 4
    # 5.
    signed.verify(
        station_keys,
        header.station_key_id,
        data[stop : stop + SIGNATURE_BYTES],
        HEADER_LABEL + core,
        f"the header of batch {header.batch}",
    )
    return header
