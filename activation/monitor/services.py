"""Every other service: apprise sends, and what the service answered is judged once more.

apprise says yes or no. What it calls a yes may be a login page, the page behind a redirect or
a refusal with status 200; its no has no code. So each answer that `requests` gets during a
call is listened to, at the point that requests has for that: its transport adapter.
"""

import copy
import functools
import ssl
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from . import deadline
from .alarms import Message
from .outcome import ARRIVED, SendOutcome, refused, unanswered
from .robots import judged, member, shown

_ANSWER_BYTES = 256 * 1024

# A web hook of one's own: any 2xx is a yes.
_OWN = frozenset({"NotifyJSON", "NotifyForm", "NotifyXML"})
# Services whose yes stands under a key of their answer; None: whatever stands there.
# docs/alarms.md has what was seen.
_YES: Mapping[str, tuple[str, object]] = {
    "NotifyBark": ("code", 200),
    "NotifyGotify": ("id", None),
    "NotifyNtfy": ("id", None),
    "NotifyPushDeer": ("code", 0),
    "NotifyPushplus": ("code", 200),
    "NotifyServerChan": ("code", 0),
    "NotifySpugpush": ("code", 200),
    "NotifyTelegram": ("ok", True),
    "NotifyWPush": ("code", 0),
    "NotifyWeChat": ("errcode", 0),
    "NotifyWxPusher": ("code", 1000),
}
_CODES = ("errcode", "error_code", "errorCode", "code")
# What is a no in any service's answer.
_NO: tuple[tuple[str, object], ...] = (("ok", False), ("success", False))
# Where plugins keep their recipients.
_LISTS = ("targets", "channels", "topics", "friends", "_topics", "_users")

_heard: ContextVar[list[Any] | None] = ContextVar("heard", default=None)


@dataclass(frozen=True)
class AppriseService:
    """A service of apprise, with a single recipient."""

    apprise: Any = field(repr=False)
    plugin: Any = field(repr=False)

    def send(self, message: Message) -> SendOutcome:
        """Whatever apprise does for this kind of URL, and what became of it."""
        levels, formats = self.apprise.NotifyType, self.apprise.NotifyFormat
        one = self.apprise.Apprise(asset=self.plugin.asset)
        one.add(self.plugin)
        with _listening() as heard:
            taken = one.notify(
                title=message.title,
                body=message.body,
                notify_type=levels.FAILURE if message.critical else levels.WARNING,
                # Lines are kept, and what looks like HTML or Markdown stays as it is.
                body_format=formats.TEXT,
            )
        return _outcome(type(self.plugin).__name__, heard, taken=bool(taken))


def services_of(apprise: Any, plugin: Any) -> list[AppriseService] | None:  # noqa: ANN401 - no types
    """A service for each recipient of the URL, sorted; None if they cannot be told apart.

    apprise has some of them in no order.
    """
    # `optional` calls a failure a success; `retry` would send within one call what may have
    # arrived; a few messages need no rate, for `alarms send --watch` waits between rounds.
    plugin.optional, plugin.retry, plugin.request_rate_per_sec = False, 0, 0
    plugin.redirects = False
    if plugin.overflow_mode == apprise.OverflowMode.TRUNCATE:  # it would cut alarms off
        plugin.overflow_mode = apprise.OverflowMode.UPSTREAM
    plugin.socket_connect_timeout = plugin.socket_read_timeout = deadline.READ_SECONDS
    lists = _lists(plugin)
    if len(lists) > 1:
        return None
    parts = [plugin]
    for name, recipients in lists.items():
        parts = [_only(plugin, name, item) for item in sorted(recipients, key=repr)]
    if any(len(part) > 1 for part in parts):
        return None
    return [AppriseService(apprise, part) for part in parts]


def recipient_of(service: AppriseService) -> str:
    """The recipient as apprise has it; "" if there is none beside the service itself."""
    return next((repr(next(iter(found))) for found in _lists(service.plugin).values()), "")


def _lists(plugin: Any) -> Mapping[str, Any]:  # noqa: ANN401 - apprise ships no types
    found = {name: getattr(plugin, name, None) for name in _LISTS}
    return {name: them for name, them in found.items() if them and isinstance(them, list | set)}


