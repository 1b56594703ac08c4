"""Commands that watch: unknown scans traced, alarms sent, the day reported.

No `from __future__ import annotations` here: Typer reads the annotations when it runs.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ...codegen.invocation import Invocation
from ..stock.commands import STOCK

if TYPE_CHECKING:
    from ...codegen.station.station import Station
    from .broadcast import Tried
    from .daily import Daily
    from .notify import Target
    from .sending import SendResult
    from .traced import Traced


def trace(
    invocation: Invocation,
    since: Annotated[
        str | None, typer.Option(help="Report only codes scanned from then on.", metavar="TIME")
    ] = None,
    every: Annotated[
        bool, typer.Option("--all", help="With --json: also list codes that are not ours.")
    ] = False,
    new: Annotated[
        bool, typer.Option("--new", help="Read only scans since the last time: for a timer.")
    ] = False,
    burst: Annotated[
        int, typer.Option(min=1, help="More unknown codes within a day are an attack.")
    ] = 1_000,
) -> "Traced":
    """Trace scans of leaked, stopped, copied and diverted codes.

    Scans of goods that were stopped as well. All are told with their contacts and dealers, and
    become incidents in the audit chain, each of them once, as guessing does.

    \b
    Example:
      mintmark trace
    """
    from ..client.connect import backend_url, connected
    from ..orders.typed_times import instant
    from .trace import TraceRequest
    from .trace import trace as match

    station = invocation.station()
    begin = instant(since, station.config.time_zone, "--since") if since is not None else None
    with connected(station) as client:
        request = TraceRequest(begin, every, new, burst)
        return match(station, client, backend_url(station), request)


def alarms_send(
    invocation: Invocation,
    watch: Annotated[bool, typer.Option("--watch", help="Run until stopped: a service.")] = False,
) -> "SendResult":
    """Send the alarms of the audit chain to the alarm targets.

    Each target gets each alarm once. What is late is looked for first; once a day doctor runs.

    \b
    Example:
      mintmark alarms send
    """
    from .sending import send
    from .watch import Watch

    station = invocation.station()
    if not watch:
        return send(station, _targets(station), invocation.checks())
    from ..delivery.stopping import Stop, on_signals

    def log(event: str, **details: object) -> None:
        invocation.notify(" ".join([event, *(f"{key}={value}" for key, value in details.items())]))

    with on_signals(Stop()) as stop:
        return Watch(
            station=station,
            targets=lambda: _targets(station),
            checks=invocation.checks(),
            wait=stop.wait,
            stopped=stop,
            log=log,
        ).run()


def alarms_test(invocation: Invocation) -> "Tried":
    """Send a test message to each alarm target, and show which took it.

    \b
    Example:
      mintmark alarms test
    """
    from .broadcast import trial

    station = invocation.station()
    return trial(station, _targets(station))


def report_daily(
    invocation: Invocation,
    day: Annotated[
        str | None,
        typer.Option("--date", help="2026-11-22, today or yesterday.", metavar="D"),
    ] = None,
    notify: Annotated[
        bool, typer.Option("--notify", help="Send it to the alarm targets as well.")
    ] = False,
) -> "Daily":
    """Report a day's codes and alarms, the market, and whom to call.

    \b
    Example:
      mintmark report daily --date yesterday --notify
    """
    from dataclasses import replace

    from ..client.connect import connected
    from .broadcast import broadcast
    from .daily import daily, message
    from .day import day_of
    from .sending import style_of

    station = invocation.station()
    when = day_of(day, station.now(), station.config.time_zone)
    targets = _targets(station) if notify else []
    with connected(station) as client:
        report = daily(station, client, when)
    if not notify:
        return report
    notified = tuple(broadcast(targets, message(report, style_of(station))))
    return replace(report, notified=notified)


def _targets(station: "Station") -> "list[Target]":
    from .notify import targets

    return targets(station.config.alarm_targets)


COMMANDS: tuple[tuple[str, Callable[..., Any]], ...] = (
    ("trace", trace),
    ("alarms send", alarms_send),
    ("alarms test", alarms_test),
    ("report daily", report_daily),
    *STOCK,
)
