"""A bucket that speaks S3, as a store, through obstore.

What was seen of real servers:

1. `mode="create"` puts the whole of a file into memory: files go up in parts under their fresh key,
   and only small objects are made with it.
2. "It exists already" has three meanings: another's object, one's own after the client silently
   sent it again, or a conflict and no object at all. So what is there is read back.
3. A range that begins at or after the end is an error (416), also of an empty object; a range over
   the end is short without one; a range of no bytes is refused by the client.
4. A missing object and a missing bucket look alike to HEAD, whose answer has no body and so no
   reason: then GET is asked for it.
5. An answer to the last step of an upload in parts that is lost may show as any error: whoever
   called takes another key.
"""

import contextlib
import secrets
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ..away import VaultAway
from ..errors import MintmarkError
from .ahead import in_turn
from .s3_failures import failure, is_an_answer, is_past_the_end, unusable
from .store import Listed, checked, together

if TYPE_CHECKING:
    from obstore.store import S3Config, S3Store

PART = 8_388_608  # bytes; S3 takes 5,242,880 or more, and 10,000 of them
PARTS_AT_ONCE = 4


class S3Patience(NamedTuple):
    """How long is waited, in seconds; a request is sent `again` that often, within `altogether`."""

    connect: float = 5.0
    answer: float = 20.0
    upload: float = 120.0  # of a part: a line of half a megabit is slow, and not away
    again: int = 3
    altogether: float = 30.0


class BucketPlace(NamedTuple):
    """Where a bucket is, and how it is asked; credentials as `credentials` gives them."""

    bucket: str
    prefix: str
    endpoint: str | None
    region: str | None
    virtual_host: bool
    plain_http: bool


