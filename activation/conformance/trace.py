"""What a check sent and what came back, line by line, in a file that its owner alone may read.

The first line says which check it was; each other line is a request with its answer, in the
order the answers came. The trial's codes stand there. No key does: of signatures only what was
sent.
"""

import base64
import json
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Self

from ...codegen.errors import EnvironmentFailure, Refused
from ...codegen.files import create
from ...codegen.times import format_utc
from .probe import Answer, Probe

if TYPE_CHECKING:
    import httpx2

FORMAT = "mintmark-check-trace/1"


class Trace:
    """A new file of exchanges; a context manager. Safe to share between threads.

    Raises `Refused` if the file is there already, `EnvironmentFailure` if it can't be written:
    at its end, so that a full disk is not taken for a backend that does not answer.
    """

    def __init__(self, path: Path) -> None:
        self._clause = ""
        self._path, self._lock = path, threading.Lock()
        self._failure: OSError | None = None
        try:
            self._file: BinaryIO = create(path)
        except FileExistsError:
            raise Refused(
                f"{path} exists already and is not overwritten", "name another file"
            ) from None
        except OSError as error:
            raise self._cannot(error) from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        try:
            self._file.close()
        except OSError as error:
            self._failure = self._failure or error
        if self._failure is not None and kind is None:
            raise self._cannot(self._failure)

    def begin(self, **facts: object) -> None:
        """Write the first line."""
        self._write({"format": FORMAT, **facts})

    def tell(self, clause: str) -> None:
        """Say which clause the exchanges belong to from now on."""
        self._clause = clause

    def watch(self, probe: Probe, key: str) -> None:
        """Write down what `probe` exchanges from now on; `key` says whose signature it has."""

        def record(request: "httpx2.Request", answer: Answer) -> None:
            path = request.url.raw_path.decode("ascii")
            headers = dict(request.headers)
            self._write(
                {
                    "clause": self._clause,
                    "at": format_utc(probe.now()),
                    "key": key,
                    "method": request.method,
                    "path": path,
                    "headers": headers,
                    "body": as_json(request.content),
                    "status": answer.status,
                    "answer_headers": dict(answer.headers),
                    "answer": as_json(answer.body),
                }
            )

        probe.record = record

    def _write(self, line: Mapping[str, Any]) -> None:
        data = json.dumps(line, ensure_ascii=True).encode("ascii") + b"\n"
        with self._lock:
            if self._failure is None:
                try:
                    self._file.write(data)
                except OSError as error:
                    self._failure = error

    def _cannot(self, error: OSError) -> EnvironmentFailure:
        return EnvironmentFailure(
            f"the trace {self._path} cannot be written: {error.strerror}",
            "name a file in a folder that is there, on a disk with room",
        )


def as_json(body: bytes) -> object:
    """`body` as text if it is text, else as base64."""
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(body).decode("ascii")}


def from_json(value: object) -> bytes:
    """The inverse of `as_json`. Raises `ValueError`."""
    if isinstance(value, str):
        return value.encode("utf-8")
    if isinstance(value, dict) and set(value) == {"base64"}:
        return base64.b64decode(value["base64"], validate=True)
    raise ValueError("no body")
