"""What every request needs, and the way of a scan.

1. Throttle: an address that scans or guesses too much is refused, whatever its code.
2. Canonical form: what the text may be, under the rules of the registered batches.
3. Fingerprint: from here on the code itself is gone.
4. Group commit: the scan waits for its group.
5. Count: one transaction locks the codes' counters, decides, and writes (`scan_counters`).
6. Answer: after the commit, and never before.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

from ...codegen.codes.fingerprint import fingerprint, key_id
from ...codegen.secret import Secret
from ..client import wire
from .apply_scan_in import Permit, ScanInRequest
from .group_commit import GroupCommit
from .models import ScanInBody
from .nonces import Nonce
from .postgresql import retry
from .problems import Problem
from .scan import ScanResult, candidates
from .scanned_code import PHONE, ScannedBy, ScanRequest
from .senders import Senders
from .store import Store
from .throttle import Network, Throttle


@dataclass(frozen=True)
class Backend:
    """What every request needs.

    `now` is the time of day; `monotonic` counts seconds and never goes back.
    """

    store: Store
    fingerprint_key: Secret
    now: Callable[[], datetime]
    trust_loopback: bool
    senders: Senders | None = None
    proxies: tuple[Network, ...] = ()
    names: tuple[str, ...] | None = None  # the host names it is called by; None: any name
    throttle: Throttle = field(default_factory=Throttle)
    monotonic: Callable[[], float] = time.monotonic
    groups: int = 1  # of scans, counted at a time

    @cached_property
    def key_id(self) -> str:
        """The id of the fingerprint key."""
        return key_id(self.fingerprint_key)

    async def scan(
        self, address: str | None, code: str, scan_id: str | None, by: ScannedBy = PHONE
    ) -> wire.ScanAnswer:
        """Answer and count a scan; the code goes no further than its fingerprint.

        `address`: whose allowance it takes from; None: nobody's. Raises `Problem` too-many.
        """
        now = self.monotonic()
        self.admit(address, now)
        asked = self.asked(code, scan_id, by)
        if isinstance(asked, ScanRequest):
            answer = await asyncio.wrap_future(self.group_commit.submit(asked))  # 4
        else:
            answer = asked
        self.note(address, answer, now)
        return answer  # 6

    def admit(self, address: str | None, now: float) -> None:
        """Take a scan from the allowance of `address`. Raises `Problem` too-many."""
        if address is not None and (seconds := self.throttle.wait(address, now)):  # 1
            raise Problem("too-many", "scan again later", retry_after=seconds)

    def asked(self, code: str, scan_id: str | None, by: ScannedBy) -> ScanRequest | wire.ScanAnswer:
        """The scan as it waits for its group; or the answer, if the text can be no code."""
        found = list[bytes]()
        if len(code) <= self.store.limits.code_chars:
            found = candidates(code, self.store.rules(), self.fingerprint_key)  # 2, 3
        if not found:
            return wire.ScanAnswer(ScanResult.UNKNOWN.value, party=by.party)
        return ScanRequest(found, scan_id, by)

    def note(self, address: str | None, answer: wire.ScanAnswer, now: float) -> None:
        """Take an unknown code from the allowance of `address`."""
        if address is not None and answer.result == ScanResult.UNKNOWN.value:
            self.throttle.unknown(address, now)

    def scan_in(
        self, scan_in: str, dealer: str, body: ScanInBody, permit: Permit
    ) -> wire.ScanInAnswer:
        """Take goods in for `dealer`; the codes go no further than their fingerprints.

        Raises `Problem` as `Store.scan_in` does.
        """
        rules, key = self.store.rules(), self.fingerprint_key
        texts = [code.encode("utf-8", "surrogatepass") for code in body.codes]
        request = ScanInRequest(
            scan_in,
            dealer,
            codes=tuple(candidates(code, rules, key) for code in body.codes),
            prints=tuple(fingerprint(text, key).hex() for text in texts),
            ranges=body.parts(),
            contents=body.contents,
        )
        return self.store.scan_in(request, self.now(), permit)

    async def fresh(self, nonce: Nonce) -> bool:
        """Whether the key never used this nonce; from now on it has."""
        return await asyncio.wrap_future(self.nonces.submit(nonce))

    @cached_property
    def nonces(self) -> GroupCommit[Nonce, bool]:
        """The queue of signed requests, of which a platform sends thousands a second."""
        return GroupCommit(lambda group: self.store.fresh(group, self.now()), retry=retry)

    @cached_property
    def group_commit(self) -> GroupCommit[ScanRequest, wire.ScanAnswer]:
        """The queue in which scans wait for each other."""
        return GroupCommit(
            lambda group: self.store.scans(group, self.now()),  # 5
            self.groups,
            retry,
        )

    def close(self) -> None:
        """Answer the scans that wait, and close the books."""
        self.nonces.close()
        self.group_commit.close()
        self.store.close()
        if self.senders is not None:
            self.senders.close()
