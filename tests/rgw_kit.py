"""Ceph's S3 server with one monitor and one OSD in memory: Debian's packages, on 127.0.0.1.

It takes a quarter of a gigabyte, and a run of tests asks for it: MINTMARK_STORE=rgw.
"""

import atexit
import contextlib
import os
import secrets
import shutil
import socket
import subprocess
import tempfile
import uuid
from functools import cache
from pathlib import Path

import s3_kit
from patience import PATIENCE

PROGRAMS = {
    "ceph-mon": "ceph-mon",
    "ceph-osd": "ceph-osd",
    "radosgw": "radosgw",
    "ceph": "ceph-common",
    "radosgw-admin": "radosgw",
    "monmaptool": "ceph-common",
}
SETTINGS = """[global]
fsid = {fsid}
mon host = v1:127.0.0.1:{port}
ms bind msgr2 = false
auth cluster required = none
auth service required = none
auth client required = none
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 4
osd pool default pg autoscale mode = off
mon allow pool size one = true
osd crush chooseleaf type = 0
osd objectstore = memstore
memstore device bytes = 4294967296
run dir = {folder}
admin socket = {folder}/$name.asok
log file = {folder}/$name.log
pid file =
keyring = {folder}/keyring
rgw dynamic resharding = false
[mon]
mon data = {folder}/mon
[osd]
osd data = {folder}/osd
[client]
rgw data = {folder}/rgw
"""


class Rgw:
    """A running server; `bucket()` makes an empty bucket on it. What it holds lies in memory."""

    def __init__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="mm-rgw-"))
        self._settings, self._going = self.folder / "ceph.conf", []
        self.key, self.secret = secrets.token_hex(10), secrets.token_hex(20)
        for name in ("mon", "osd", "rgw"):
            (self.folder / name).mkdir()
        (self.folder / "keyring").touch()
        try:
            self._store()
            self._gateway()
        except BaseException:
            self.stop()
            raise

    def bucket(self):
        """A new bucket; its bytes lie in no folder."""
        return s3_kit.new_bucket(self.endpoint, self.key, self.secret)

    def stop(self):
        """End it, and forget what it holds."""
        for process in reversed(self._going):
            process.kill()
            process.wait(PATIENCE)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _store(self):
        fsid, port = str(uuid.uuid4()), _free_port()
        text = SETTINGS.format(fsid=fsid, port=port, folder=self.folder)
        self._settings.write_text(text, "utf-8")
        monitors = self.folder / "monmap"
        self._do(
            *("monmaptool", "--create", "--addv", "a", f"[v1:127.0.0.1:{port}]"),
            *("--fsid", fsid, monitors),
        )
        self._do("ceph-mon", "--mkfs", "-i", "a", "--monmap", monitors)
        self._start("ceph-mon", "-i", "a")
        # It chooses its own name, whatever it is told, and the monitor must know that one.
        self._do("ceph-osd", "-i", "0", "--mkfs")
        self._do("ceph", "osd", "new", (self.folder / "osd" / "fsid").read_text("utf-8").strip())
        self._start("ceph-osd", "-i", "0")

    def _gateway(self):
        port = _free_port()
        self._do(
            *("radosgw-admin", "user", "create", "--uid", "tester", "--display-name", "Tester"),
            *("--access-key", self.key, "--secret-key", self.secret),
        )
        frontend = f"beast endpoint=127.0.0.1:{port}"
        process = self._start("radosgw", "-n", "client.rgw", f"--rgw-frontends={frontend}")
        self.endpoint = f"http://127.0.0.1:{port}"
        s3_kit.until_it_answers(self.endpoint, process)

    def _do(self, *words):
        done = subprocess.run(
            [words[0], "-c", self._settings, *words[1:]],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=PATIENCE,
            cwd=self.folder,
        )
        assert done.returncode == 0, done.stderr.decode(errors="replace")[-2_000:]

    def _start(self, *words):
        log = self.folder / f"{words[0]}.out"
        with log.open("wb") as said:
            self._going.append(
                subprocess.Popen(
                    [words[0], "-c", self._settings, "-f", *words[1:]],
                    stdin=subprocess.DEVNULL,
                    stdout=said,
                    stderr=said,
                    cwd=self.folder,
                )
            )
        return self._going[-1]


def _free_port():
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as made:
        return made.getsockname()[1]


def missing():
    """Why there can be no server, or None."""
    path = os.environ["PATH"] + os.pathsep + "/usr/sbin"
    wanted = sorted({PROGRAMS[name] for name in PROGRAMS if shutil.which(name, path=path) is None})
    return f"Ceph is not installed: Debian's {', '.join(wanted)}" if wanted else None


@cache
def server():
    """This process's server, stopped at its end."""
    assert missing() is None, missing()
    made = Rgw()
    atexit.register(made.stop)
    return made
