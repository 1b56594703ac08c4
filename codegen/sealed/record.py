"""The mint record: the digests of what was minted, signed by the station, written last.

The record ties three files to a batch. Tags already protect the codes, but a tag cannot show
that a frame is an older sealing of itself, and nothing else protects fingerprints and run:
whoever swaps in fingerprints of codes of their own would have a backend accept those codes.
A station or custodian therefore compares every frame's worth of fingerprints with the record
before it is sent (`check_fingerprints`).

Without a record there is no batch: it is published last, so a mint that crashed leaves none.
The wraps are not in it, because they can be replaced (see `wrap`).

Accepted: all five files of a batch, removed or put back from an older copy, fit together.
The ledger knows the batch and the digest of its record, and shows both.
"""

import hashlib
import hmac
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from types import MappingProxyType

from ..codes.fingerprint import SIZE
from ..errors import IntegrityError
from ..files import open_own
from . import signed
from .header import FORMAT, CoreHeader
from .signed import RECORD_LABEL, Keys, Sign

RECORD_BYTES = 8_388_608
_DIGEST = 32
_CHUNK = 1_048_576
_TYPES = MappingProxyType(
    {
        "format": (int,),
        "batch": (str,),
        "core_sha256": (str,),
        "quantity": (int,),
        "redrawn": (int,),
        "prefix_bits": (int,),
        "sealed_sha256": (str,),
        "fingerprints_sha256": (str,),
        "fingerprint_frames": (list,),
        "run_sha256": (str,),
        "station_key_id": (str,),
        "signature": (str,),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class MintRecord:
    """What the station vouches for; digests are SHA-256, lower-case hex.

    `redrawn`: how many codes were drawn again because they collided. `fingerprint_frames`:
    the digest of each frame's worth of fingerprints, so that a range can be checked
    without reading the whole file. `prefix_bits`: bits of a fingerprint that the run keeps.
    """

    format: int = FORMAT
    batch: str
    core_sha256: str
    quantity: int
    redrawn: int
    prefix_bits: int
    sealed_sha256: str
    fingerprints_sha256: str
    fingerprint_frames: tuple[str, ...]
    run_sha256: str
    station_key_id: str

    @property
    def digests(self) -> dict[str, str]:
        """Part → its digest."""
        return {
            "sealed": self.sealed_sha256,
            "fingerprints": self.fingerprints_sha256,
            "run": self.run_sha256,
        }

    def to_bytes(self, sign: Sign) -> bytes:
        """The signed file."""
        return signed.attach(asdict(self), RECORD_LABEL, sign)

    def check_fingerprints(self, frame: int, fingerprints: bytes) -> None:
        """Raises `IntegrityError` unless these are all fingerprints of `frame`."""
        digest = hashlib.sha256(fingerprints).hexdigest()
        if not hmac.compare_digest(digest, self.fingerprint_frames[frame]):
            raise IntegrityError(
                f"the fingerprints of batch {self.batch} are damaged (frame {frame})",
                "bring the fingerprint file back from a copy",
                frame=frame,
            )


def read_record(data: bytes, header: CoreHeader, station_keys: Keys) -> MintRecord:
    """The mint record in `data`, if it is of `header`'s batch and signed by its station.

    `header` has been verified. Raises `IntegrityError` otherwise, and for digests, counts or
    bounds that are not those of a record.
    """
    what = f"the mint record of batch {header.batch}"
    if len(data) > RECORD_BYTES:
        raise signed.damaged(what)
    document = signed.load(data, _TYPES, what)
    signature, message = signed.detach(document, RECORD_LABEL, what)
    signed.verify(station_keys, document["station_key_id"], signature, message, what)
    frames = document["fingerprint_frames"]
    for name in ("sealed_sha256", "fingerprints_sha256", "run_sha256"):
        signed.unhex(document[name], _DIGEST, what)
    for digest in frames:
        signed.unhex(digest, _DIGEST, what)
    record = MintRecord(**{**document, "fingerprint_frames": tuple(frames)})
    belongs = (record.batch, record.core_sha256) == (header.batch, header.core_hash.hex())
    # Another station of the home may have signed: it did not mint this batch.
    if not belongs or record.station_key_id != header.station_key_id:
        raise IntegrityError(f"{what} belongs to another batch", "bring the right one back")
    if (
        (record.format, record.quantity) != (FORMAT, header.quantity)
        or len(frames) != header.frames
        or not 1 <= record.prefix_bits <= 64
        or record.redrawn < 0
    ):
        raise signed.damaged(what)
    return record


def file_digest(path: Path, progress: Callable[[int], None] = lambda _: None) -> str:
    """SHA-256 of a file, lower-case hex; `progress(n)` after every n bytes more."""
    digest = hashlib.sha256()
    for block in _blocks(path, _CHUNK):
        digest.update(block)
        progress(len(block))
    return digest.hexdigest()


def frame_digests(path: Path, header: CoreHeader) -> Iterator[str]:
    """SHA-256 of each frame's worth of a fingerprint file, lower-case hex."""
    for block in _blocks(path, header.frame_size * SIZE):
        yield hashlib.sha256(block).hexdigest()


def _blocks(path: Path, size: int) -> Iterator[bytes]:
    with open_own(path) as file:
        while block := file.read(size):
            yield block
