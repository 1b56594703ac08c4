"""Requests that wait at the same moment, answered together: a group commit.

A thread takes every scan that waits, answers all of them in one transaction, and only then hands
out the answers. While it commits, the next group gathers. Nonces likewise.

A group that fails is tried again as its failure allows (`Retry`):

| failed | nothing of it was kept | what follows |
| --- | --- | --- |
| over what one of them asked | for sure | each by itself: the others must not fail with it |
| the database went away, before COMMIT | for sure | all together, once: it may be another by now |
| the database went away, at COMMIT | nobody knows | nothing: to count again could count twice |
"""

import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from enum import Enum
from typing import Generic, Protocol, TypeVar

from . import log

MAX_GROUP = 256
_END: None = None
Asked = TypeVar("Asked")
Answer = TypeVar("Answer")
Told_contra = TypeVar("Told_contra", contravariant=True)


class Retry(Enum):
    """How a group that failed is tried again."""

    APART = "each by itself"
    TOGETHER = "all of them, once"
    NEVER = "not at all"


def _apart(_: Exception) -> Retry:
    return Retry.APART


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

    `groups` of them may be on their way at a time, each in its own thread. `retry` says of an
    exception of `answer` what follows.
    """

    def __init__(
        self,
        answer: Callable[[Sequence[Asked]], list[Answer]],
        groups: int = 1,
        retry: Callable[[Exception], Retry] = _apart,
    ) -> None:
        self._answer = answer
        self._retry = retry
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

    def _commit(self, group: list[tuple[Asked, Waiting[Answer]]], *, again: bool = True) -> None:
        """`again`: it may be tried as a whole once more."""
        if not group:
            return
        try:
            answers = self._answer([asked for asked, _ in group])
        except Exception as error:  # noqa: BLE001 - handed to whom it belongs to
            retry = self._retry(error)
            if retry is Retry.TOGETHER and again:
                self._commit(group, again=False)
            elif retry is Retry.APART and len(group) > 1:
                # The one that causes it must not fail the others.
                told = f"a group of {len(group)} requests failed, each is tried by itself"
                log.failure(error, told)
                for one in group:
                    self._commit([one], again=again)
            else:
                for _, waiting in group:
                    waiting.set_exception(error)
            return
        for (_, waiting), answer in zip(group, answers, strict=True):
            waiting.set_result(answer)
