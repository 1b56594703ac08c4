"""The queue of a station with what it takes to write and to read it: keys, clock, operator."""

from collections.abc import Iterator
from functools import cached_property

from ...codegen.away import OutOfReach
from ...codegen.errors import IntegrityError, NotFound
from ...codegen.secret import Secret
from ...codegen.station import keys
from ...codegen.station.station import DEFAULT_LINE, Station
from .intent import Intent, NoIntent, WrittenOrder, decode, encode, mark_of, queue_key
from .queue import AwayQueue, Missing
from .refused import RefusedIntents

NONCE_BYTES = 12


class Keeper:
    """Writes and reads intents of `station`."""

    def __init__(self, station: Station) -> None:
        self.station = station
        self.failpoint = station.failpoint
        self.queue = AwayQueue(station.home, station.failpoint)
        self.refused = RefusedIntents(self.queue.folder)

    @cached_property
    def _key(self) -> Secret:
        path = self.station.home / "keys" / "station.key"
        return queue_key(Secret(keys.read_signing_key(path).private.private_bytes_raw()))

    def mark(self, order: str) -> str:
        """What finds an order by its id."""
        return mark_of(self._key, order)

    def append(self, written: WrittenOrder) -> int:
        """Write the order down, signed by its line; its number in the queue.

        Raises `NotFound` without the line's key, `EnvironmentFailure` if no more may wait.
        """
        station = self.station
        line = station.line(written.fields.get("line") or DEFAULT_LINE)

        def make(number: int, previous: str) -> bytes:
            intent = Intent(
                number, previous, station.now(), line.name, line.key_id, station.actor, written
            )
            nonce = station.entropy(NONCE_BYTES)
            return encode(intent, station.config.home_id, self._key, nonce, line.sign)

        return self.queue.append(self.mark(written.order), make)

    def decode(self, data: bytes) -> Intent:
        """The intent of a file. Raises `NoIntent`; `OutOfReach` if only the roster has its key."""
        return decode(data, self.station.config.home_id, self._key, self._public)

    def _public(self, line: str, key_id: str) -> bytes:
        """The public key of a line, from its file, or from the roster if it has another now."""
        try:
            key = self.station.line(line)
            if key.key_id == key_id:
                return key.public
        except (NotFound, IntegrityError):
            pass
        with self.station.ledger.read() as view:
            for row in view.roster("line"):
                if row.key_id == key_id:
                    return bytes.fromhex(row.sign_public)
        raise NoIntent

    def damaged(self) -> Iterator[int]:
        """The numbers of waiting intents that cannot be read, or are not in their place."""
        note = self.queue.note()
        before = note.done_hash
        for number in range(note.done + 1, note.written + 1):
            intent = self.at(number)
            at_end = number < note.written or not note.last
            whole = intent is not None and (at_end or intent.hash == note.last)
            if intent is None or not whole or before not in ("", intent.previous):
                yield number
            before = intent.hash if intent is not None else ""

    def find(self, order: str) -> Intent | None:
        """The order that waits under that id; None if none does, or it cannot be read."""
        for number in self.queue.marked(self.mark(order)):
            if (intent := self.at(number)) is not None:
                return intent
        return None

    def at(self, number: int) -> Intent | None:
        """The intent of that number, as far as it can be read by itself."""
        try:
            data, mark = self.queue.read(number)
            intent = self.decode(data)
        except (NoIntent, Missing, OutOfReach):
            return None
        whole = intent.number == number and self.mark(intent.written.order) == mark
        return intent if whole else None
