"""Where alarms go: the targets of `[alarms.targets]`, opened, and what they are sent.

A target's URL is a secret: whoever has it can write to the group. It is never shown, logged
or put into an error; a target is known by its name and its kind (`wecombot`), a recipient by
its place in the URL. apprise reads the URLs; its log quotes them and goes nowhere.
"""

import hashlib
import logging
import os
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from ...codegen.errors import EnvironmentFailure, MintmarkError, UsageError
from ...codegen.invocation import secret_file
from . import deadline
from .alarms import Message
from .mail import boxes_of, named_in
from .outcome import SendOutcome, refused
from .robots import robot_of
from .services import recipient_of, services_of

_TOGETHER = "its recipients cannot be told apart: give each a target of its own"
_DROPPED = "a recipient or number in its URL is none: correct the URL"


class Channel(Protocol):
    """Takes a message, and says what became of it."""

    def send(self, message: Message) -> SendOutcome:
        """Send it; exceptions are taken for refusals."""


@dataclass(frozen=True)
class Target:
    """A recipient of a named target. `kind` is the URL's scheme; None if it could not be opened.

    `recipient` is a digest of who it is, and `place` its number in the URL, such as `2/3`;
    both are empty where the URL has no recipients.
    """

    name: str
    kind: str | None
    channel: Channel | None = field(default=None, repr=False)
    problem: str | None = None
    recipient: str = ""
    place: str = ""
    seconds: float | None = None

    @property
    def key(self) -> str:
        """What its cursor is kept under."""
        return f"{self.name}#{self.recipient}" if self.recipient else self.name

    @property
    def who(self) -> str:
        """For people: its name, and which of its recipients."""
        return f"{self.name} {self.place}" if self.place else self.name

    def send(self, message: Message) -> SendOutcome:
        """What became of `message`, after `seconds` at most, or those that all targets have."""
        if self.channel is None:
            return refused(self.problem or "it could not be opened")
        channel = self.channel
        seconds = self.seconds or deadline.SECONDS
        return deadline.within(seconds, self.key, lambda: channel.send(message))


def targets(
    configured: Sequence[tuple[str, str]], environment: Mapping[str, str] = os.environ
) -> list[Target]:
    """The configured targets, one for each recipient.

    A target that can't be opened has a `problem`, and stops no other. Raises `UsageError` if
    none is configured, `EnvironmentFailure` without apprise.
    """
    if not configured:
        raise UsageError(
            "no alarm targets are configured",
            'name one in mintmark.toml: [alarms.targets] shift-leader = "file:/path/to/url"',
        )
    apprise = _apprise()
    return [
        target for name, text in configured for target in _opened(apprise, name, text, environment)
    ]


class _Complaints(logging.Handler):
    """Counts what apprise complains of in each thread, and lets nothing of it out."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._local = threading.local()

    @property
    def count(self) -> int:
        """Complaints in this thread so far."""
        return getattr(self._local, "count", 0)

    def emit(self, record: logging.LogRecord) -> None:
        """Only counted: its text may quote the URL."""
        del record
        self._local.count = self.count + 1


_COMPLAINTS = _Complaints()


def _apprise() -> Any:  # noqa: ANN401 - apprise ships no types
    try:
        import apprise
    except ImportError:
        raise EnvironmentFailure(
            "apprise is not installed: it is what sends alarms",
            "install it: python3 -m pip install 'mintmark[notify]'",
        ) from None
    log = logging.getLogger("apprise")
    log.propagate, log.handlers = False, [_COMPLAINTS]
    log.setLevel(logging.WARNING)
    return apprise


def _opened(
    apprise: Any,  # noqa: ANN401 - apprise ships no types
    name: str,
    text: str,
    environment: Mapping[str, str],
) -> list[Target]:
    try:
        url = _url(text, environment)
    except (MintmarkError, OSError, RuntimeError, ValueError):
        return [Target(name, None, problem="its file or variable cannot be read")]
    before = _COMPLAINTS.count
    try:
        # With a time limit of its own, apprise sends in a pool that the end of a process waits for.
        asset = apprise.AppriseAsset(async_mode=False, service_timeout=0)
        plugin = apprise.Apprise.instantiate(url, asset=asset)
        if plugin is None:
            return [Target(name, None, problem="this is no URL that apprise knows")]
        if _COMPLAINTS.count > before:
            # apprise leaves out what it does not take: nobody would miss the alarms.
            return [Target(name, _kind(url), problem=_DROPPED)]
        return _recipients(apprise, plugin, name, url)
    except Exception:  # noqa: BLE001 - whatever a plugin raises may quote the URL
        return [Target(name, None, problem="this is no URL that apprise knows")]


def _recipients(apprise: Any, plugin: Any, name: str, url: str) -> list[Target]:  # noqa: ANN401
    kind = _kind(url)
    if robot := robot_of(plugin):
        return [Target(name, kind, robot)]
    if type(plugin).__name__ == "NotifyEmail":
        if plugin.pgp_mode != "no":
            return [Target(name, kind, problem="mail is sent without PGP: take pgp= out of it")]
        boxes = boxes_of(plugin)
        if not boxes or len(boxes) < named_in(url):
            return [Target(name, kind, problem=_DROPPED)]
        found: list[tuple[Channel, str]] = [(box, box.recipient[1].lower()) for box in boxes]
    else:
        services = services_of(apprise, plugin)
        if services is None:
            return [Target(name, kind, problem=_TOGETHER)]
        found = [(service, recipient_of(service)) for service in services]
    several = len(found) > 1
    return [
        Target(name, kind, channel, None, _digest(who), f"{n}/{len(found)}" if several else "")
        for n, (channel, who) in enumerate(found, 1)
    ]


def _kind(url: str) -> str:
    return url.partition(":")[0].strip().lower()


def _digest(who: str) -> str:
    """A recipient's name in alarms.json: it does not say who it is."""
    return hashlib.sha256(who.encode()).hexdigest()[:12] if who else ""


def _url(text: str, environment: Mapping[str, str]) -> str:
    source, _, rest = text.partition(":")
    if source == "env":
        return environment.get(rest, "").strip()
    if source == "file":
        return secret_file(Path(rest).expanduser()).reveal().decode("utf-8", "replace").strip()
    return text
