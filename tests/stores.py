"""The S3 servers that a run of tests has: Swift, and Ceph's where MINTMARK_STORE=rgw asks for it.

Without that a test with Ceph's is not there at all: CI has Swift only, and skips nothing.
"""

import os

import rgw_kit
import swift_kit

CHOSEN = os.environ.get("MINTMARK_STORE") or "swift"
_SERVERS = {"swift": swift_kit.server, "rgw": rgw_kit.server}
NAMES = ("swift",) if CHOSEN == "swift" else ("swift", CHOSEN)


def bucket(name=CHOSEN):
    """A new bucket on one of them."""
    return _SERVERS[name]().bucket()