def _only(plugin: Any, name: str, item: object) -> Any:  # noqa: ANN401 - apprise ships no types
    part = copy.copy(plugin)
    setattr(part, name, type(getattr(plugin, name))([item]))
    return part


def _outcome(service: str, heard: list[Any], *, taken: bool) -> SendOutcome:
    answers = [item for item in heard if not isinstance(item, Exception)]
    failed = next((item for item in reversed(heard) if isinstance(item, Exception)), None)
    if failed is not None and not taken:
        return _failed(failed)
    for answer in answers:
        if 300 <= answer.status_code < 400:
            return refused(f"it redirects (status {answer.status_code})")
    last = answers[-1] if answers else None
    if last is not None and service in _YES and (taken or last.status_code == 200):
        key, good = _YES[service]
        return judged(last.status_code, last.content, key, good)
    if not taken:
        return refused(_code(last))
    return ARRIVED if last is None or service in _OWN else _believed(last.content)


def _believed(body: bytes) -> SendOutcome:
    """A service's answer that apprise took for a yes."""
    if body.lstrip()[:1] == b"<":
        return refused("its answer is a web page: a login page, or another server")
    if (errcode := member(body, "errcode")) and shown(errcode):
        return refused(f"errcode {shown(errcode)}")
    said = next((key for key, no in _NO if member(body, key) is no), None)
    return refused(f"{said} false") if said else ARRIVED


def _code(answer: Any) -> str:  # noqa: ANN401 - requests has types, and is apprise's own
    if answer is None:
        return "apprise could not send it"
    codes = ((key, shown(member(answer.content, key))) for key in _CODES)
    named = next((f", {key} {code}" for key, code in codes if code is not None), "")
    return f"status {answer.status_code}{named}"


def _failed(error: Exception) -> SendOutcome:
    """What an exception of requests says. Its text may quote the URL."""
    import requests

    causes = list(_causes(error))
    if isinstance(error, requests.exceptions.InvalidSchema | requests.exceptions.InvalidURL):
        return refused("a proxy that the environment names can't be used")
    if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in causes):
        return refused("its certificate is not trusted")
    if any(_connecting(cause) for cause in causes):
        secure = isinstance(error, requests.exceptions.SSLError)
        return refused("no secure connection with it" if secure else "it cannot be reached")
    cut = requests.ReadTimeout, requests.ConnectionError, requests.exceptions.ChunkedEncodingError
    if isinstance(error, cut):
        return unanswered(f"the connection failed ({type(error).__name__})")
    if isinstance(error, OSError) and not isinstance(error, requests.RequestException):
        return refused("the certificates that the environment names can't be used")
    return refused(f"sending failed ({type(error).__name__})")


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _connecting(error: BaseException) -> bool:
    """Whether it was raised before there was a connection, secure and through any proxy.

    Only then is it known that nothing was sent. requests and urllib3 say the same of a
    connection that breaks then and later; where it was raised is the difference.
    """
    frames = traceback.walk_tb(error.__traceback__)
    return any(frame.f_code.co_name == "connect" for frame, _ in frames)


@contextmanager
def _listening() -> Iterator[list[Any]]:
    """The answers and exceptions that requests gets inside the block, in this thread."""
    _listen()
    heard: list[Any] = []
    token = _heard.set(heard)
    try:
        yield heard
    finally:
        _heard.reset(token)


@functools.cache
def _listen() -> None:
    """Once per process: requests tells of what it gets. For others nothing changes."""
    import requests
    from requests.adapters import HTTPAdapter

    plain = HTTPAdapter.send

    @functools.wraps(plain)
    def send(self: HTTPAdapter, *args: Any, **options: Any) -> requests.Response:  # noqa: ANN401
        heard = _heard.get()
        if heard is None:
            return plain(self, *args, **options)
        try:
            answer = plain(self, *args, **options)
            body = bytearray()
            for piece in answer.iter_content(8_192):
                body += piece
                if len(body) > _ANSWER_BYTES:
                    break
            answer._content = bytes(body)  # noqa: SLF001 - where requests keeps what it has read
        except Exception as error:
            heard.append(error)
            raise
        heard.append(answer)
        return answer

    HTTPAdapter.send = send  # type: ignore[method-assign]
