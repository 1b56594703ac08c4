"""What a home was founded with: the first two events, which nobody can make up afterwards."""

from typing import NamedTuple

from ..errors import IntegrityError, NotFound
from ..ledger import chain
from ..ledger.changes import HomeMade, KeyAdded
from ..ledger.view import View

_NO_HOME = "the ledger's first events are not those of a home"
_HINT = "see: mintmark audit verify; and whether the address of the ledger is the right one"


class Founding(NamedTuple):
    """The home's id, the id of its fingerprint key, and the hash of its second event, hex."""

    home: str
    fingerprint_key_id: str
    hash: str


def founding(view: View) -> Founding:
    """As the events say it, whose hashes and signatures are checked; the tables are not asked.

    Raises `NotFound` for a ledger without events, `IntegrityError` for other events.
    """
    events = view.events(limit=2)
    if not events:
        raise NotFound("there is no home in this ledger", "make one: mintmark init --ledger URL")
    try:
        first, second = events
        made, added = first.change, second.change
        public = bytes.fromhex(getattr(added, "sign_public", ""))
        chain.check(first, chain.GENESIS, public)
        chain.check(second, first.hash, public)
    except (IntegrityError, ValueError):
        raise IntegrityError(_NO_HOME, _HINT) from None
    founded = isinstance(made, HomeMade) and isinstance(added, KeyAdded)
    if not founded or {first.key_id, second.key_id} != {getattr(added, "key_id", "")}:
        raise IntegrityError(_NO_HOME, _HINT)
    assert isinstance(made, HomeMade)  # noqa: S101 - for the type checker
    return Founding(made.home, made.fingerprint_key_id, second.hash)
