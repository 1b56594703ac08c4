"""`backend serve`: the reference backend, over its own folder, beside the local home."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..codegen import fingerprint
from ..codegen.call import Call
from ..codegen.errors import Refused, UsageError
from ..codegen.result import Result
from ..codegen.secret import Secret
from ..codegen.station.keys import read_fingerprint_key
from ..codegen.station.publish import write_atomically
from .connect import ANNOUNCEMENT

LOOPBACK = ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True)
class Served(Result):
    """The backend has stopped."""

    url: str

    def lines(self) -> Iterator[str]:
        """One line."""
        yield f"stopped serving {self.url}"


def serve(  # noqa: PLR0913 - the command's options
    call: Call,
    data: Path,
    host: str,
    port: int,
    *,
    trust_home: bool,
    fingerprint_key: Path | None,
) -> Served:
    """Serve until SIGTERM or Ctrl-C; says where on stderr.

    Raises `UsageError` without a fingerprint key, `Refused` where another address than
    loopback would trust whoever asks.
    """
    if trust_home and host not in LOOPBACK:
        raise Refused(
            f"on {host} anyone could send orders: request signing is not built yet",
            "serve on 127.0.0.1, or behind a proxy that knows who may order",
        )
    key, announcement = _keys(call, trust_home=trust_home, fingerprint_key=fingerprint_key)

    def ready(url: str) -> None:
        if announcement is not None:
            write_atomically(announcement, json.dumps({"url": url}).encode("ascii"))
        call.say(f"serving {url} from {data}; stop it with Ctrl-C")

    from .backend.serve import serve as run

    try:
        url = run(
            data,
            host,
            port,
            key,
            fingerprint.key_id(key),
            trust_loopback=trust_home,
            now=call.now,
            ready=ready,
        )
    finally:
        if announcement is not None:
            announcement.unlink(missing_ok=True)
    return Served(url)


def _keys(
    call: Call, *, trust_home: bool, fingerprint_key: Path | None
) -> tuple[Secret, Path | None]:
    if fingerprint_key is not None:
        return read_fingerprint_key(fingerprint_key), None
    if not trust_home:
        raise UsageError(
            "without the home, the backend needs the fingerprint key",
            "give --fingerprint-key F, a copy of the home's keys/fingerprint.key",
        )
    station = call.station()
    return station.fingerprint_key, station.home / ANNOUNCEMENT
