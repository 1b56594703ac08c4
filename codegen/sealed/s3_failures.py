"""What an error of obstore means, in our words: away, refused, or missing.

obstore tells by class only a few kinds apart; the rest is in the text, as the status and the code
of the answer. Nothing of that text is passed on: it names requests.
"""

import re

from ..away import VaultAway
from ..errors import EnvironmentFailure

_STATUS = re.compile(r"status code: (\d{3})")
_CODE = re.compile(r"<Code>(\w{1,60})</Code>")
_REPEAT = "repeat the command when it answers again"
_CREDENTIALS = (
    "give credentials: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or credentials_file in [vault]"
)
# Codes of S3 → what to do about them.
_HINTS = {
    "SignatureDoesNotMatch": "the keys are others: see AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
    "InvalidAccessKeyId": "the store does not know this access key: see AWS_ACCESS_KEY_ID",
    "ExpiredToken": "the session is over: get new credentials",
    "InvalidToken": "the session is none of the store's: get new credentials",
    "RequestTimeTooSkewed": "set the clock of this machine",
    "AccessDenied": "let this key list the bucket, and get and put objects below the prefix",
    "QuotaExceeded": "the bucket is full: have its quota raised",
    "EntityTooLarge": "the store takes no objects of this size",
}
_NO_CODE = f"{_CREDENTIALS}; then {_HINTS['AccessDenied']}"
# "Not now", and not "no".
_AGAIN = {408, 409, 425, 429}
_REGION = {"AuthorizationHeaderMalformed", "PermanentRedirect", "TemporaryRedirect"}


def failure(error: Exception, key: str, bucket: str) -> Exception:
    """What to raise for `error`, which obstore raised about the object `key`."""
    text = str(error)
    status, code = _status(text), _code(text)
    if isinstance(error, FileNotFoundError) and code != "NoSuchBucket":
        return FileNotFoundError(2, "no such object", key)
    why = _refusal(text, status, code, bucket)
    if why is not None:
        return EnvironmentFailure(*why)
    shown = f" (status {status})" if status else ""
    return VaultAway(f"the store of the vault does not answer{shown}", _REPEAT)


def _refusal(text: str, status: int | None, code: str, bucket: str) -> tuple[str, str] | None:
    """What the store says no to, and what to do about it; None if it did not answer."""
    shown = code or f"status {status}"
    rules = (
        (
            # Before the status: it is of the machine that has no credentials to give.
            "169.254." in text or "token file" in text,
            ("no credentials for the store are found here", _CREDENTIALS),
        ),
        (
            code == "NoSuchBucket",
            (f"the store has no bucket {bucket!r}", "make it, or name another with --vault"),
        ),
        (
            status in (301, 307) or code in _REGION,
            (
                f"the bucket {bucket!r} is in another region",
                "name its region: region in [vault], or AWS_REGION",
            ),
        ),
        (
            code in _HINTS or status in (401, 403),
            (f"the store refused: {shown}", _HINTS.get(code, _NO_CODE)),
        ),
        (
            "credential" in text.lower(),
            ("no credentials for the store are found here", _CREDENTIALS),
        ),
        (
            status is None and "certificate" in text.lower(),
            (
                "the store shows a certificate that this machine does not trust",
                "have its authority trusted by the system, or correct endpoint in [vault]",
            ),
        ),
        (
            status is not None and status < 500 and status not in _AGAIN,
            (f"the store refused: {shown}", "see its log for why"),
        ),
    )
    return next((why for found, why in rules if found), None)


def unusable() -> EnvironmentFailure:
    """What to raise if obstore takes no store from the settings at all."""
    return EnvironmentFailure(
        "the settings of this machine for S3 lead to no store",
        "see the variables of the environment that begin with AWS_",
    )


def is_an_answer(error: Exception) -> bool:
    """Whether the store said no, and did not merely not answer."""
    status = _status(str(error))
    return status is not None and 400 <= status < 500


def is_past_the_end(error: Exception) -> bool:
    """Whether a range was refused because it begins after the object's end."""
    return _status(str(error)) == 416


def _status(text: str) -> int | None:
    found = _STATUS.search(text)
    return int(found[1]) if found else None


def _code(text: str) -> str:
    found = _CODE.search(text)
    return found[1] if found else ""
