"""Group robots of WeCom, DingTalk, Feishu and Lark: a message is posted, and the answer judged.

All four refuse with status 200 and a code that is not 0. apprise 2.3.0 takes such an answer of
WeCom and DingTalk for success, and of Feishu and Lark an empty one, a login page and the page
behind a redirect; its signature for DingTalk is percent-encoded twice. So the settings are
apprise's, and the call is ours: docs/alarms.md has what was seen.
"""

import base64
import hmac
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ...codegen.errors import UsageError
from ..client.transport import http_client
from . import deadline
from .alarms import Message
from .outcome import ARRIVED, SendOutcome, refused, unanswered

_ANSWER_BYTES = 64 * 1024
# The step of a call (httpcore's name) from which on the message may arrive.
_HANDED = "http11.send_request_body.started"

# What a code means, where a person can do something about it.
_WORDS: Mapping[tuple[str, int], str] = {
    ("errcode", 93000): "the key is wrong, or the robot was removed",
    ("errcode", 45009): "too many messages a minute",
    ("errcode", 300001): "the token is wrong, or the robot was removed",
    ("errcode", 300005): "the token is wrong, or the robot was removed",
    ("errcode", 310000): "the keyword, the signature or the address it allows",
    ("errcode", 130101): "too many messages a minute",
    ("errcode", 410100): "too many messages a minute",
    ("code", 9499): "it cannot read the message",
    ("code", 11232): "too many messages a minute",
    ("code", 19001): "the token is wrong, or the robot was removed",
    ("code", 19021): "it wants a signature, or the clock is wrong",
    ("code", 19022): "it does not allow this address",
    ("code", 19024): "its keyword is not in the message",
}


@dataclass(frozen=True)
class GroupRobot:
    """A robot at `address`. `key`: its answer's member that must be 0."""

    address: str = field(repr=False)
    key: str
    form: Callable[[str], Mapping[str, object]]
    parameters: Callable[[], Mapping[str, str]] = field(default=dict, repr=False)

    def send(self, message: Message) -> SendOutcome:
        """Post it, and judge the answer."""
        import httpx2

        steps: list[str] = []
        try:
            return self._post(self.form(f"{message.title}\n{message.body}"), steps)
        except UsageError as error:  # a proxy or certificates of the environment
            return refused(error.message)
        except httpx2.RequestError as error:
            if _HANDED not in steps:
                return refused("it cannot be reached")
            return unanswered(f"the connection failed ({type(error).__name__})")

    def _post(self, body: Mapping[str, object], steps: list[str]) -> SendOutcome:
        import httpx2

        def note(step: str, info: Mapping[str, Any]) -> None:
            # A proxy is sent a CONNECT before.
            if getattr(info.get("request"), "method", b"") == b"POST":
                steps.append(step)

        headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
        with http_client(None, headers, loopback=False) as client:
            url = httpx2.URL(self.address).copy_merge_params(dict(self.parameters()))
            seconds, more = deadline.READ_SECONDS, {"trace": note}
            with client.stream("POST", url, json=body, timeout=seconds, extensions=more) as answer:
                text = bytearray()
                for piece in answer.iter_raw():
                    text += piece
                    if len(text) > _ANSWER_BYTES:
                        break
                return judged(answer.status_code, bytes(text), self.key)


def judged(status: int, body: bytes, key: str, good: object = 0) -> SendOutcome:
    """Whether an answer says that the message was taken: status 200, and `key` is `good`.

    Without a `good`, any value of `key` is a yes.
    """
    if 300 <= status < 400:
        return refused(f"it redirects (status {status})")
    at, value = "" if status == 200 else f"status {status}", member(body, key)
    # `False == 0`.
    if not at and (value == good and type(value) is type(good) if good is not None else value):
        return ARRIVED
    code = shown(value)
    if code is None:
        return refused(at or f"its answer has no {key}: a login page, or another server")
    words = _WORDS.get((key, value)) if isinstance(value, int) else None
    named = ", ".join(filter(None, [at, f"{key} {code}"]))
    return refused(f"{named}: {words}" if words else named)


def member(body: bytes, key: str) -> object:
    """What stands under `key` of a JSON object; None if there is nothing."""
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return answer.get(key) if isinstance(answer, dict) else None


def shown(value: object) -> str | None:
    """A code as it may be shown: a number or a truth, and no text of the channel's."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int) and abs(value) < 10**9 else None


def robot_of(plugin: Any) -> GroupRobot | None:  # noqa: ANN401 - apprise ships no types
    """The robot that apprise read from a URL; None if it is another service."""
    service = type(plugin).__name__
    if service == "NotifyWeComBot":
        return GroupRobot(plugin.api_url, "errcode", _text)
    if service == "NotifyFeishu":
        return GroupRobot(plugin.notify_url.format(token=plugin.token), "code", _lark)
    if service == "NotifyLark":
        return GroupRobot(plugin.webhook_url, "code", _lark)
    if service == "NotifyDingTalk":
        numbers = sorted(map(_mobile, plugin.targets))
        return GroupRobot(
            plugin.notify_url.format(token=plugin.token),
            "errcode",
            lambda text: {**_text(text), "at": {"atMobiles": numbers, "isAtAll": False}},
            lambda: _signature(plugin.secret) if plugin.secret else {},
        )
    return None


def _text(text: str) -> Mapping[str, object]:
    return {"msgtype": "text", "text": {"content": text}}


def _lark(text: str) -> Mapping[str, object]:
    return {"msg_type": "text", "content": {"text": text}}


def _mobile(number: str) -> str:
    """A number as DingTalk knows it: of a Chinese one, without the country."""
    return number[2:] if len(number) == 13 and number.startswith("86") else number


def _signature(secret: str) -> Mapping[str, str]:
    # open.dingtalk.com/document/robots/customize-robot-security-settings
    moment = str(round(time.time() * 1_000))
    digest = hmac.digest(secret.encode(), f"{moment}\n{secret}".encode(), "sha256")
    return {"timestamp": moment, "sign": base64.b64encode(digest).decode("ascii")}
