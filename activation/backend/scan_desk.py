"""Where the connections of an event loop ask for scans, and hear the answers.

A scan waits for its group in another thread (`group_commit`). The answers of a group cross over
to the loop together: to wake it for each of them took longer than to answer it.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from starlette.responses import Response

from ..client.wire import ScanAnswer
from . import phone_request
from .authorise import is_direct
from .backend import Backend
from .failures import refusal
from .phone_request import NotAScan, PhoneRequest
from .problems import Problem
from .scanned_code import PHONE, ScannedBy
from .throttle import caller

DESK: Final = "scan_desk"  # its name in the state of the server's lifespan
_FORWARDED: Final = b"x-forwarded-for"
Tell = Callable[[bytes | Response], None]  # the JSON of an answer, or a refusal


@dataclass(slots=True, eq=False)
class _Waiting:
    """A scan that waits for its group; called as a future is."""

    desk: "ScanDesk"
    tell: Tell
    address: str | None
    asked_at: float
    outcome: ScanAnswer | BaseException | None = None

    def set_running_or_notify_cancel(self) -> bool:
        """Whether it still waits: it is counted, even if its phone hung up."""
        return True

    def set_result(self, answer: ScanAnswer) -> None:
        """Called by the thread that committed."""
        self.outcome = answer
        self.desk.post(self)

    def set_exception(self, error: BaseException | None) -> None:
        """As `set_result`."""
        self.outcome = error
        self.desk.post(self)


class ScanDesk:
    """Belongs to the event loop that runs when it is made."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._loop = asyncio.get_running_loop()
        self._posted = deque[_Waiting]()
        self._woken = False
        self._address_of = lru_cache(maxsize=4_096)(self._direct_address)

    def read(self, data: bytes) -> PhoneRequest | NotAScan:
        """See `phone_request.read`."""
        limits = self._backend.store.limits
        return phone_request.read(data, limits.scan_body_bytes, limits.code_chars)

    def ask(self, request: PhoneRequest, peer: str, tell: Tell) -> None:
        """Have a scan answered; `tell` is called in the loop, now or later, once."""
        address, backend = self._address(request, peer), self._backend
        asked_at = backend.monotonic()
        try:
            backend.admit(address, asked_at)
            by = PHONE if request.region is None else ScannedBy(region=request.region)
            waiting = _Waiting(self, tell, address, asked_at)
            asked = backend.asked(request.code, request.scan_id, by)
        except Exception as error:  # noqa: BLE001 - answered as for every other route
            tell(refusal(error))
            return
        if isinstance(asked, ScanAnswer):
            waiting.outcome = asked
            self._tell(waiting)
        else:
            backend.group_commit.put(asked, waiting)

    def post(self, waiting: _Waiting) -> None:
        """Have an outcome told in the loop. Called by other threads."""
        self._posted.append(waiting)
        # Set after the outcome was put there: whoever empties the queue resets it before.
        if not self._woken:
            self._woken = True
            self._loop.call_soon_threadsafe(self._deliver)

    def _deliver(self) -> None:
        self._woken = False
        while self._posted:
            self._tell(self._posted.popleft())

    def _tell(self, waiting: _Waiting) -> None:
        waiting.tell(self._told(waiting))

    def _told(self, waiting: _Waiting) -> bytes | Response:
        outcome = waiting.outcome
        if not isinstance(outcome, ScanAnswer):
            error = outcome if isinstance(outcome, Exception) else Problem("internal", "")
            return refusal(error)
        self._backend.note(waiting.address, outcome, waiting.asked_at)
        try:
            return outcome.text.encode("utf-8")
        except ValueError as error:  # of books that are damaged
            return refusal(error)

    def _address(self, request: PhoneRequest, peer: str) -> str | None:
        headers = request.headers
        names = [name.decode("ascii") for name in headers]
        if is_direct(names, "1.1"):
            return self._address_of(peer)
        line = headers.get(_FORWARDED)
        forwarded = [] if line is None else [line.decode("ascii")]
        return caller(peer, forwarded, self._backend.proxies, direct=False)

    def _direct_address(self, peer: str) -> str | None:
        return caller(peer, (), self._backend.proxies, direct=True)
