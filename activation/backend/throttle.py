"""How many scans an address may make, and how many of them of unknown codes. Pure.

Chinese carriers put thousands of phones behind one address: the limit on scans is wide,
and meant for floods. Guessing shows itself by *unknown* codes: each address has a small
allowance of those. If unknown codes pour in from everywhere (a guesser with many
addresses), the breaker opens: then an address has a single unknown code per ten minutes, and is
refused before its next code is looked at. A consumer with a genuine code notices nothing
either way. Addresses stay in the memory of one worker, and their number is bounded.
"""

import ipaddress
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True)
class Rates:
    """Allowances of an address at one worker. Each fills up again at its rate."""

    scans: float = 300.0
    scans_per_second: float = 50.0
    unknown: float = 20.0
    unknown_per_second: float = 1 / 30
    breaker: float = 600.0  # unknown codes in a minute, from everywhere
    open_unknown: float = 1.0
    open_unknown_per_second: float = 1 / 600
    addresses: int = 100_000


@dataclass
class _Bucket:
    """Tokens that come back with time (a token bucket)."""

    left: float
    at: float

    def fill(self, most: float, rate: float, now: float) -> None:
        self.left = min(most, self.left + max(0.0, now - self.at) * rate)
        self.at = now


@dataclass
class _Address:
    scans: _Bucket
    unknown: _Bucket


@dataclass
class Throttle:
    """The state of one worker.

    `now` is in seconds of a clock that never goes back (`time.monotonic`), from any start: by
    the time of day, a clock set back an hour would refuse everybody for that hour.
    """

    rates: Rates = field(default_factory=Rates)
    _known: "OrderedDict[str, _Address]" = field(default_factory=OrderedDict)
    _minute: float = 0.0
    _count: int = 0
    _opened: float = float("-inf")
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def wait(self, address: str, now: float) -> int:
        """Seconds the address must wait before its next scan; 0 admits the scan and counts it."""
        with self._lock:
            return self._wait(address, now)

    def _wait(self, address: str, now: float) -> int:
        rates, known = self.rates, self._address(address, now)
        known.scans.fill(rates.scans, rates.scans_per_second, now)
        most, rate = self._allowance(now)
        known.unknown.fill(most, rate, now)
        if known.unknown.left < 1:
            return int((1 - known.unknown.left) / rate) + 1
        if known.scans.left < 1:
            return int((1 - known.scans.left) / rates.scans_per_second) + 1
        known.scans.left -= 1
        return 0

    def unknown(self, address: str, now: float) -> None:
        """Note that a scan from the address was of an unknown code."""
        with self._lock:
            self._address(address, now).unknown.left -= 1
            if now - self._minute >= 60:
                self._minute, self._count = now, 0
            self._count += 1
            if self._count > self.rates.breaker:
                self._opened = now

    def open(self, now: float) -> bool:
        """Whether unknown codes pour in: within the last minute there were too many."""
        return now - self._opened < 60

    def _allowance(self, now: float) -> tuple[float, float]:
        rates = self.rates
        if self.open(now):
            return rates.open_unknown, rates.open_unknown_per_second
        return rates.unknown, rates.unknown_per_second

    def _address(self, address: str, now: float) -> _Address:
        known = self._known.get(address)
        if known is None:
            most, _ = self._allowance(now)
            known = _Address(_Bucket(self.rates.scans, now), _Bucket(most, now))
            self._known[address] = known
            if len(self._known) > self.rates.addresses:
                self._known.popitem(last=False)
        self._known.move_to_end(address)
        return known


def caller(
    peer: str, forwarded: Sequence[str], trusted: Sequence[Network], *, direct: bool = True
) -> str | None:
    """The address whose allowance a request from `peer` takes from; None for this machine.

    `forwarded`: X-Forwarded-For, field by field. The last of its addresses that is no
    `trusted` proxy counts, since the addresses before it are the sender's own words. An IPv6
    address counts as its /64, which is what a customer has (RFC 6177).
    `direct`: no proxy shows. A proxy on this machine that is not trusted is one address,
    together with everybody who comes through it.
    """
    hops = [hop.strip() for line in forwarded for hop in line.split(",")]
    at = _address(peer)
    while at is not None and hops and any(at in network for network in trusted):
        at = _address(hops.pop())
    if at is None:
        return "unknown"
    if at.is_loopback and not trusted and direct:
        return None
    if isinstance(at, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((at, 64), strict=False))
    return str(at)


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        found = ipaddress.ip_address(text.split("%", maxsplit=1)[0].strip("[]"))
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found
