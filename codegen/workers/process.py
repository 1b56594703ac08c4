"""A worker process: takes a task from stdin, gives its result to stdout, until stdin ends.

Light imports: it starts once per worker. It ignores Ctrl-C, which the parent handles, and
ends by itself when the parent is gone. All that it works on comes through the pipe, never in
an argument or the environment: both can be read from outside of the process.
"""

import gc
import os
import pickle
import signal
from typing import BinaryIO


def main() -> None:
    """Serve until the parent closes the pipe."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    source, sink = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    # What a task prints must not get into the results.
    os.dup2(2, 1)
    # The first task imports what all of them need. It stays, and is never looked through for
    # garbage, which would be an eighth of the start.
    gc.disable()
    try:
        more = _serve(source, sink)
        gc.freeze()
        gc.enable()
        while more:
            more = _serve(source, sink)
    except OSError:
        # The parent is gone; closing the sink would fail once more, with a traceback.
        os._exit(0)


def _serve(source: BinaryIO, sink: BinaryIO) -> bool:
    try:
        task, item = pickle.load(source)  # noqa: S301 - our own parent's
    except EOFError:
        return False
    try:
        answer = True, task(item)
    except Exception as error:  # noqa: BLE001 - raised again in the parent
        answer = False, error
    pickle.dump(answer, sink, pickle.HIGHEST_PROTOCOL)
    sink.flush()
    return True
