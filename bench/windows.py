"""What four windows on a range add to a scan of its codes.

    python bench/windows.py [CODES] [SECONDS] [ROUNDS]

Two batches of CODES codes are active at the reference backend on SQLite, in ranges of a thousand
with a lot each; those of the second have four windows besides, of which two hold now. They are
scanned in turns, ROUNDS times SECONDS each: first in this process, a group of scans in a
transaction as the server makes them, by CPU time: waiting for the disk is the same for both, and
would hide the difference. Then through HTTP, by the clock. Medians of the rounds are compared.
"""

import secrets
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

from phones import Phones
from scans import KEY, batch_id, code, empty_database, fill, serving
from sqlalchemy import URL

from mintmark.activation.backend.apply_order import Request
from mintmark.activation.backend.scanned_code import ScanRequest
from mintmark.activation.backend.store import Store
from mintmark.codegen.codes.fingerprint import fingerprint
from mintmark.codegen.ranges.lifecycle import Action
from mintmark.codegen.ranges.serials import Range

MAX_RATIO = 1.15
GROUP, RANGE = 16, 1_000
PLAIN, WINDOWS = 1, 2  # the batches


def windows(now: datetime) -> dict[str, object]:
    """Four windows; `autumn` and `evening` hold now, one has been, and one is to come."""

    def window(begins: int, ends: int, daily: list[str] | None, **attributes: str) -> object:
        first, last = (now + timedelta(days=days) for days in (begins, ends))
        times = {"from": first.isoformat(), "until": last.isoformat(), "daily": daily}
        return {**times, "attributes": attributes}

    return {
        "window.summer": window(-90, -30, None, campaign="SUMMER", prize="1 yuan"),
        "window.autumn": window(-30, 30, None, campaign="AUTUMN", prize="2 yuan"),
        "window.evening": window(-10, 10, ["00:00+08:00", "23:59+08:00"], prize="5 yuan"),
        "window.winter": window(30, 90, None, campaign="WINTER", prize="3 yuan"),
    }


def prepare(url: URL, codes: int) -> None:
    """Both batches, in ranges; those of the second with windows."""
    now = datetime.now(UTC).replace(microsecond=0)
    for number, more in ((PLAIN, {}), (WINDOWS, windows(now))):
        fill(url, codes, number)
        store = Store(url)
        for first in range(1, codes + 1, RANGE):
            whole = (Range(first, min(codes, first + RANGE - 1)),)
            attributes = {"lot": f"L{first}", "product": "Green tea", **more}
            order = f"lot-{number}-{first}"
            store.order(
                Request(order, batch_id(number), Action.ASSIGN, whole, attributes=attributes), now
            )
        store.close()


def grouped(store: Store, codes: int, seconds: float, number: int) -> float:
    """Scans per second of CPU in this process, of random codes of a batch."""
    before, count, spent = (number - 1) * codes, 0, 0.0
    while spent < seconds:
        serials = [before + secrets.randbelow(codes) + 1 for _ in range(GROUP)]
        asked = [
            ScanRequest([fingerprint(code(n).encode("ascii"), KEY)], secrets.token_hex(16))
            for n in serials
        ]
        start = time.process_time()
        answers = store.scans(asked, datetime.now(UTC))
        spent += time.process_time() - start
        count += len(answers)
        if any(answer.batch != batch_id(number) for answer in answers):
            sys.exit("a code was not found in its batch")
    return count / spent


def compare(what: str, rounds: int, measure: Callable[[int], float]) -> None:
    """Both batches in turns; a row of the table."""
    found: dict[int, list[float]] = {PLAIN: [], WINDOWS: []}
    measure(PLAIN), measure(WINDOWS)  # to warm up
    for at in range(rounds):
        for number in (PLAIN, WINDOWS) if at % 2 else (WINDOWS, PLAIN):
            found[number].append(measure(number))
    plain, more = (median(found[number]) for number in (PLAIN, WINDOWS))
    print(f"{what:26}{plain:>14,.0f}{more:>14,.0f}{plain / more:>10.3f}  <= {MAX_RATIO}")


def main() -> None:
    """Print the table."""
    codes = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 3.0
    rounds = int(sys.argv[3]) if len(sys.argv) > 3 else 9
    print(f"{'scans per second':26}{'no window':>14}{'four':>14}{'ratio':>10}  target")
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        url, storage = empty_database(folder, "sqlite")
        prepare(url, codes)
        store = Store(url)
        compare("in this process, CPU", rounds, lambda n: grouped(store, codes, seconds, n))
        store.close()
        with serving(folder, storage, 1) as port:

            def flooded(number: int) -> float:
                before = (number - 1) * codes
                phones = Phones(port, codes, before)
                try:
                    return phones.flood(seconds)
                finally:
                    phones.close()

            compare("through HTTP", rounds, flooded)


if __name__ == "__main__":
    main()
