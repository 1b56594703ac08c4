"""Scans that wait at the same moment, answered together: a group commit.

One thread takes every scan that waits, answers all of them in one transaction, and only
then hands out the answers. While it commits, the next group gathers.
"""

import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future

from ..client.wire import ScanAnswer
from . import log
from .scanned_code import ScanRequest

MAX_GROUP = 256
_END: None = None
Waiting = tuple[ScanRequest, "Future[ScanAnswer]"]


class GroupCommit:
    """`answer(group)` answers scans in their order, all of them or none. Close it when done."""

    def __init__(self, answer: Callable[[Sequence[ScanRequest]], list[ScanAnswer]]) -> None:
        self._answer = answer
        self._waiting: queue.SimpleQueue[Waiting | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def submit(self, scan: ScanRequest) -> "Future[ScanAnswer]":
        """The answer, once it is committed. Callable from any thread."""
        future: Future[ScanAnswer] = Future()
        self._waiting.put((scan, future))
        return future

    def close(self) -> None:
        """Answer the scans that wait, and end."""
        self._waiting.put(_END)
        self._thread.join()

    def _run(self) -> None:
        while (first := self._waiting.get()) is not _END:
            group, ends = [first], False
            while len(group) < MAX_GROUP and not ends:
                try:
                    following = self._waiting.get_nowait()
                except queue.Empty:
                    break
                if following is _END:
                    ends = True
                else:
                    group.append(following)
            # A scan that was cancelled is not counted; from here on no scan can be cancelled.
            self._commit([scan for scan in group if scan[1].set_running_or_notify_cancel()])
            if ends:
                return

    def _commit(self, group: list[Waiting]) -> None:
        if not group:
            return
        try:
            answers = self._answer([scan for scan, _ in group])
        except Exception as error:  # noqa: BLE001 - handed to the scan that it belongs to
            if len(group) == 1:
                group[0][1].set_exception(error)
                return
            # The scan that causes it must not fail the others.
            log.failure(error, f"a group of {len(group)} scans failed, each is tried by itself")
            for waiting in group:
                self._commit([waiting])
            return
        for (_, future), answer in zip(group, answers, strict=True):
            future.set_result(answer)
