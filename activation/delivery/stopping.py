"""Stopping a service: SIGTERM and Ctrl-C end it between two orders, never within an order."""

import queue
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


class Stop:
    """Whether somebody wants the service to stop, and a wait that this ends.

    `also` is called when it happens, from a signal handler.
    """

    def __init__(self, also: Callable[[], None] = lambda: None) -> None:
        # Its put may be called by a signal handler at any moment, in the midst of its get.
        self._woken: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._requested = False
        self._also = also

    def __call__(self) -> bool:
        """Whether a stop was requested."""
        return self._requested

    def request(self) -> None:
        """Stop, as soon as what is under way is done."""
        self._requested = True
        self._woken.put(None)
        self._also()

    def wait(self, seconds: float) -> None:
        """Return after `seconds`, or as soon as a stop is requested."""
        if not self._requested:
            try:
                self._woken.get(timeout=seconds)
            except queue.Empty:
                return


@contextmanager
def on_signals(stop: Stop) -> Iterator[Stop]:
    """Inside the block the first signal requests a stop; a second Ctrl-C interrupts."""

    def handle(number: int, _: FrameType | None) -> None:
        if stop() and number == signal.SIGINT:
            raise KeyboardInterrupt
        stop.request()

    # Ctrl-Break is what Windows can send to a process without a window.
    names = ("SIGTERM", "SIGINT", "SIGBREAK")
    numbers = [getattr(signal, name) for name in names if hasattr(signal, name)]
    before = {number: signal.signal(number, handle) for number in numbers}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
