"""Which store an address means, with whose credentials, and which home it belongs to.

Credentials come from the environment (AWS_ACCESS_KEY_ID and the like), else from the file that the
settings name or the user's own (`~/.aws/credentials`), else from where the platform keeps them.
They are in no argument, message or log.
"""

import configparser
import ipaddress
import json
import os
import re
from pathlib import Path
from urllib.parse import SplitResult, urlsplit
from urllib.request import url2pathname

from ..away import VaultAway
from ..errors import EnvironmentFailure, IntegrityError, Refused, UsageError
from .shared_folder import SharedFolder
from .store import ObjectStore, checked

HOME_KEY = "home.json"
HOME_BYTES = 4_096
SCHEMES = ("s3", "file")
_HINT = "write for example s3://bucket/prefix, or file:///mnt/share/mintmark"
_BUCKET = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]{0,62}", re.ASCII)
_HOME = re.compile(r"[0-9A-Z]{4}-[0-9A-Z]{12}", re.ASCII)
_FILE_BYTES = 65_536
_ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT")
_PLAIN = re.compile(r"[!-~]*", re.ASCII)
_KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
_IN_FILE = ("aws_access_key_id", "aws_secret_access_key", "aws_session_token")


def open_store(
    url: str,
    endpoint: str | None = None,
    region: str | None = None,
    credentials: Path | None = None,
) -> ObjectStore:
    """The store at `url`: `s3://bucket/prefix` or `file:///folder`. Nothing is asked of it yet.

    `credentials`: a file in the form of AWS's. Raises `UsageError` for an address that is none or
    holds credentials, `EnvironmentFailure` without obstore.
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        raise UsageError("the vault's address is no URL", _HINT) from None
    if parts.username is not None or parts.password is not None or parts.query or parts.fragment:
        raise UsageError(
            "the vault's address holds more than a place",
            "give credentials as AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
        )
    if parts.scheme == "file":
        return _folder(parts)
    if parts.scheme != "s3" or not _BUCKET.fullmatch(parts.netloc):
        raise UsageError("the vault's address names no bucket and no folder", _HINT)
    return _bucket(parts, endpoint, region, credentials)


def claim(store: ObjectStore, home: str) -> None:
    """Say in the store that it belongs to `home`. Raises `Refused` if it belongs to another."""
    document = {"format": 1, "home": home}
    try:
        store.put(HOME_KEY, json.dumps(document, sort_keys=True).encode("ascii"))
    except FileExistsError:
        belongs(store, home)
        return
    belongs(store, home)  # a store may tell two at once that each was the first


def belongs(store: ObjectStore, home: str) -> None:
    """Raises `Refused` if the store is another home's, `VaultAway` if it is nobody's."""
    found = home_of(store)
    if found is None:
        raise VaultAway(
            f"no home's batches are at {store.address}",
            "is the share mounted, and the address in [vault] the one that the home was made with?",
        )
    if found != home:
        raise Refused(
            f"{store.address} holds the batches of home {found}",
            "give each home a bucket, prefix or folder of its own",
        )


def home_of(store: ObjectStore) -> str | None:
    """The home that the store belongs to; None if nobody has claimed it."""
    try:
        data = store.read(HOME_KEY, 0, HOME_BYTES)
    except FileNotFoundError:
        return None
    try:
        document = json.loads(data)
        home = document["home"] if document["format"] == 1 else None
    except (ValueError, KeyError, TypeError, RecursionError):
        home = None
    if not isinstance(home, str) or not _HOME.fullmatch(home):
        raise IntegrityError(
            f"{HOME_KEY} at {store.address} names no home", "bring it back from a copy"
        )
    return home


def _folder(parts: SplitResult) -> ObjectStore:
    if parts.netloc not in ("", "localhost") and os.name != "nt":
        raise UsageError(
            "the folder of the vault is named with a server",
            "mount the share, and name the folder: file:///mnt/share/mintmark",
        )
    host = f"//{parts.netloc}" if parts.netloc not in ("", "localhost") else ""
    path = Path(url2pathname(f"{host}{parts.path}"))
    if not path.is_absolute() or "\0" in str(path) or path == Path(path.anchor):
        raise UsageError("the vault's address names no folder", _HINT)
    return SharedFolder(path)


def _bucket(
    parts: SplitResult, endpoint: str | None, region: str | None, credentials: Path | None
) -> ObjectStore:
    try:
        import obstore  # noqa: F401 - whether it is there

        from .s3_store import Bucket, BucketPlace
    except ImportError:
        raise EnvironmentFailure(
            "a vault in a bucket needs obstore, which is not installed",
            'pip install "mintmark[stations]"',
        ) from None
    prefix = parts.path.strip("/")
    if prefix:
        try:
            checked(prefix)
        except IntegrityError:
            raise UsageError(
                "the vault's prefix has other characters than letters, digits, . _ and -", _HINT
            ) from None
    where = endpoint or next(filter(None, map(os.environ.get, _ENDPOINTS)), None)
    host = _endpoint(where) if where else ""
    plain = where is not None and where.lower().startswith("http:")
    if plain and not (_loopback(host) or _yes("AWS_ALLOW_HTTP")):
        raise UsageError(
            "the endpoint of the vault is http: what goes there can be read and changed on the way",
            "write https://, or on a network that is yours alone set AWS_ALLOW_HTTP=true",
        )
    for name, value in (("the region of the vault", region), *_regions()):
        if value and not _PLAIN.fullmatch(value):
            raise UsageError(f"{name} is no region", "write for example eu-central-1")
    named = host.startswith(f"{parts.netloc}.")
    place = BucketPlace(
        parts.netloc,
        prefix,
        where.rstrip("/") if where else None,
        region,
        virtual_host=named or _yes("AWS_VIRTUAL_HOSTED_STYLE_REQUEST"),
        plain_http=plain,
    )
    return Bucket(place, _credentials(credentials))


def _endpoint(text: str) -> str:
    """The host that is named. Raises `UsageError`, which does not repeat what may hold a secret."""
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host, parts = None, urlsplit("")
    plain = parts.username is None and not parts.query and not parts.path.strip("/")
    if parts.scheme.lower() not in ("http", "https") or not host or not plain:
        raise UsageError(
            "the endpoint of the vault is no address of a server",
            "write for example https://s3.example.com",
        )
    return host


def _regions() -> list[tuple[str, str | None]]:
    return [(name, os.environ.get(name)) for name in ("AWS_REGION", "AWS_DEFAULT_REGION")]


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _yes(name: str) -> bool:
    return os.environ.get(name, "").strip().lower() in ("true", "1", "yes", "on")


def _credentials(named: Path | None) -> dict[str, str]:
    """Keyword arguments of obstore's; none where it finds credentials itself."""
    if any(map(os.environ.get, _KEYS)):
        _whole()
        return {}
    if named is not None:
        return _of_file(named)
    own = os.environ.get("AWS_SHARED_CREDENTIALS_FILE")
    usual = Path(own) if own else Path("~/.aws/credentials").expanduser()
    return _of_file(usual) if own or usual.is_file() else {}


