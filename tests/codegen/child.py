"""Another process of mintmark, stopped at the point a test wants. Run as a script.

`child.py HOME JOB` with a JSON job: the mint request's fields, `sscc` as a list, and
    die: the failpoint at which the process ends without a farewell: its name, or its number from 0
    wait: the name of the failpoint at which to say `ready`, and go on after a line of stdin
    limits: largest file sizes, tried one after another
    prefix_bits: of a fingerprint that are compared
    ledger: the file of the books, if not the home's
    workers: processes to mint with; group: be the leader of a process group, as at a terminal
    deaths: instead of all others, a list of [home, job]: a process each, that dies
The last line of stdout is JSON: the batch, or the error's class and message.
"""

import json
import multiprocessing
import os
import sys
from datetime import UTC, datetime
from pathlib import Path

from mintmark.codegen.errors import MintmarkError
from mintmark.codegen.mint import mint
from mintmark.codegen.mint_request import MintRequest
from mintmark.codegen.mint_sscc import SsccRequest
from mintmark.codegen.station.station import Station

DIED = 9


class Failpoint:
    """Called at every failpoint, and for the first piece of each phase of progress."""

    def __init__(self, die=None, wait=None):
        self.die, self.wait, self.points = die, wait, []

    def __call__(self, point):
        if self.die in (len(self.points), point):
            os._exit(DIED)
        self.points.append(point)
        if point == self.wait:
            print("ready", flush=True)
            sys.stdin.readline()

    def progress(self, phase, _done, _total):
        if phase not in self.points:
            self(phase)


def run(home, job, failpoint, workers=None):
    bits, ledger = job.pop("prefix_bits", 64), job.pop("ledger", None)
    if ledger:
        Station.ledger_place = property(lambda _: Path(ledger))
    station = Station(
        home,
        operator="child",
        now=lambda: datetime.now(UTC),
        entropy=os.urandom,
        failpoint=failpoint,
    )
    try:
        numbers = job.pop("sscc", None)
        request = MintRequest(**job, sscc=SsccRequest(*numbers) if numbers else None)
        progress = failpoint.progress
        return {
            "batch": mint(station, request, progress, lambda _: None, bits, workers=workers).batch
        }
    except (MintmarkError, OSError) as error:
        return {"error": type(error).__name__, "message": str(error)}
    finally:
        if "ledger" in vars(station):
            station.ledger.close()


def limited(home, job, limits, workers=None):
    """The outcomes under each limit of `limits`, in bytes per file (setrlimit(2))."""
    import resource

    hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    found = []
    for limit in limits:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
        try:
            outcome = run(home, job, Failpoint(), workers)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
        left = [p.name for name in ("vault", "work") for p in (home / name).iterdir()]
        found.append({**outcome, "left": left})
    return found


def die_each(deaths):
    """Processes that all die in their homes; their exit codes. Forked, if the system can: fast."""
    context = multiprocessing.get_context("fork" if hasattr(os, "fork") else "spawn")
    codes = []
    for home, job in deaths:
        process = context.Process(target=main, args=(Path(home), json.dumps(job)))
        process.start()
        process.join()
        codes.append(process.exitcode)
    return codes


def main(home, job):
    job = json.loads(job)
    if "deaths" in job:
        print(json.dumps(die_each(job["deaths"])))
        return
    failpoint = Failpoint(job.pop("die", None), job.pop("wait", None))
    limits, workers = job.pop("limits", None), job.pop("workers", None)
    if job.pop("group", False):
        os.setpgid(0, 0)
    found = limited(home, job, limits, workers) if limits else run(home, job, failpoint, workers)
    print(json.dumps(found))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
