"""Contacts (印厂责任人): the person at a print shop who gets package and password."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from .errors import UsageError
from .ledger.changes import ContactAdded
from .result import Result
from .station.station import Station

_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,31}", re.ASCII)
NAME_LENGTH = 100


@dataclass(frozen=True)
class ContactShown(Result):
    """A contact."""

    contact: str
    name: str
    channel: str | None

    def lines(self) -> Iterator[str]:
        """A single line."""
        yield f"{self.contact}  {self.name}{f'  {self.channel}' if self.channel else ''}"


@dataclass(frozen=True)
class ContactList(Result):
    """All contacts."""

    reads = True

    contacts: tuple[ContactShown, ...]

    def lines(self) -> Iterator[str]:
        """A line per contact."""
        if not self.contacts:
            yield 'no contacts; add one: mintmark contact add ID --name "…"'
        for contact in self.contacts:
            yield from contact.lines()


def add(station: Station, contact: str, name: str, channel: str | None) -> ContactShown:
    """Add a contact. Raises `UsageError` for a malformed id or name, `Refused` for a taken id."""
    contact = contact.strip().lower()
    if not _ID.fullmatch(contact):
        raise UsageError(
            "a contact's id is 1 to 32 letters, digits and hyphens", "write for example li-print"
        )
    for text in (name, "-" if channel is None else channel):
        if not text.strip() or len(text) > NAME_LENGTH or not text.isprintable():
            raise UsageError(
                f"name and channel are 1 to {NAME_LENGTH} printable characters",
                'write for example --name "Li Wei, Huaxin Printing"',
            )
    station.ledger.commit(station.author, ContactAdded(contact, name.strip(), channel))
    return ContactShown(contact, name.strip(), channel)


def listed(station: Station) -> ContactList:
    """All contacts."""
    with station.ledger.read() as view:
        rows = view.contacts()
    return ContactList(tuple(ContactShown(row.contact, row.name, row.channel) for row in rows))
