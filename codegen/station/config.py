"""`mintmark.toml`: what a person may set in a home, and nothing secret."""

import io
import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from zoneinfo import ZoneInfo

from ..errors import NotFound, UsageError
from ..files import open_own
from ..ids import SYMBOLS
from ..scans.settings import ReaderSettings, read_tables
from . import alarm_limits
from .alarm_limits import AlarmLimits

NAME = "mintmark.toml"
DEFAULT_ZONE = "Asia/Shanghai"
CACHE_BYTES = 20_000_000_000  # of what a station keeps here of a shared vault

_HOME_ID = re.compile(rf"[{SYMBOLS}]{{4}}-[{SYMBOLS}]{{12}}", re.ASCII)
_KNOWN: Mapping[str, frozenset[str]] = {
    "home": frozenset({"id", "time_zone"}),
    "custodian": frozenset({"key"}),
    "ledger": frozenset({"url"}),
    "vault": frozenset({"url", "endpoint", "region", "credentials_file", "cache_bytes"}),
    "backend": frozenset(
        {"url", "ca", "client_certificate", "client_key", "secret_file", "key_id", "upload_line"}
        | {"aggregations"}
    ),
    "policy": frozenset({"receipt_before_activation", "freeze_scanned_before"}),
    "alarms": frozenset({"language", "targets"}) | alarm_limits.KEYS,
    "sender": frozenset({"name", "phone", "email"}),
    "readers": frozenset(),  # each has a name: scans/settings.py reads them
}
_VAULT_NUMBERS = frozenset({"cache_bytes"})
_FILES: Mapping[str, str] = {
    "ca": "backend_ca",
    "client_certificate": "backend_certificate",
    "client_key": "backend_certificate_key",
    "secret_file": "backend_secret_file",
}
LANGUAGES = ("both", "zh", "en")
_TARGET = re.compile(r"[A-Za-z0-9_-]{1,40}", re.ASCII)
_TABLES = frozenset({"targets"})
_SENDER: Mapping[str, re.Pattern[str]] = {
    "name": re.compile(r".{1,60}"),
    "phone": re.compile(r"(?=(?:.*\d){3}).{1,40}"),
    "email": re.compile(r"[!-?A-~]{1,64}@[!-?A-~]{1,100}", re.ASCII),
}
_SENDER_WORDS: Mapping[str, str] = {
    "name": "name of 1 to 60 printable characters",
    "phone": "phone number of 3 digits or more, at most 40 characters",
    "email": "e-mail address",
}
_SWITCHES = frozenset({"aggregations", "receipt_before_activation", "freeze_scanned_before"})


@dataclass(frozen=True)
class Config:
    """The settings of a home."""

    home_id: str
    time_zone: ZoneInfo
    custodian_key: Path | None
    backend_url: str | None
    ledger_url: str | None = None
    """The database of a home that stations share; None: `ledger.db` in this folder."""
    vault_url: str | None = None
    """The store of its sealed batches, `s3://` or `file:///`; None: `vault/` in this folder."""
    vault_endpoint: str | None = None
    vault_region: str | None = None
    vault_credentials: Path | None = None
    vault_cache_bytes: int = CACHE_BYTES
    backend_ca: Path | None = None
    backend_certificate: Path | None = None
    backend_certificate_key: Path | None = None
    backend_secret_file: Path | None = None
    backend_key_id: str | None = None
    upload_line: str | None = None
    aggregations: bool = True
    """Whether the backend is sent what lies in what."""
    receipt_before_activation: bool = False
    freeze_scanned_before: bool = False
    alarm_language: str = LANGUAGES[0]
    alarm_targets: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    alarm_limits: AlarmLimits = field(default_factory=AlarmLimits)
    sender: tuple[str, str, str] = ("", "", "")
    """Name, phone and e-mail address of whom the print shop calls; each may be empty."""
    readers: Mapping[str, ReaderSettings] = field(default_factory=dict)


