"""The keys of a home that have names: its lines', and those of platforms that scan."""

from pathlib import Path

from .. import ids
from ..errors import IntegrityError, NotFound
from ..files import file_version
from .keys import FOLDERS, LINE_NAME, SigningKey, read_signing_key


class NamedKeys:
    """Reads them from `home`, each again when its file has changed."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._known: dict[tuple[str, str], tuple[tuple[int, ...], SigningKey]] = {}

    def file(self, kind: str, name: str) -> Path:
        """Where the key of a line or platform lies, or would lie."""
        return self._home / "keys" / FOLDERS[kind] / f"{name}.key"

    def get(self, kind: str, name: str) -> SigningKey:
        """The key. Raises `NotFound`, or `IntegrityError` for a file that is another's."""
        if not LINE_NAME.fullmatch(name):
            raise NotFound(f"no {kind} {ids.shown(name)} here", "see: mintmark key list")
        version = file_version(self.file(kind, name))
        if version is None:
            raise _unknown(kind, name)
        if self._known.get((kind, name), (None,))[0] != version:
            self._known[kind, name] = version, self._read(kind, name)
        return self._known[kind, name][1]

    def lines_here(self) -> tuple[str, ...]:
        """What to do without the key of a line: of those that share a home each has some here."""
        names = sorted(path.stem for path in self.file("line", "x").parent.glob("*.key"))
        here = [f"--line {name}" for name in names if LINE_NAME.fullmatch(name)]
        own = "make one of this station's, with a name of its own: mintmark key new line-3"
        return (f"name a line whose key is here: {' or '.join(here)}", own) if here else (own,)

    def _read(self, kind: str, name: str) -> SigningKey:
        key = read_signing_key(self.file(kind, name))
        if (key.kind, key.name) != (kind, name):
            named = f"{key.kind[:16]} {key.name[:32]}"
            whose = named if key.kind in FOLDERS else "the station"
            raise IntegrityError(
                f"keys/{FOLDERS[kind]}/{name}.key is the key of {whose}, not of {kind} {name}",
                "give the key files their own names back",
            )
        return key


def _unknown(kind: str, name: str) -> NotFound:
    """The error for a line or platform without a key: codes may be of digits alone."""
    said = ids.shown(name, name=True)
    if said != repr(name):
        return NotFound(f"no {kind} {said} here", "see: mintmark key list")
    how = "mintmark key new" + (" --platform" if kind == "platform" else "")
    return NotFound(f"no {kind} {name} here", f"make its key: {how} {name}")
