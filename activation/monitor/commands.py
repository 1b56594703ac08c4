"""Commands for who watches: tracing unknown scans, alarms, the day's report.

No `from __future__ import annotations` here: Typer reads the annotations when it runs.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ...codegen.invocation import Invocation

if TYPE_CHECKING:
    from ...codegen.station.station import Station
    from .daily import Daily
    from .notify import Target
    from .sending import SendResult, Tried
    from .trace import Traced


def trace(
    invocation: Invocation,
    since: Annotated[
        str | None, typer.Option(help="Tell only what was scanned from then on.", metavar="TIME")
    ] = None,
    every: Annotated[
        bool, typer.Option("--all", help="With --json: list codes of nobody's as well.")
    ] = False,
    new: Annotated[
        bool, typer.Option("--new", help="Read only what is new since the last time: for a timer.")
    ] = False,
    burst: Annotated[
        int, typer.Option(min=1, help="More unknown codes within a day are an attack.")
    ] = 1_000,
) -> "Traced":
    """Say whose the codes are that were scanned and are not active.

    Leaks and guessing become incidents in the audit chain, each once.

    \b
    Example:
      mintmark trace
    """
    from ...codegen import times
    from ..client.connect import backend_url, connected
    from ..orders.typed_times import start
    from .trace import TraceRequest
    from .trace import trace as match

    station = invocation.station()
    begin = times.parse(start(since, station.config.time_zone)) if since else None
    with connected(station) as client:
        request = TraceRequest(begin, every, new, burst)
        return match(station, client, backend_url(station), request)


def alarms_send(
    invocation: Invocation,
    watch: Annotated[bool, typer.Option("--watch", help="Go on until stopped: a service.")] = False,
) -> "SendResult":
    """Send what the audit chain tells of trouble to the alarm targets.

    Each target gets each alarm once. Once a day doctor looks as well.

    \b
    Example:
      mintmark alarms send
    """
    from .sending import Watch, send

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
    """Send a test message to each alarm target, and say which took it.

    \b
    Example:
      mintmark alarms test
    """
    from .sending import trial

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
    """Say what became of codes on one day, and what needs a person.

    \b
    Example:
      mintmark report daily --date yesterday --notify
    """
    from dataclasses import replace

    from ..client.connect import connected
    from .daily import daily, day_of, message
    from .sending import broadcast, style_of

    station = invocation.station()
    when = day_of(day, station.now(), station.config.time_zone)
    targets = _targets(station) if notify else []
    with connected(station) as client:
        report = daily(station, client, when)
    if not notify:
        return report
    told = tuple(broadcast(targets, message(report, style_of(station))))
    return replace(report, notified=told)


def _targets(station: "Station") -> "list[Target]":
    from .notify import targets

    return targets(station.config.alarm_targets)


COMMANDS: tuple[tuple[str, Callable[..., Any]], ...] = (
    ("trace", trace),
    ("alarms send", alarms_send),
    ("alarms test", alarms_test),
    ("report daily", report_daily),
)