def template(home_id: str, custodian_key: Path | None) -> str:
    """The file as `init` writes it."""
    key_line = f"key = {_quoted(str(custodian_key))}" if custodian_key else '# key = "…"'
    return f"""\
# A mintmark home. Keep copies of this folder, and none of the custodian key with them.

[home]
id = "{home_id}"
time_zone = "{DEFAULT_ZONE}"    # what a time without an offset means

[custodian]
# Where an export finds the custodian's key while it is here: bring the key, then take it away
# again. `init` wrote where it made the key; write where it is brought to, or delete the line.
{key_line}

[backend]
# The scan backend that range orders go to. Without one they queue.
# url = "https://scan.example.com"
# ca = "…"                     # a CA bundle besides the system's
# client_certificate = "…"     # for a backend that asks for one, with client_key
# secret_file = "…"            # hmac-sha256 with this secret instead of lines' keys, with key_id
# upload_line = "…"            # the line that fingerprints go out under, whoever ordered
# aggregations = false         # it keeps no PUT /v1/aggregations: what lies in what stays here

[sender]
# Whom the print shop calls: stands in README.txt of every package and in the handoff letter.
# name = "…"
# phone = "…"
# email = "…"

[policy]
# Whether codes are activated only once the printer's receipt says they were printed.
# receipt_before_activation = true
# Whether codes that were scanned before they were active are frozen as they become so.
# freeze_scanned_before = true

[alarms]
# What `alarms send` writes in: both (Chinese, then English), zh or en.
# language = "both"
# What people want to hear of that did not happen: packages without a final receipt, or with
# codes that were not activated, after so many days; orders that wait longer for the backend.
# receipt_days = 14
# activation_days = 60
# delivery_minutes = 30
# Scans of a code beyond those that it allows, exports within an hour.
# copied_scans = 20
# export_burst = 10
[alarms.targets]
# Where alarms go: a name, and an apprise URL, or where it stands: such a URL is a secret.
# shift-leader = "file:/etc/mintmark/wecom.url"
# office = "env:MINTMARK_MAIL_URL"

# How a code reader sends, for --reader NAME; docs/scanners.md lists the keys.
# [readers.line-3]
# terminators = ["CR"]
# prefix = "{{digits:14}}:%P{{digits:2}}-"
# no_read = ["NoRead", "ERR{{digits:2}}"]
# heartbeat = "ALIVE"
"""


def _quoted(text: str) -> str:
    # A JSON string is a TOML basic string, Windows' backslashes escaped; but TOML knows no
    # surrogate pairs, and wants DEL escaped.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def read(home: Path) -> Config:
    """The configuration of `home`.

    Raises `NotFound` if there is no home, `UsageError` for a file that is not TOML
    or holds unknown keys or values of the wrong type.
    """
    path = home / NAME
    try:
        with io.TextIOWrapper(open_own(path), "utf-8-sig") as file:
            text = file.read()
    except FileNotFoundError:
        raise NotFound(
            f"no mintmark home at {home}",
            f"make one: mintmark --home {home} init",
            "or name another folder with --home or MINTMARK_HOME",
        ) from None
    except UnicodeDecodeError:
        raise UsageError(f"{path} is not UTF-8", "save it as UTF-8") from None
    try:
        tables = tomllib.loads(text)
    except ValueError as error:  # TOML's own is one, and one of a number of 5,000 digits
        raise UsageError(f"{path}: {error}", "correct the file") from None
    except RecursionError:
        raise UsageError(f"{path} is nested too deep", "correct the file") from None
    readers = _readers(path, tables.pop("readers", {}))
    language, targets = _alarms(path, tables.get("alarms", {}))
    limits = _limits(path, tables.get("alarms", {}))
    _check(path, tables)
    home_table, backend = tables["home"], tables.get("backend", {})
    if ("secret_file" in backend) != ("key_id" in backend):
        raise UsageError(f"{path}: secret_file and key_id in [backend] go together", "give both")
    vault = tables.get("vault", {})
    key, policy = tables.get("custodian", {}).get("key"), tables.get("policy", {})
    return Config(
        home_id=home_table["id"],
        time_zone=_zone(path, home_table.get("time_zone", DEFAULT_ZONE)),
        custodian_key=_path(path, key) if key else None,
        backend_url=backend.get("url"),
        ledger_url=tables.get("ledger", {}).get("url"),
        vault_url=vault.get("url"),
        vault_endpoint=vault.get("endpoint"),
        vault_region=vault.get("region"),
        vault_credentials=_path(path, vault["credentials_file"])
        if "credentials_file" in vault
        else None,
        vault_cache_bytes=vault.get("cache_bytes", CACHE_BYTES),
        backend_key_id=backend.get("key_id"),
        upload_line=backend.get("upload_line"),
        aggregations=backend.get("aggregations", True),
        alarm_language=language,
        alarm_targets=targets,
        alarm_limits=limits,
        sender=_sender(path, tables.get("sender", {})),
        readers=readers,
        **{field: _path(path, backend[key]) for key, field in _FILES.items() if key in backend},
        receipt_before_activation=policy.get("receipt_before_activation", False),
        freeze_scanned_before=policy.get("freeze_scanned_before", False),
    )


