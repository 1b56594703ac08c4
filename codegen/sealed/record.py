"""The mint record: the digests of what was minted, signed by the station, written last.

A batch without one was never finished. Wraps are not in it: they can be replaced.
"""

import hashlib
import hmac
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from types import MappingProxyType

from ..errors import IntegrityError
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
    without reading the whole file. `prefix_bits`: of a fingerprint, in the run.
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
    """The mint record in `data`, if it is of `header`'s batch and by its station.

    Raises `IntegrityError` otherwise.
    """
    what = f"the mint record of batch {header.batch}"
    if len(data) > RECORD_BYTES:
        raise signed.damaged(what)
    document = signed.load(data, _TYPES, what)
    signature, message = signed.detach(document, RECORD_LABEL, what)
    signed.verify(station_keys, document["station_key_id"], signature, message, what)
    frames = document["fingerprint_frames"]
    for digest in (document["sealed_sha256"], document["run_sha256"], *frames):
        signed.unhex(digest, _DIGEST, what)
    signed.unhex(document["fingerprints_sha256"], _DIGEST, what)
    record = MintRecord(**{**document, "fingerprint_frames": tuple(frames)})
    belongs = (record.batch, record.core_sha256) == (header.batch, header.core_hash.hex())
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
    for block in _blocks(path, header.frame_size * 16):
        yield hashlib.sha256(block).hexdigest()


def _blocks(path: Path, size: int) -> Iterator[bytes]:
    with path.open("rb") as file:
        while block := file.read(size):
            yield block