class Bucket:
    """The store below a prefix of a bucket: see `store.ObjectStore`."""

    def __init__(
        self,
        place: BucketPlace,
        credentials: dict[str, str],
        patience: S3Patience = S3Patience(),  # noqa: B008 - immutable
    ) -> None:
        self._place = place
        self._store, self._uploads = (
            _open(place, credentials, patience, timeout)
            for timeout in (patience.answer, patience.upload)
        )

    @property
    def address(self) -> str:
        """The bucket and the prefix, as they are written in the settings."""
        return "s3://" + "/".join(filter(None, (self._place.bucket, self._place.prefix)))

    def size(self, key: str) -> int:
        """As `ObjectStore.size`."""
        import obstore

        with self._told(key):
            try:
                return int(obstore.head(self._store, checked(key))["size"])
            except (FileNotFoundError, obstore.exceptions.BaseError) as error:
                if is_an_answer(error):
                    obstore.get_range(self._store, key, start=0, length=1)
                raise

    def read(self, key: str, first: int, size: int) -> bytes:
        """As `ObjectStore.read`."""
        import obstore

        with self._told(checked(key)):
            if size <= 0:
                return b""
            try:
                return bytes(obstore.get_range(self._store, key, start=first, length=size))
            except obstore.exceptions.GenericError as error:
                if is_past_the_end(error):
                    return b""
                raise

    def read_many(self, key: str, firsts: Iterable[int], size: int) -> list[bytes]:
        """As `ObjectStore.read_many`: neighbours in one request, some requests at a time."""
        groups = list(together(list(firsts), size))
        pieces = in_turn(partial(self.read, key), ((first, count) for first, count, _ in groups))
        return [
            piece[wanted - first : wanted - first + size]
            for (first, _, members), piece in zip(groups, pieces, strict=True)
            for wanted in members
        ]

    def put(self, key: str, data: bytes) -> None:
        """As `ObjectStore.put`."""
        import obstore

        with self._told(checked(key)):
            try:
                obstore.put(self._uploads, key, data, mode="create", use_multipart=False)
            except obstore.exceptions.AlreadyExistsError:
                self._compare(key, data)

    def put_file(self, key: str, path: Path) -> None:
        """As `ObjectStore.put_file`. After an error the object may be there all the same."""
        self._put_parts(key, path)

    def put_blocks(self, key: str, blocks: Iterable[bytes]) -> None:
        """As `ObjectStore.put_blocks`. After an error the object may be there all the same."""
        self._put_parts(key, blocks)

    def _put_parts(self, key: str, source: "Path | Iterable[bytes]") -> None:
        import obstore

        with self._told(checked(key)):
            try:
                obstore.put(
                    self._uploads, key, source, chunk_size=PART, max_concurrency=PARTS_AT_ONCE
                )
            except FileNotFoundError as error:
                raise self._unknown(key, error) from None

    def list(self, prefix: str) -> Iterator[Listed]:
        """As `ObjectStore.list`."""
        import obstore

        with self._told(prefix):
            for page in obstore.list(self._store, checked(prefix) if prefix else None):
                for found in page:
                    yield Listed(found["path"], found["size"], found["last_modified"])

    def delete(self, key: str) -> None:
        """As `ObjectStore.delete`."""
        import obstore

        with self._told(checked(key)), contextlib.suppress(FileNotFoundError):
            obstore.delete(self._store, key)

    def clock(self) -> datetime:
        """As `ObjectStore.clock`: what a new object is stamped with."""
        import obstore

        key = f"probe/clock/{secrets.token_hex(16)}"
        with self._told(key):
            obstore.put(self._uploads, key, b"clock", use_multipart=False)
            try:
                return obstore.head(self._store, key)["last_modified"]
            finally:
                with contextlib.suppress(Exception):  # an orphan of a few bytes
                    obstore.delete(self._store, key)

    def _compare(self, key: str, data: bytes) -> None:
        """Whether what is there is what was to be written: what was seen, 2."""
        try:
            there = self.read(key, 0, len(data) + 1)
        except FileNotFoundError as error:
            raise self._unknown(key, error) from None
        if there != data:
            raise FileExistsError(17, "holds other bytes", key)

    def _unknown(self, key: str, error: Exception) -> Exception:
        told = failure(error, key, self._place.bucket)
        if not isinstance(told, FileNotFoundError):
            return told
        return VaultAway("the store contradicts itself about an object", "repeat the command")

    @contextlib.contextmanager
    def _told(self, key: str) -> Iterator[None]:
        """Errors of obstore in our words; what is missing is a plain `FileNotFoundError`."""
        import obstore

        try:
            yield
        except (MintmarkError, FileExistsError):
            raise
        except (obstore.exceptions.BaseError, FileNotFoundError) as error:
            # The text of obstore's errors has requests in it: none of it is passed on.
            raise failure(error, key, self._place.bucket) from None


def _open(
    place: BucketPlace, credentials: dict[str, str], patience: S3Patience, timeout: float
) -> "S3Store":
    from obstore.exceptions import BaseError
    from obstore.store import S3Store

    config: S3Config = {
        "virtual_hosted_style_request": place.virtual_host,
        "disable_bulk_delete": True,  # Aliyun's has none
        "disable_tagging": True,
        **credentials,  # type: ignore[typeddict-item] # its words are those of obstore
    }
    if place.endpoint:
        # Both: the second would be taken from the environment, and wins.
        config["endpoint"] = config["aws_endpoint_url_s3"] = place.endpoint
    if place.region:
        config["region"] = place.region
    try:
        return S3Store(
            place.bucket,
            prefix=place.prefix or None,
            config=config,
            client_options={
                "allow_http": place.plain_http,
                "connect_timeout": timedelta(seconds=patience.connect),
                "timeout": timedelta(seconds=timeout),
            },
            retry_config={
                "max_retries": patience.again,
                "retry_timeout": timedelta(seconds=patience.altogether),
                "backoff": {
                    "init_backoff": timedelta(milliseconds=100),
                    "max_backoff": timedelta(seconds=2),
                    "base": 2,
                },
            },
        )
    except (BaseError, ValueError):
        raise unusable() from None
