"""Where stations share a home: the database of its books, the store of its sealed batches.

None of it holds a password: what a person types stands in the process list and in the shell's
history, and settings are copied and sent. Errors name the option or setting, and no address.
"""

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from ..errors import UsageError
from ..ledger.place import LedgerDatabase, database

_EXAMPLE = "write for example s3://mintmark-vault/brand, or file:///mnt/vault"
_SECRETS = ("secret", "password", "token", "access_key", "accesskey", "signature", "credential")


@dataclass(frozen=True)
class SharedPlaces:
    """`ledger` and `vault` are URLs; None: it lies in the home's own folder."""

    ledger: str | None = None
    vault: str | None = None
    endpoint: str | None = None
    region: str | None = None
    credentials: Path | None = None

    def check(self) -> None:
        """Raises `UsageError` for an address that is none, or holds a secret.

        What the store is opened with says the rest: `sealed/stores.py`.
        """
        if self.ledger is not None:
            database(self.ledger)
        if self.vault is not None:
            _refuse_secret("the vault's address", self.vault)
        if self.endpoint is not None:
            _refuse_secret("the address of the vault's server", self.endpoint)
        alone = {"endpoint": self.endpoint, "region": self.region, "credentials": self.credentials}
        if self.vault is None and (named := [name for name, value in alone.items() if value]):
            raise UsageError(
                f"the vault's {named[0]} is given, and no vault", "name the vault, too: --vault URL"
            )

    @property
    def database(self) -> LedgerDatabase | None:
        """The database of the books."""
        return None if self.ledger is None else database(self.ledger)


ALONE = SharedPlaces()  # a home in a folder of its own


def _refuse_secret(what: str, text: str) -> None:
    try:
        url = urlsplit(text)
        names = [name.lower() for name, _ in parse_qsl(url.query, keep_blank_values=True)]
    except ValueError:
        raise UsageError(f"{what} is no URL", _EXAMPLE) from None
    # A part of a name: X-Amz-Signature, aws_secret_access_key.
    told = any(part in name.replace("-", "_") for name in names for part in _SECRETS)
    if "@" in url.netloc or told:
        raise UsageError(
            f"{what} holds credentials, which others would read in the process list",
            "leave them out: put them into AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or into a"
            " file: credentials_file in [vault]",
        )
