"""The request that a phone scans with, told from the bytes of a connection. Pure.

It is told from others by being of one exact form; whatever is of another form, good or bad, is
not judged here at all, and the framework gets every byte of it. So nothing is refused here,
nothing is read in a way of our own, and where this and a proxy could disagree on where a request
ends (RFC 9112, section 11.2), it is no request of a phone's.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from .models import NAME, REGION

_LINE: Final = b"POST /v1/scans HTTP/1.1\r\n"
_HEAD_BYTES: Final = 8_192
# RFC 9110, section 5: a token, a colon, visible characters and spaces. Nothing else is taken.
_HEAD: Final = re.compile(re.escape(_LINE) + rb"((?:[!#$%&'*+.^_`|~0-9A-Za-z-]+:[ -~]*\r\n)+)\r\n")
_LENGTH: Final = re.compile(rb"[0-9]{1,6}")
# What has a meaning of its own for the message, its connection or its sender.
_OTHERS: Final = frozenset(
    {b"transfer-encoding", b"expect", b"upgrade", b"trailer", b"te", b"http2-settings"}
    | {b"signature", b"signature-input", b"content-encoding", b"proxy-connection"}
)
_KEYS: Final = frozenset({"code", "scan_id", "region"})
_NAME, _REGION = (re.compile(pattern.strip("^$")) for pattern in (NAME, REGION))


class NotAScan(Enum):
    """What has come may be the beginning of a phone's request, or cannot be."""

    BEGINNING = "beginning"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class PhoneRequest:
    """A scan by nobody in particular. `headers`: by name in lower case, each once."""

    code: str
    scan_id: str | None
    region: str | None
    headers: Mapping[bytes, bytes]


def read(data: bytes, body_bytes: int, code_chars: int) -> PhoneRequest | NotAScan:
    """The request that `data` is, whole and with nothing after it."""
    found = _HEAD.match(data)
    if found is None:
        whole = b"\r\n\r\n" in data or len(data) > _HEAD_BYTES
        fits = data.startswith(_LINE) or _LINE.startswith(data)
        return NotAScan.BEGINNING if fits and not whole else NotAScan.OTHER
    lines = found[1][:-2].split(b"\r\n")
    headers = {name.lower(): value.strip(b" ") for name, _, value in map(_halves, lines)}
    size = _size(headers) if len(headers) == len(lines) else None
    if size is None or size > body_bytes:
        return NotAScan.OTHER
    body = data[found.end() :]
    if len(body) < size:
        return NotAScan.BEGINNING
    if len(body) > size:
        return NotAScan.OTHER
    return _scan(body, code_chars, headers)


def _halves(line: bytes) -> tuple[bytes, bytes, bytes]:
    return line.partition(b":")


def _size(headers: Mapping[bytes, bytes]) -> int | None:
    """How long the body is, if the headers are a phone's."""
    if not _OTHERS.isdisjoint(headers):
        return None
    if headers.get(b"content-type") != b"application/json":
        return None
    if headers.get(b"connection", b"keep-alive").lower() != b"keep-alive":
        return None
    length = headers.get(b"content-length", b"")
    return int(length) if _LENGTH.fullmatch(length) else None


def _scan(body: bytes, code_chars: int, headers: Mapping[bytes, bytes]) -> PhoneRequest | NotAScan:
    try:
        # As the framework does: it knows UTF-8 and more, and of two equal keys the last one counts.
        data = json.loads(body)
    except (ValueError, RecursionError):
        return NotAScan.OTHER
    if type(data) is not dict or not data.keys() <= _KEYS:
        return NotAScan.OTHER
    code = data.get("code")
    if type(code) is not str or len(code) > code_chars or not code.isascii():
        return NotAScan.OTHER
    scan_id, region = data.get("scan_id"), data.get("region")
    if not (_is(scan_id, _NAME) and _is(region, _REGION)):
        return NotAScan.OTHER
    return PhoneRequest(code, scan_id, region, headers)


def _is(value: Any, pattern: re.Pattern[str]) -> bool:  # noqa: ANN401 - JSON
    return value is None or (type(value) is str and pattern.fullmatch(value) is not None)
