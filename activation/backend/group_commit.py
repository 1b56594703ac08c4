"""Scans that wait at the same moment, answered together: a group commit.

One thread takes whatever waits, answers it in one transaction, and only then tells each
phone. While it commits, the next group gathers.
"""

import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future

from ..client.wire import ScanAnswer
from .scan_counters import Asked

GROUP = 256
_END: None = None
Waiting = tuple[Asked, "Future[ScanAnswer]"]


class Gathering:
    """`answer(group)` answers scans in their order, all of them or none. Close it when done."""

    def __init__(self, answer: Callable[[Sequence[Asked]], list[ScanAnswer]]) -> None:
        self._answer = answer
        self._waiting: queue.SimpleQueue[Waiting | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def ask(self, asked: Asked) -> "Future[ScanAnswer]":
        """The answer, once it is committed. Callable from any thread."""
        future: Future[ScanAnswer] = Future()
        self._waiting.put((asked, future))
        return future

    def close(self) -> None:
        """Answer what waits, and end."""
        self._waiting.put(_END)
        self._thread.join()

    def _run(self) -> None:
        while (first := self._waiting.get()) is not _END:
            group, ends = [first], False
            while len(group) < GROUP and not ends:
                try:
                    following = self._waiting.get_nowait()
                except queue.Empty:
                    break
                if following is _END:
                    ends = True
                else:
                    group.append(following)
            # Who gave up waiting is not counted; and from here on nobody can.
            self._together([one for one in group if one[1].set_running_or_notify_cancel()])
            if ends:
                return

    def _together(self, group: list[Waiting]) -> None:
        if not group:
            return
        try:
            answers = self._answer([asked for asked, _ in group])
        except Exception as error:  # noqa: BLE001 - it is the scan's, and told there
            if len(group) == 1:
                group[0][1].set_exception(error)
                return
            # Whatever is the matter with one must not be the others'.
            for one in group:
                self._together([one])
            return
        for (_, future), answer in zip(group, answers, strict=True):
            future.set_result(answer)
