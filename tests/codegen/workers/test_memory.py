"""Memory that was freed is used again, also by threads."""

import json
import subprocess
import sys

import pytest

# Frees and takes 300 megabytes, a megabyte at a time; tells how many pages the system cleared.
_WORK = """
import json, resource, sys, threading
from mintmark.codegen.workers.memory import keep_freed
if sys.argv[1] == "kept":
    keep_freed()
def work():
    for _ in range(100):
        pieces = [bytes(700_000) for _ in range(4)]
threads = [threading.Thread(target=work) for _ in range(2)]
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(json.dumps(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before))
"""


def _cleared(how: str) -> int:
    words = [sys.executable, "-c", _WORK, how]
    done = subprocess.run(words, capture_output=True, check=True, encoding="utf-8")
    return int(json.loads(done.stdout))


@pytest.mark.skipif(sys.platform != "linux", reason="glibc")
def test_what_was_freed_is_used_again() -> None:
    assert _cleared("kept") * 5 < _cleared("as it is")
