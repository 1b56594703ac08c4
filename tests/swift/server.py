"""OpenStack Swift with its S3 API, on 127.0.0.1: run by the Python of `.swift/` (Makefile).

`server.py FOLDER [--durable]` makes a ring of one device in FOLDER, forks the four servers and
prints the port of the API; it ends with its stdin. One replica, no memcached, no replicators.
Without `--durable` no server waits for the disk: what is stored is lost with the machine.
"""

import os
import signal
import socket
import sys
from pathlib import Path

from eventlet import patcher
from swift.common import utils
from swift.common.ring import RingBuilder
from swift.common.wsgi import run_server

STORES = ("account", "container", "object")
USER = "test:tester"
SECRET = "testing"
HASHES = """[swift-hash]
swift_hash_path_prefix = loopback
swift_hash_path_suffix = loopback
[storage-policy:0]
name = one
default = yes
"""
COMMON = """[DEFAULT]
swift_dir = {folder}
devices = {folder}
mount_check = false
log_level = CRITICAL
"""
STORE = """[pipeline:main]
pipeline = {kind}-server
[app:{kind}-server]
use = egg:swift#{kind}
"""
FILTERS = (
    *("catch_errors", "gatekeeper", "healthcheck", "memcache", "listing_formats", "s3api"),
    *("tempauth", "copy", "slo", "dlo", "symlink"),
)
API = """[pipeline:main]
pipeline = {filters} proxy-server
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
"""
OPTIONS = {
    "memcache": "memcache_servers = 127.0.0.1:1\n",
    "s3api": "location = us-east-1\nmin_segment_size = 1\ncheck_bucket_owner = false\n",
    "tempauth": f"user_{USER.replace(':', '_')} = {SECRET} .admin\n",
}


def ring(folder, kind, port):
    """One device holds all."""
    builder = RingBuilder(4, 1, 0)
    device = {"id": 0, "region": 1, "zone": 1, "weight": 1, "ip": "127.0.0.1", "port": port}
    builder.add_dev({**device, "device": "d1", "meta": ""})
    builder.rebalance(seed="1")
    builder.get_ring().save(str(folder / f"{kind}.ring.gz"))


def configured(folder, kind):
    """The file that says what the server `kind` is."""
    text = COMMON.format(folder=folder)
    if kind in STORES:
        text += STORE.format(kind=kind)
    else:
        text += API.format(filters=" ".join(FILTERS))
        for name in FILTERS:
            text += f"[filter:{name}]\nuse = egg:swift#{name}\n{OPTIONS.get(name, '')}"
    path = folder / f"{kind}.conf"
    path.write_text(text, "utf-8")
    return path


def end_with_stdin():
    """End this process with stdin, by a thread that eventlet does not make green."""

    def wait():
        os.read(0, 1)
        os._exit(0)

    patcher.original("threading").Thread(target=wait, daemon=True).start()


def serve(path, listening, kind):
    """Serve until stdin ends."""
    end_with_stdin()
    conf = {"__file__": str(path)}
    run_server(conf, utils.get_logger(conf, kind), listening)


def main():
    """Start all, say where, and wait."""
    utils.monkey_patch()
    folder = Path(sys.argv[1]).resolve()
    if "--durable" not in sys.argv:
        os.fsync = os.fdatasync = lambda _: None
    (folder / "d1").mkdir()
    (folder / "swift.conf").write_text(HASHES, "utf-8")
    utils.set_swift_dir(str(folder))
    kinds = (*STORES, "proxy")
    sockets = {kind: socket.create_server(("127.0.0.1", 0), backlog=512) for kind in kinds}
    for kind in STORES:
        ring(folder, kind, sockets[kind].getsockname()[1])
    # Without one of them the others are of no use.
    os.setpgid(0, 0)
    signal.signal(signal.SIGCHLD, lambda *_: os.killpg(0, signal.SIGKILL))
    for kind in kinds:
        path = configured(folder, kind)
        if os.fork() == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            serve(path, sockets[kind], kind)
            os._exit(1)
    print(sockets["proxy"].getsockname()[1], flush=True)
    os.read(0, 1)


if __name__ == "__main__":
    main()
