"""What a shared home stands on does not answer: the ledger's database, or the vault's store.

Nothing is wrong with the books then. A line goes on against its queue of signed intents, and
whatever needs an answer ends with exit 6, with nothing lost.
"""

from .errors import EnvironmentFailure


class OutOfReach(EnvironmentFailure):
    """The database or the store of a shared home does not answer."""


class LedgerAway(OutOfReach):
    """The ledger's database does not answer; nothing was changed."""


class VaultAway(OutOfReach):
    """The vault's store does not answer; nothing that is booked was changed."""


class CommitUnknown(LedgerAway):
    """The database was lost while it committed: nobody could be asked yet whether it did.

    The same command again, under the same id (order, batch, ref), finds out and doubles nothing.
    """
