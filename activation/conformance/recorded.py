"""An earlier check, read from its trace: what the backend has answered, and must answer again."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from ...codegen import times
from ...codegen.errors import NotFound, UsageError
from .probe import JSON_TYPE, PREFIX
from .trace import FORMAT, from_json

KEPT = (
    *("blocked", "outside", "count-differs", "count-required"),
    *("nesting", "child-taken", "child-elsewhere"),
)
MOST_BYTES = 1_000_000_000
HEADER_BYTES = 100_000
HINT = "name a file that backend check --trace made"
HEADER = ("url", "batch", "home", "fingerprint_key_id")


@dataclass(frozen=True)
class Exchange:
    """A request and its answer. `key`: of `first`, `second` and so on, whose probe sent it."""

    clause: str
    at: datetime
    key: str
    method: str
    path: str
    headers: dict[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    status: int
    answer: bytes = field(repr=False)

    @cached_property
    def data(self) -> Any:  # noqa: ANN401 - JSON
        """The answer's JSON, None if it is none."""
        return _json(self.answer)

    @property
    def of_a_consumer(self) -> bool:
        """Whether it is an anonymous scan that was answered."""
        scans = self.path == "/v1/scans" and self.status == 200
        return scans and isinstance(self.sent, dict) and "signature-input" not in self.headers

    @cached_property
    def sent(self) -> Any:  # noqa: ANN401 - JSON
        """The request's JSON, None if it is none."""
        return _json(self.body) if self.headers.get("content-type") == JSON_TYPE else None


@dataclass(frozen=True)
class Recorded:
    """The check in a trace."""

    url: str
    batch: str
    home: str
    key_id: str
    exchanges: tuple[Exchange, ...] = field(repr=False)

    def orders(self) -> dict[str, Exchange]:
        """By order id, the first answer that the backend must have kept."""
        return self._kept("/v1/orders/")

    def aggregations(self) -> dict[str, Exchange]:
        """As `orders`, of aggregations."""
        return self._kept("/v1/aggregations/")

    def scan_ins(self) -> dict[str, Exchange]:
        """As `orders`, of scan-ins."""
        return self._kept("/v1/scan-ins/")

    def _kept(self, address: str) -> dict[str, Exchange]:
        found: dict[str, Exchange] = {}
        for one in self.exchanges:
            if one.method == "PUT" and one.path.startswith(address) and _is_kept(one):
                found.setdefault(one.path.removeprefix(address), one)
        return found

    def parents(self) -> Iterator[Exchange]:
        """The last readings of what the codes of every batch lie in."""
        for one in self.exchanges:
            if one.clause == "leave" and one.status == 200 and "/parents?" in one.path:
                yield one

    def left(self) -> Iterator[Exchange]:
        """The last readings of every batch, after which the check did nothing more."""
        for one in self.exchanges:
            reading = one.method == "GET" and one.path.startswith("/v1/batches/")
            if one.clause == "leave" and reading and "digests=true" in one.path:
                yield one

    def scans(self) -> dict[int, Exchange]:
        """By serial of the first batch, the scan that told the most scans.

        A code of another form may be read in two ways.
        """
        found: dict[int, Exchange] = {}
        for one in self.exchanges:
            if not one.of_a_consumer or one.sent.get("as"):
                continue
            if isinstance(one.data, dict) and one.data.get("batch") == self.batch:
                best = found.get(one.data["serial"])
                if best is None or best.data["scans"] <= one.data["scans"]:
                    found[one.data["serial"]] = one
        return found


def read(path: Path) -> Recorded:
    """The check in the trace at `path`.

    Raises `NotFound` without the file, `UsageError` for one that is no trace of a check.
    """
    try:
        with path.open("rb") as file:
            first = file.readline(HEADER_BYTES)
            data = file.read(MOST_BYTES + 1) if FORMAT.encode() in first else b""
    except FileNotFoundError:
        raise NotFound(f"no file {path}", "name the file that --trace made") from None
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}", HINT) from None
    # A check that was killed may have left a line half written.
    whole = data.split(b"\n")[:-1]
    try:
        header = json.loads(first)
        if header["format"] == FORMAT and len(data) <= MOST_BYTES:
            url, batch, home, key = (str(header[name]) for name in HEADER)
            return Recorded(url, batch, home, key, tuple(map(_exchange, whole)))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        pass
    raise UsageError(f"{path} is no trace of a check", HINT)


def _exchange(data: bytes) -> Exchange:
    line = json.loads(data)
    return Exchange(
        str(line["clause"]),
        times.parse(line["at"]),
        str(line["key"]),
        str(line["method"]),
        str(line["path"]),
        {str(name): str(value) for name, value in line["headers"].items()},
        from_json(line["body"]),
        int(line["status"]),
        from_json(line["answer"]),
    )


def _is_kept(one: Exchange) -> bool:
    if not isinstance(one.sent, dict) or not isinstance(one.data, dict) or one.sent.get("dry_run"):
        return False
    return one.status == 200 or str(one.data.get("type")).removeprefix(PREFIX) in KEPT


def _json(data: bytes) -> Any:  # noqa: ANN401 - JSON
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return None
