"""A call to a channel has an end, whatever the channel does.

Libraries bound each read of a socket, not their sum: a server that sends a byte every few
seconds holds a caller for as long as it likes, and so does a name server. A call therefore
runs in a thread, which is given up at its deadline. A thread cannot be ended; so a channel
whose call is still running gets no other one, and holds one thread at most. A process for each
call could be ended, but would import apprise anew for each message, and its secret would have to
travel.
"""

import threading
from collections.abc import Callable

from .outcome import SendOutcome, refused, unanswered

SECONDS = 20.0
READ_SECONDS = 10.0  # for each read of a channel, and for each try to reach it

_running: dict[str, threading.Thread] = {}


def within(seconds: float, channel: str, call: Callable[[], SendOutcome]) -> SendOutcome:
    """What `call` returns, or "no answer" after `seconds`. No exception leaves here.

    `channel` names what is called: of two calls to it, the second waits for a later round.
    """
    before = _running.get(channel)
    if before is not None and before.is_alive():
        return refused("an earlier call to it has not ended")
    done: list[SendOutcome] = []

    def run() -> None:
        try:
            done.append(call())
        except BaseException as error:  # noqa: BLE001 - what a library raises may quote the URL
            done.append(refused(f"sending failed ({type(error).__name__})"))

    # A daemon: the process ends without it.
    thread = threading.Thread(target=run, name="mintmark-alarm", daemon=True)
    _running[channel] = thread
    thread.start()
    thread.join(seconds)
    if done:
        del _running[channel]
        return done[0]
    return unanswered(f"not within {seconds:g} seconds")
