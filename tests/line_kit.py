"""What the line's tests share: a home with packaged codes, and a backend to restart."""

import atexit
import contextlib
import functools
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import replace
from pathlib import Path

from patience import PATIENCE
from station_kit import make_home

from mintmark.activation.backend.database import sqlite_url
from mintmark.activation.backend.senders import HomeSenders
from mintmark.activation.backend.serve import Server, Settings
from mintmark.activation.client.client import HttpClient
from mintmark.activation.client.connect import signer
from mintmark.codegen.invocation import utc_now
from mintmark.codegen.ledger import changes as c
from mintmark.codegen.ranges.serials import Range
from mintmark.codegen.station import keys
from mintmark.codegen.station.station import Station

URL = "HTTPS://T.EXAMPLE.COM/{code}"


def packaged(home, quantity, last, units=1, url=URL, **more):
    """A batch of `quantity` codes, 1 to `last` of it in a package of `units` reels."""
    batch = home.mint(quantity, url=url, **more).batch
    station = home.station()
    package, size = station.new_id(), last // units
    reels = tuple(
        c.Unit(f"{package}-{n}", f"data/{n:04}.csv", n * size + 1, (n + 1) * size, size, "00" * 32)
        for n in range(units)
    )
    station.ledger.commit(
        station.author,
        c.ExportBegun(package, batch, (Range(1, last),), "li", "csv"),
        c.Packaged(
            package, url, "a.zip", 1, "0" * 64, "0" * 64, home.custodian.public.key_id, reels
        ),
    )
    return batch


def home_with_batches(folder, count=1, quantity=300, last=200):
    """A home in `folder` and its batches: copied from a home that is made once."""
    made = _made(count, quantity, last)
    shutil.copytree(made[0].path, folder / "home")
    return replace(made[0], path=folder / "home", opened=[]), list(made[1])


@functools.cache
def _made(count, quantity, last):
    folder = Path(tempfile.mkdtemp(prefix="mintmark-line-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    home = make_home(folder)
    station = home.station()
    station.ledger.commit(station.author, c.ContactAdded("li", "Ms Li", None))
    batches = [packaged(home, quantity, last) for _ in range(count)]
    home.close()
    return home, batches


@contextlib.contextmanager
def opened(path, now=utc_now):
    """A station on the home at `path`, closed again."""
    station = Station(path, operator="line", now=now)
    try:
        yield station
    finally:
        station.close()


class Backend:
    """The reference backend over `data`, always on the same port; stopped and started at will."""

    def __init__(
        self, data, home, *, database=None, unsigned=True, senders=None, names=None, now=utc_now
    ):
        self._database = database or sqlite_url(data)
        self._senders = senders or functools.partial(HomeSenders, home)
        self._unsigned, self._names = unsigned, names
        self._now = now
        self._key = keys.read_fingerprint_key(home / "keys" / "fingerprint.key")
        self._port = 0
        self._server = None

    @property
    def url(self):
        return f"http://127.0.0.1:{self._port}"

    def start(self):
        up = threading.Event()
        settings = Settings(
            self._database,
            lambda: self._key,
            trust_loopback=self._unsigned,
            senders=self._senders,
            names=self._names,
            now=self._now,
        )
        self._server = Server("127.0.0.1", self._port, settings, ready=lambda _: up.set())
        self._thread = threading.Thread(target=self._server.run)
        self._thread.start()
        assert up.wait(PATIENCE)
        self._port = int(self._server.url.rsplit(":", 1)[1])
        return self

    def stop(self):
        if self._server is not None:
            self._server.stop()
            self._thread.join(PATIENCE)
            assert not self._thread.is_alive()
            self._server = None

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()


@contextlib.contextmanager
def client(url, station=None):
    """A client; as a line of `station`, if there is any."""
    with HttpClient(url, sign=signer(station) if station else None) as made:
        yield made


def program(*words, home, url=None, byte_code=None, **options):
    """`mintmark` as a process of its own, in a group of its own."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("MINTMARK_")}
    environment |= {"MINTMARK_HOME": str(home), **(byte_code or {})}
    if url:
        environment["MINTMARK_BACKEND_URL"] = url
    streams = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(
        [sys.executable, "-m", "mintmark", *words],
        env=environment,
        encoding="utf-8",
        **(streams | options),
    )


def ended(process):
    """Exit code, stdout and stderr of a process that is ending."""
    out, err = process.communicate(timeout=PATIENCE)
    return process.returncode, out, err


def terminate(process):
    process.send_signal(signal.SIGTERM)
    return ended(process)


def until(what, *arguments, process=None):
    """Look until it is so."""
    end = time.monotonic() + PATIENCE
    while not (found := what(*arguments)):
        assert process is None or process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.005)
    return found


def send_message(process, **order):
    process.stdin.write(json.dumps(order) + "\n")
    process.stdin.flush()


def read_answer(process):
    line = process.stdout.readline()
    assert line, process.communicate()
    return json.loads(line)