def _readers(path: Path, tables: object) -> Mapping[str, ReaderSettings]:
    try:
        return read_tables(tables)
    except UsageError as error:
        raise UsageError(f"{path}: {error.message}", *error.hints) from None


def _check(path: Path, tables: Mapping[str, object]) -> None:
    if not isinstance(tables.get("home"), dict) or "id" not in tables["home"]:  # type: ignore[operator]
        raise UsageError(f"{path}: [home] id is missing", "bring the line back from your copy")
    for name, table in tables.items():
        if name not in _KNOWN or not isinstance(table, dict):
            raise UsageError(f"{path}: unknown table [{name}]", f"known: {', '.join(_KNOWN)}")
        for key, value in table.items():
            if key not in _KNOWN[name]:
                known = ", ".join(sorted(_KNOWN[name]))
                raise UsageError(f"{path}: unknown key {key} in [{name}]", f"known: {known}")
            _check_value(path, name, key, value)
    if not _HOME_ID.fullmatch(str(tables["home"]["id"])):  # type: ignore[index]
        raise UsageError(f"{path}: [home] id is no home's id", "bring the line back from your copy")


def _check_value(path: Path, name: str, key: str, value: object) -> None:
    where = f"{path}: {key} in [{name}]"
    if key in _SWITCHES:
        if not isinstance(value, bool):
            raise UsageError(f"{where} must be true or false", "write it unquoted")
    elif key in _VAULT_NUMBERS:
        if type(value) is not int or not 1_000_000 <= value <= 2**53:
            raise UsageError(
                f"{where} must be a number of bytes, a million or more",
                "write it unquoted, for example: cache_bytes = 20_000_000_000",
            )
    elif not isinstance(value, str) and key not in _TABLES | alarm_limits.KEYS:
        raise UsageError(f"{where} must be text", 'write it in "quotes"')


def _alarms(path: Path, table: object) -> tuple[str, tuple[tuple[str, str], ...]]:
    """Language and targets. A target's text may hold a token: no error quotes it."""
    if not isinstance(table, dict):
        return LANGUAGES[0], ()  # `_check` complains
    targets = table.get("targets", {})
    if not isinstance(targets, dict) or not all(
        _TARGET.fullmatch(name) and isinstance(text, str) for name, text in targets.items()
    ):
        raise UsageError(
            f"{path}: [alarms.targets] is names with a text each",
            'write for example: shift-leader = "file:/etc/mintmark/wecom.url"',
        )
    language = table.get("language", LANGUAGES[0])
    if language not in LANGUAGES:
        raise UsageError(f"{path}: unknown language in [alarms]", f"known: {', '.join(LANGUAGES)}")
    return language, tuple(targets.items())


def _limits(path: Path, table: object) -> AlarmLimits:
    if not isinstance(table, dict):
        return AlarmLimits()  # `_check` complains
    try:
        return alarm_limits.read_limits(table)
    except UsageError as error:
        raise UsageError(f"{path}: {error.message}", *error.hints) from None


def _sender(path: Path, table: Mapping[str, str]) -> tuple[str, str, str]:
    """What is printed for strangers: short, on a line, and without control characters."""
    for key, text in table.items():
        if not _SENDER[key].fullmatch(text) or not text.isprintable() or text != text.strip():
            raise UsageError(
                f"{path}: {key} in [sender] is no {_SENDER_WORDS[key]}",
                'write for example: phone = "021-5555 0123"',
                "or delete the line",
            )
    return table.get("name", ""), table.get("phone", ""), table.get("email", "")


def _path(path: Path, text: str) -> Path:
    if "\0" in text:
        raise UsageError(f"{path}: a path with a NUL character", "write the path anew")
    try:
        return Path(text).expanduser()
    except RuntimeError:
        raise UsageError(f"{path}: no such user in {text!r}", "write the whole path") from None


def _zone(path: Path, name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        raise UsageError(
            f"{path}: unknown time_zone {name!r}", "write for example Asia/Shanghai"
        ) from None
