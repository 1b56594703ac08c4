"""`init`: a home, and a custodian key outside of it.

A home lies in a folder of this machine, unless stations are to share it: `stations/found.py`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .errors import Refused, UsageError
from .files import home_of, lies_in
from .invocation import Invocation
from .result import Result
from .station import keys
from .station.new_home import STATION, create, refuse_taken
from .station.shared_places import ALONE, SharedPlaces
from .stations.found import Founded, found, go_on, is_begun
from .stations.names import check_name

KEY_NAME = "custodian.key"


@dataclass(frozen=True)
class InitResult(Result):
    """The home that was made, and its keys."""

    home: Path
    home_id: str
    custodian_key: Path | None
    station_key_id: str
    fingerprint_key_id: str
    ledger: str | None = None
    vault: str | None = None
    store: str | None = None

    def lines(self) -> Iterator[str]:
        """The paths, and what to do with the custodian key."""
        yield f"home {self.home_id} made at {self.home}"
        if self.custodian_key is not None:
            yield f"custodian key: {self.custodian_key}"
            yield "  it alone opens the sealed codes, and nobody can replace it: take it off this"
            yield "  machine now, and keep a copy in a second place; for an export, bring the key,"
            yield "  then take it away again"
        yield from self._shared()
        yield 'next: mintmark mint --quantity 10000 --url "HTTPS://Q.EXAMPLE.CN/{code}"'
        yield "  with the address of your scan page before {code}; the QR symbols will hold it"

    def _shared(self) -> Iterator[str]:
        """What stations share, and how another joins."""
        if self.store is not None:
            yield self.store
        if self.ledger is not None and self.vault is not None:
            yield "on another machine, with the same addresses: mintmark station join"
        elif self.ledger is not None:
            yield "its batches lie in the folder of this station: no other can join"
        elif self.vault is not None:
            yield "its books lie in the folder of this station: no other can join"


def init(  # noqa: PLR0913 - a home's makings, by name
    invocation: Invocation,
    custodian_key: Path | None,
    custodian_public_key: Path | None,
    passphrase_file: Path | None,
    places: SharedPlaces = ALONE,
    *,
    name: str = STATION,
) -> InitResult:
    """Make a home at `invocation.home`, and a custodian key unless a public key is given.

    Its books and batches lie in `places`, and the station is called `name`. Raises `UsageError` if
    the custodian key would lie in the home, `Refused` if either exists already. After a failure
    neither exists, unless an init for `places` can be gone on with.
    """
    places.check()
    check_name(name)
    home = invocation.home.absolute()
    if places != ALONE and is_begun(home):
        return _told(home, go_on(invocation, places), places)
    if (other := home_of(home.parent)) is not None:
        raise UsageError(f"the new home would lie in the home {other}", "name another with --home")
    if custodian_public_key is not None:
        if custodian_key is not None:
            raise UsageError(
                "a custodian key is either made or given",
                "leave out --custodian-key, and unset MINTMARK_CUSTODIAN_KEY",
            )
        public = keys.read_custodian_public(custodian_public_key)
        return _make(invocation, public, None, places, name)
    path = (custodian_key or Path(KEY_NAME)).absolute()
    if lies_in(path, home):
        raise UsageError(
            "the custodian key must not lie in the home: a copy of the home would open itself",
            "name another place with --custodian-key, best a removable disk",
        )
    if other := home_of(path):
        raise UsageError(
            f"the custodian key must not lie in a home: a copy of {other} would open itself",
            "name another place with --custodian-key, best a removable disk",
        )
    refuse_taken(home)
    if path.exists():
        raise Refused(
            f"{path} exists already and is not overwritten", "name another place for the key"
        )
    prompt = "a new passphrase for the custodian key"
    passphrase = keys.check_passphrase(invocation.passphrase(passphrase_file, prompt, confirm=True))
    custodian = keys.new_custodian_key(invocation.entropy)
    path.parent.mkdir(parents=True, exist_ok=True)
    keys.write_custodian_key(path, custodian, passphrase, invocation.entropy, keys.INTERACTIVE)
    try:
        return _make(invocation, custodian.public, path, places, name)
    except BaseException:
        if not is_begun(home):
            path.unlink(missing_ok=True)
        raise


def _make(
    invocation: Invocation,
    public: keys.CustodianPublic,
    custodian_key: Path | None,
    places: SharedPlaces,
    name: str,
) -> InitResult:
    home = invocation.home.absolute()
    if places == ALONE:
        made = create(
            home,
            public,
            custodian_key,
            operator=invocation.operator,
            now=invocation.now,
            entropy=invocation.entropy,
            name=name,
        )
        founded = Founded(made, custodian_key, None)
    else:
        founded = found(invocation, public, custodian_key, places, name)
    invocation.tell_open(home / "keys" / "station.key", *([custodian_key] if custodian_key else []))
    return _told(home, founded, places)


def _told(home: Path, founded: Founded, places: SharedPlaces) -> InitResult:
    return InitResult(
        home=home,
        custodian_key=founded.custodian_key,
        ledger=places.ledger,
        vault=places.vault,
        store=founded.store,
        **vars(founded.made),
    )
