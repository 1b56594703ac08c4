"""Phones that scan: a load generator that is cheap, for it shares the cores with the server.

One thread over kept connections, without a framework: a scan costs it about 25 microseconds of
CPU time. Each scan has an id, as the page sends it. It runs in a process of its own:

    python bench/phones.py PORT CODES SECONDS [BEFORE]

scans random codes of the CODES that follow code BEFORE, as fast as answers come, and then at
`RATE` per second whatever comes back (an open loop: a slow answer does not delay the next scan).
It prints scans per second, its own CPU seconds per scan, and p50 and p99 in milliseconds.
"""

import json
import random
import selectors
import socket
import sys
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

CONNECTIONS, RATE = 64, 500
# The codes are numbers: `scans.code`.
_BODY = '{"code": "%016d", "scan_id": "%032x"}'
_HEAD = (
    f"POST /v1/scans HTTP/1.1\r\nHost: x\r\nContent-Length: {len(_BODY % (0, 0))}\r\n"
    "Content-Type: application/json\r\n\r\n"
)
_END, _SIZE = b"\r\n\r\n", b"content-length: "


@dataclass
class _Phone:
    line: socket.socket
    due: float = 0.0
    answer: bytes = b""

    def whole(self) -> bool:
        """Take what came; whether the answer is whole. Exits for any answer but 200."""
        self.answer += self.line.recv(65_536)
        head, end, body = self.answer.partition(_END)
        if not end:
            return False
        if not head.startswith(b"HTTP/1.1 200"):
            sys.exit(f"not answered: {head[:40]!r}")
        at = head.index(_SIZE) + len(_SIZE)
        return len(body) == int(head[at : at + 8].split(b"\r")[0])


class Phones:
    """`connections` kept connections to a server; `bodies` are random scans."""

    def __init__(self, port: int, codes: int, before: int = 0, connections: int = 0) -> None:
        self._codes, self._before = codes, before
        self._ready = selectors.DefaultSelector()
        self._idle = deque[_Phone]()
        for _ in range(connections or CONNECTIONS):
            phone = _Phone(socket.create_connection(("127.0.0.1", port)))
            phone.line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._ready.register(phone.line, selectors.EVENT_READ, phone)
            self._idle.append(phone)

    def close(self) -> None:
        """Hang up."""
        for key in list(self._ready.get_map().values()):
            key.data.line.close()
        self._ready.close()

    def flood(self, seconds: float) -> float:
        """Scan as fast as answers come; scans per second."""
        start = now = time.perf_counter()
        done = 0
        while now < start + seconds:
            while self._idle:
                self._scan(now)
            done += len(self._answered(None))
            now = time.perf_counter()
        self._finish()
        return done / (now - start)

    def steady(self, seconds: float) -> list[float]:
        """Scan at `RATE` per second; milliseconds, with the time waited for a connection."""
        start, times, sent = time.perf_counter(), list[float](), 0
        while len(times) < seconds * RATE:
            now = time.perf_counter()
            while self._idle and sent < seconds * RATE and start + sent / RATE <= now:
                self._scan(start + sent / RATE)
                sent += 1
            wait = max(0.0, start + sent / RATE - time.perf_counter()) if self._idle else None
            times += self._answered(wait if sent < seconds * RATE else None)
        return times

    def _scan(self, due: float) -> None:
        phone, serial = self._idle.popleft(), self._before + random.randint(1, self._codes)
        phone.due, phone.answer = due, b""
        phone.line.sendall((_HEAD + _BODY % (serial, random.getrandbits(128))).encode("ascii"))

    def _answered(self, wait: float | None) -> list[float]:
        """Milliseconds of the scans whose answers came, at the latest after `wait` seconds."""
        times = []
        for key, _ in self._ready.select(wait):
            if key.data.whole():
                times.append((time.perf_counter() - key.data.due) * 1_000)
                self._idle.append(key.data)
        return times

    def _finish(self) -> None:
        while len(self._idle) < len(self._ready.get_map()):
            self._answered(None)


def _figures(phones: Phones, seconds: float) -> Iterator[float]:
    phones.flood(min(2.0, seconds))
    start = time.process_time()
    rate = phones.flood(seconds)
    yield rate
    yield (time.process_time() - start) / seconds / rate
    slow = sorted(phones.steady(seconds))
    yield from (slow[int(len(slow) * share)] for share in (0.5, 0.99))


def main() -> None:
    """Print the figures as JSON."""
    port, codes = int(sys.argv[1]), int(sys.argv[2])
    phones = Phones(port, codes, int(sys.argv[4]) if len(sys.argv) > 4 else 0)
    print(json.dumps(list(_figures(phones, float(sys.argv[3])))))
    phones.close()


if __name__ == "__main__":
    main()