def _whole() -> None:
    """Raises `UsageError` for half a pair of keys, or what was copied with more than the key."""
    for name in (*_KEYS, "AWS_SESSION_TOKEN"):
        value = os.environ.get(name, "")
        if (not value and name in _KEYS) or not _PLAIN.fullmatch(value):
            how = "holds a blank, a line's end or another sign" if value else "is missing"
            raise UsageError(
                f"{name} {how}",
                "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, both as they were given out",
            )


def _of_file(path: Path) -> dict[str, str]:
    """The credentials of the profile (AWS_PROFILE, or default) in the file at `path`."""
    profile = os.environ.get("AWS_PROFILE") or "default"
    parser = configparser.RawConfigParser(default_section="\0")
    try:
        with path.open(encoding="utf-8-sig") as file:
            parser.read_string(file.read(_FILE_BYTES))
        values = dict(parser.items(profile))
    except OSError as error:
        raise EnvironmentFailure(
            f"the credentials file {path} cannot be read: {error.strerror}",
            "see credentials_file in [vault] of mintmark.toml",
        ) from None
    except (configparser.Error, UnicodeDecodeError):  # whose texts quote lines of the file
        values = {}
    found = {name.removeprefix("aws_"): values[name] for name in _IN_FILE if values.get(name)}
    found = {name: value.strip().strip("\"'") for name, value in found.items()}
    whole = {"access_key_id", "secret_access_key"} <= found.keys()
    if not whole or not all(map(_PLAIN.fullmatch, found.values())):
        raise UsageError(
            f"the credentials file {path} has no keys for the profile {profile!r}",
            "write a line [default], then aws_access_key_id = … and aws_secret_access_key = …",
        )
    return found
