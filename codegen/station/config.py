"""`mintmark.toml`: what a person may set in a home, and nothing secret."""

import io
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from ..errors import NotFound, UsageError
from ..files import open_own
from ..ids import SYMBOLS
from ..scans.settings import ReaderSettings, read_tables
from . import alarm_limits
from .alarm_limits import AlarmLimits
from .shared_places import SharedPlaces

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

    @property
    def shared_places(self) -> SharedPlaces:
        """Where books and batches lie, if it is not in the home's own folder."""
        return SharedPlaces(
            self.ledger_url,
            self.vault_url,
            self.vault_endpoint,
            self.vault_region,
            self.vault_credentials,
        )


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
    key, policy = tables.get("custodian", {}).get("key"), tables.get("policy", {})
    return Config(
        home_id=home_table["id"],
        time_zone=_zone(path, home_table.get("time_zone", DEFAULT_ZONE)),
        custodian_key=_path(path, key) if key else None,
        backend_url=backend.get("url"),
        **_shared(path, tables),
        backend_key_id=backend.get("key_id"),
        upload_line=backend.get("upload_line"),
        aggregations=backend.get("aggregations", True),
        alarm_language=language,
        alarm_targets=targets,
        alarm_limits=limits,
        sender=_sender(path, tables.get("sender", {})),
        readers=readers,
        **_files(path, backend),
        receipt_before_activation=policy.get("receipt_before_activation", False),
        freeze_scanned_before=policy.get("freeze_scanned_before", False),
    )


def _files(path: Path, backend: Mapping[str, Any]) -> dict[str, Any]:
    return {field: _path(path, backend[key]) for key, field in _FILES.items() if key in backend}


def _shared(path: Path, tables: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that say where a shared home lies: no address of it holds a password."""
    vault = tables.get("vault", {})
    file = vault.get("credentials_file")
    places = SharedPlaces(
        tables.get("ledger", {}).get("url"),
        vault.get("url"),
        vault.get("endpoint"),
        vault.get("region"),
        None if file is None else _path(path, file),
    )
    try:
        places.check()
    except UsageError as error:
        raise UsageError(f"{path}: {error.message}", *error.hints) from None
    return {
        "ledger_url": places.ledger,
        "vault_url": places.vault,
        "vault_endpoint": places.endpoint,
        "vault_region": places.region,
        "vault_credentials": places.credentials,
        "vault_cache_bytes": vault.get("cache_bytes", CACHE_BYTES),
    }


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
