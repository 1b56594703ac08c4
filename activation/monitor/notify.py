"""Where alarms go: the targets of `[alarms.targets]`, opened and sent to through apprise.

A target's URL is a secret: whoever has it can write to the group. It is never shown, logged
or put into an error; a target is known by its name and its kind (`wecombot`). apprise logs
its URLs, so its log is silenced.
"""

import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import unquote

from ...codegen.errors import EnvironmentFailure, MintmarkError, UsageError
from ...codegen.invocation import secret_file
from .alarms import Message

SECONDS = 10.0  # for a robot's answer


class Channel(Protocol):
    """Takes a message, and returns whether it was taken."""

    def send(self, message: Message) -> bool:
        """False if it did not arrive, as far as this side can tell."""


@dataclass(frozen=True)
class Target:
    """A named channel. `kind` is the URL's scheme; None if it could not be opened."""

    name: str
    kind: str | None
    channel: Channel | None = field(default=None, repr=False)
    problem: str | None = None

    def send(self, message: Message) -> bool:
        """Whether it arrived."""
        return self.channel is not None and self.channel.send(message)


def targets(
    configured: Sequence[tuple[str, str]], environment: Mapping[str, str] = os.environ
) -> list[Target]:
    """The configured targets. A target that can't be opened has a `problem`, and stops no other.

    Raises `UsageError` if none is configured, `EnvironmentFailure` without apprise.
    """
    if not configured:
        raise UsageError(
            "no alarm targets are configured",
            'name one in mintmark.toml: [alarms.targets] shift-leader = "file:/path/to/url"',
        )
    apprise = _apprise()
    return [_opened(apprise, name, text, environment) for name, text in configured]


def _apprise() -> Any:  # noqa: ANN401 - apprise ships no types
    try:
        import apprise
    except ImportError:
        raise EnvironmentFailure(
            "apprise is not installed: it is what sends alarms",
            "install it: python3 -m pip install 'mintmark[notify]'",
        ) from None
    log = logging.getLogger("apprise")
    log.propagate = False
    log.setLevel(logging.CRITICAL + 1)
    return apprise


def _opened(apprise: Any, name: str, text: str, environment: Mapping[str, str]) -> Target:  # noqa: ANN401
    try:
        url = _url(text, environment)
    except (MintmarkError, OSError):
        return Target(name, None, problem="its file or variable cannot be read")
    try:
        plugin = apprise.Apprise.instantiate(url)
    except Exception:  # noqa: BLE001 - whatever a plugin raises may quote the URL
        plugin = None
    if plugin is None:
        return Target(name, None, problem="this is no URL that apprise knows")
    kind = url.partition(":")[0].lower()
    if plugin.service_name in ("WeCom Bot", "DingTalk"):
        return Target(name, kind, _Robot(plugin))
    # At most a few messages are sent, and `alarms send --watch` waits between rounds.
    plugin.request_rate_per_sec = 0
    return Target(name, kind, _Plugin(apprise, plugin))


def _url(text: str, environment: Mapping[str, str]) -> str:
    source, _, rest = text.partition(":")
    if source == "env":
        return environment.get(rest, "").strip()
    if source == "file":
        return secret_file(Path(rest).expanduser()).reveal().decode("utf-8", "replace").strip()
    return text


@dataclass(frozen=True)
class _Plugin:
    apprise: Any
    plugin: Any

    def send(self, message: Message) -> bool:
        """Whatever apprise does for this kind of URL."""
        levels = self.apprise.NotifyType
        level = levels.FAILURE if message.critical else levels.WARNING
        try:
            return bool(
                self.plugin.notify(title=message.title, body=message.body, notify_type=level)
            )
        except Exception:  # noqa: BLE001 - whatever a plugin raises may quote the URL
            return False


@dataclass(frozen=True)
class _Robot:
    """A group robot of WeCom or DingTalk.

    Both refuse with status 200 and an `errcode` (a wrong token, too many messages, a missing
    keyword). apprise 2.3 takes that for sent; so the address is apprise's, the call ours.
    """

    plugin: Any

    def send(self, message: Message) -> bool:
        """Whether the robot took it: `errcode` 0."""
        import httpx2

        plugin, parameters = self.plugin, {}
        if plugin.service_name == "WeCom Bot":
            address = plugin.api_url
        else:
            address = plugin.notify_url.format(token=plugin.token)
            if plugin.secret:
                timestamp, sign = plugin.get_signature()
                # apprise's is percent-encoded already; a parameter is encoded once.
                parameters = {"timestamp": timestamp, "sign": unquote(sign)}
        text = {"msgtype": "text", "text": {"content": f"{message.title}\n{message.body}"}}
        try:
            url = httpx2.URL(address).copy_merge_params(parameters)
            answer = httpx2.post(url, json=text, timeout=SECONDS)
            return answer.status_code == 200 and answer.json().get("errcode") == 0
        except (httpx2.HTTPError, httpx2.InvalidURL, ValueError, AttributeError):
            return False
