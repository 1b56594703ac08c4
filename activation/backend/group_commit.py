"""Requests that wait at the same moment, answered together: a group commit.

A thread takes every scan that waits, answers all of them in one transaction, and only then hands
out the answers. While it commits, the next group gathers. Nonces likewise.
"""

import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Generic, Protocol, TypeVar

from . import log

MAX_GROUP = 256
_END: None = None
Asked = TypeVar("Asked")
Answer = TypeVar("Answer")
Told_contra = TypeVar("Told_contra", contravariant=True)


class Waiting(Protocol[Told_contra]):
    """What hears an answer: of a future, what is called in the thread that commits."""

    def set_running_or_notify_cancel(self) -> bool:
        """Whether it still waits; after that it does, until it is told."""
        ...

    def set_result(self, result: Told_contra) -> None:
        """The answer."""
        ...

    def set_exception(self, exception: BaseException | None) -> None:
        """What came instead of an answer."""
        ...


class GroupCommit(Generic[Asked, Answer]):
    """`answer(group)` answers requests in their order, all of them or none. Close it when done.

    `groups` of them may be on their way at a time, each in its own thread.
    """

    def __init__(self, answer: Callable[[Sequence[Asked]], list[Answer]], groups: int = 1) -> None:
        self._answer = answer
        self._waiting: queue.SimpleQueue[tuple[Asked, Waiting[Answer]] | None] = queue.SimpleQueue()
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(groups)]
        for thread in self._threads:
            thread.start()

    def submit(self, asked: Asked) -> "Future[Answer]":
        """The answer, once it is committed. Callable from any thread."""
        future: Future[Answer] = Future()
        self.put(asked, future)
        return future

    def put(self, asked: Asked, waiting: Waiting[Answer]) -> None:
        """As `submit`, with what is to hear the answer."""
        self._waiting.put((asked, waiting))

    def close(self) -> None:
        """Answer the requests that wait, and end."""
        for _ in self._threads:
            self._waiting.put(_END)
        for thread in self._threads:
            thread.join()

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
            # A scan that was cancelled is not counted; from here on none can be cancelled.
            self._commit([one for one in group if one[1].set_running_or_notify_cancel()])
            if ends:
                return

    def _commit(self, group: list[tuple[Asked, Waiting[Answer]]]) -> None:
        if not group:
            return
        try:
            answers = self._answer([asked for asked, _ in group])
        except Exception as error:  # noqa: BLE001 - handed to whom it belongs to
            if len(group) == 1:
                group[0][1].set_exception(error)
                return
            # The one that causes it must not fail the others.
            log.failure(error, f"a group of {len(group)} requests failed, each is tried by itself")
            for one in group:
                self._commit([one])
            return
        for (_, waiting), answer in zip(group, answers, strict=True):
            waiting.set_result(answer)
