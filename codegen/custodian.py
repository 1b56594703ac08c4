"""`key custodian`: a key pair made at the custodian's desk, away from any home.

The station is given the public half alone (`init --custodian-public-key`). The key that opens
the codes is on the machine that minted them only while it exports: `export` needs both in one
place.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .errors import Refused
from .invocation import Invocation
from .result import Result
from .station import keys


@dataclass(frozen=True)
class CustodianMade(Result):
    """A custodian's key, and what to hand to the station."""

    key_id: str
    custodian_key: Path
    public_key: Path

    def lines(self) -> Iterator[str]:
        """What each file is for."""
        yield f"custodian {self.key_id}"
        yield f"  {self.custodian_key}  opens what is sealed; keep a copy in a second place"
        yield f"  {self.public_key}  goes to the mint station"
        yield f"there: mintmark init --custodian-public-key {self.public_key.name}"
        yield "for an export, bring the key to the station, then take it away again"


def custodian(invocation: Invocation, path: Path, passphrase_file: Path | None) -> CustodianMade:
    """Make a custodian key at `path`, and its public half beside it with `.pub` added.

    Raises `Refused` if either exists, `UsageError` without a passphrase. After a
    failure neither exists.
    """
    path = path.absolute()
    public = path.with_name(f"{path.name}.pub")
    for file in (path, public):
        if file.exists():
            raise Refused(
                f"{file} exists already and is not overwritten", "name another place for the key"
            )
    prompt = "a new passphrase for the custodian key"
    passphrase = keys.check_passphrase(invocation.passphrase(passphrase_file, prompt, confirm=True))
    made = keys.new_custodian_key(invocation.entropy)
    path.parent.mkdir(parents=True, exist_ok=True)
    keys.write_custodian_key(path, made, passphrase, invocation.entropy, keys.INTERACTIVE)
    try:
        keys.write_custodian_public(public, made.public)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    invocation.tell_open(path)
    return CustodianMade(made.public.key_id, path, public)
