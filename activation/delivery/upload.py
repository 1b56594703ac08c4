"""What a backend must hold before it can take an order: the batch, and fingerprints."""

import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from functools import partial
from itertools import chain

from ...codegen.progress import Progress
from ...codegen.ranges import serials
from ...codegen.ranges.serials import Ranges
from ...codegen.station.station import Station
from ..client import wire
from ..client.protocol import Client
from .api_objects import batch_of

# Portions sent at the same time: while the backend keeps one, the next is read, signed and sent.
IN_FLIGHT = 3


class Uploads:
    """Registers batches, each once, and uploads fingerprints. Repeating either is harmless."""

    def __init__(
        self, station: Station, client: Client, progress: Progress = lambda *_: None
    ) -> None:
        self._station, self._client, self._progress = station, client, progress
        self._registered: set[str] = set()

    def register(self, batch: str, line: str | None = None) -> None:
        """Make `batch` known to the backend, signing as `line`; once per process."""
        if batch not in self._registered:
            self._client.as_line(line).register(batch_of(self._station, batch))
            self._registered.add(batch)

    def presume(self, batch: str) -> None:
        """Take `batch` for registered: the backend took an order of it before.

        If it was set up anew since, it says that it knows no such batch: see `forget`.
        """
        self._registered.add(batch)

    def forget(self, batch: str) -> bool:
        """Register again from now on; whether `batch` had been registered."""
        known = batch in self._registered
        # A backend that has lost one batch was set up anew: it has lost all of them.
        if known:
            self._registered.clear()
        return known

    def upload(
        self,
        batch: str,
        ranges: Ranges,
        line: str | None = None,
        hold: Callable[[], None] = lambda: None,
    ) -> None:
        """Send the fingerprints of `ranges` to the backend; `hold` is called before each portion.

        Raises `NotFound` if the configuration names a line for uploads that has no key here:
        signed by any other line, the order would be refused for good.
        """
        station = self._station
        if (uploader := station.config.upload_line) is not None:
            station.line(uploader)
            line = uploader
        client, total, done = self._client.as_line(line), serials.count(ranges), 0
        keys = station.station_keys
        portions = chain.from_iterable(
            station.vault.fingerprints(batch, piece, keys) for piece in ranges
        )
        held = (portion for portion in portions if _after(hold))
        for size in _overlapped(partial(client.upload, batch), held):
            done += size // wire.FINGERPRINT_BYTES
            self._progress("fingerprints", done, total)


def _after(hold: Callable[[], None]) -> bool:
    hold()
    return True


def _overlapped(
    send: Callable[[int, bytes], None], portions: Iterator[tuple[int, bytes]]
) -> Iterator[int]:
    """Send all portions, some of them at the same time; yields how many bytes of each arrived.

    They may arrive in any order: each has its place. If some fail, the failure of the first of
    them is raised, once none is under way any more.
    """
    waiting = deque[tuple[Future[None], int]]()
    try:
        for first, data in portions:
            waiting.append((_started(send, first, data), len(data)))
            if len(waiting) == IN_FLIGHT:
                yield _arrived(*waiting.popleft())
        while waiting:
            yield _arrived(*waiting.popleft())
    except Exception:
        wait(sending for sending, _ in waiting)
        raise


def _started(send: Callable[[int, bytes], None], first: int, data: bytes) -> "Future[None]":
    sending: Future[None] = Future()

    def run() -> None:
        try:
            send(first, data)
        except BaseException as error:  # noqa: BLE001 - raised where its result is asked for
            sending.set_exception(error)
        else:
            sending.set_result(None)

    # A daemon: whoever interrupts the command does not wait for a backend that hangs.
    threading.Thread(target=run, daemon=True).start()
    return sending


def _arrived(sending: "Future[None]", size: int) -> int:
    sending.result()
    return size
