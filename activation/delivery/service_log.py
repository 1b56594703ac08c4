"""The log of a service: a line per event on stderr, for people or as JSON."""

import json
import sys

from ...codegen.invocation import Invocation
from ...codegen.times import format_utc
from .service import Log


def service_log(invocation: Invocation, *, as_json: bool) -> Log:
    """Writes each event to stderr as it happens."""

    def log(event: str, **details: object) -> None:
        if as_json:
            at = format_utc(invocation.now(), "milliseconds")
            line = json.dumps({"at": at, "event": event, **details})
            print(line, file=sys.stderr, flush=True)  # noqa: T201 - a log goes to stderr
        else:
            invocation.notify(
                " ".join([event, *(f"{key}={value}" for key, value in details.items())])
            )

    return log
