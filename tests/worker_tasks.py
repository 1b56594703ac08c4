"""What tests let worker processes do: a task must be in a module that they can import."""

import os
import signal
import sys
import time

from mintmark.codegen.errors import Refused


def double(number):
    return number * 2


def who(_item):
    return os.getpid(), signal.getsignal(signal.SIGINT) is signal.SIG_IGN, os.getpgrp()


def large(size):
    return b"x" * size, os.urandom(size)


def modules(_item):
    return sorted(sys.modules)


done = []
"""What `note` noted in this process."""


def note(item):
    done.append((os.getpid(), item))


def noted(_item):
    return tuple(done)


def thrifty(size):
    """Threads beside numpy, and pages that a hundred arrays in turn asked the system for."""
    import resource

    import numpy as np

    np.ones(size, np.uint8)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(100):
        np.ones(size, np.uint8)
    return len(os.listdir("/proc/self/task")), (  # noqa: PTH208 - no more imports than needed
        resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
    )


def shout(item):
    print("nobody asked")
    sys.stdout.flush()
    return item


def refuse(item):
    raise Refused(f"not {item}", "a hint", item=item)


def unpicklable(_item):
    return lambda: None


def fall(item):
    """Killed, as by a system short of memory."""
    if item == "now":
        os.kill(os.getpid(), signal.SIGKILL)
    return item


def stall(path):
    """Shows by a file that it has begun, and does not end."""
    with open(path, "x", encoding="ascii") as file:  # noqa: PTH123 - no more imports than needed
        file.write(str(os.getpid()))
    time.sleep(600)


def nothing(_count):
    """A random source that has run dry."""
    return b""
