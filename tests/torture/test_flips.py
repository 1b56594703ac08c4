"""One file is harmed, and every command that reads it says so, or answers as before.

A command may refuse; then its error names what to do. It may answer; then it answers what it
answered before the harm, unless `doctor` or `audit verify` says that the home is not well. No
command ends with exit 1, none shows a code, and what was used once is never used again.
"""

import itertools
import shutil
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest
from torture import harms
from torture.asking import ask, backend, watch
from torture.flip_world import FlipWorld
from torture.scale import SEED, dice, times

pytestmark = [
    # Some of apprise's targets are made with a module that Python 3.11 calls old.
    pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning"),
    pytest.mark.timeout(3_600),  # hundreds of commands, perhaps on a busy machine
]

FLIPS, BACKEND_FLIPS = 2_000, 100
VERIFY = "package verify {archive} --password-file password.txt"
LOCATE = "locate -"
SHOW = "batch show {batch}"
MINT_AGAIN = "mint --quantity 400 --ref plan-7 --url HTTPS://T.EXAMPLE.COM/{{code}}"
ORDER_AGAIN = "activate {batch} --serials 1-100 --set lot=L42 --order reel-1"
MINT = "mint --quantity 5"
EXPORT = (
    "export {batch} --to li --serials 201-205 --out out --password-file new.txt "
    "--passphrase-file pass.txt"
)
ORDER = "activate {batch} --serials 141-145 --order reel-3"
REWRAP = "key rewrap --to {custodian} --passphrase-file pass.txt"
ADMIT = "key admit deputy.key.pub --name Zhao"
READS = (
    "batch list",
    SHOW,
    "contact list",
    "key list",
    "orders list",
    "orders show reel-1",
    "package list",
    "package show {package}",
    "audit show",
    "report daily",
)
SQLITE = "flip of SQLite"  # where something lies
SHOW_SENT = "orders show reel-9"
# The first is sent once more: the backend has it.
EXCHANGE = ("deliver", SHOW_SENT, "reconcile {batch}", "trace --all")
# What was used once: whoever answers, answers the same.
USED = (MINT_AGAIN, ORDER_AGAIN)
FRESH = (MINT, EXPORT)  # their answers hold new ids
DOCTOR = ("doctor",)
SETTLE = ("doctor --repair", "doctor --verbose", "batch list", "audit show")


@dataclass(frozen=True)
class Kind:
    """Files that are alike, the commands that read them, and their share of all flips.

    `edited`: people may write them, so an answer may follow what they say. `says`: words of an
    answer that tells what is missing. `asked`: how many of the commands run after each harm; none
    of them changes what another answers, unless all run. `sqlite`: bits are flipped where something
    lies, and all commands run if doctor noticed nothing. `older`: a world whose answers count: the
    file is a log, and SQLite reads it up to the damage.
    """

    patterns: tuple[str, ...]
    commands: tuple[str, ...]
    share: float
    edited: bool = False
    says: tuple[str, ...] = ()
    world: str = "whole"
    asked: int = 2
    sqlite: bool = False
    older: str = ""

    @property
    def in_home(self):
        """Whether they lie in the home, where mintmark alone writes."""
        return all(pattern.startswith("home/") for pattern in self.patterns)


KINDS = {
    "settings": Kind(("home/mintmark.toml",), (SHOW, *USED, "alarms send"), 0.05, edited=True),
    "signing keys": Kind(
        ("home/keys/station.key", "home/keys/lines/*.key"), ("key list", *USED, ORDER), 0.1
    ),
    "fingerprint key": Kind(("home/keys/fingerprint.key",), (LOCATE, MINT, EXPORT), 0.05),
    "sealed batches": Kind(
        ("home/vault/{batch}.*", "home/vault/{other}.*"),
        (SHOW, LOCATE, ORDER, EXPORT, REWRAP),
        0.15,
    ),
    "prefix filter": Kind(("home/vault/*.sieve",), (LOCATE, MINT), 0.03),
    "marks": Kind(
        ("home/alarms.json", "home/scanned.json", "home/trace.json", "home/hot-folders/*.json"),
        ("report daily", "alarms send", "orders watch"),
        0.1,
        says=("new: told of what happens after", "forgotten"),
    ),
    # A person may name a backend as well, and its address is said.
    "announced backend": Kind(
        ("home/local-backend.json",), (ORDER, "deliver"), 0.02, edited=True, world="announced"
    ),
    "custodian": Kind(
        ("custodian.key", "deputy.key", "deputy.key.pub", "pass.txt"), (ADMIT, EXPORT, REWRAP), 0.08
    ),
    "package": Kind(("out/*.zip", "password.txt"), (VERIFY,), 0.1),
    "papers": Kind(
        ("out/*.txt", "results.jsonl", "drop/done/*"),
        ("orders watch",),
        0.02,
        says=("changed after it was",),
    ),
    "intent before names": Kind(
        ("home/work/*", "home/vault/.*.part"), SETTLE, 0.05, world="noted", asked=len(SETTLE)
    ),
    "intent between names": Kind(
        ("home/work/*", "home/vault/.*.part", "home/vault/{renamed}.*"),
        SETTLE,
        0.05,
        world="renamed",
        asked=len(SETTLE),
    ),
    "ledger": Kind(("home/ledger.db",), ("audit verify", *READS, *USED, ORDER), 0.15, sqlite=True),
    "write-ahead log": Kind(
        ("home/ledger.db-wal",),
        ("audit verify", *READS, *USED),
        0.05,
        world="logged",
        older="whole",
        asked=len(READS) + 3,
    ),
}


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    made = FlipWorld(tmp_path_factory.mktemp("flips"))
    yield made
    shutil.rmtree(made.root)


def answers(world, root, commands):
    """What each command says in the folder `root`: words → `Answer`."""
    found = {}
    for command in commands:
        words = command.format(**world.facts).split()
        stdin = f"{world.facts['code']}\n" if command == LOCATE else ""
        if command == "orders watch":
            found[command] = watch(root, world.codes)
        else:
            found[command] = ask(root, words, world.codes, stdin, ids=command not in FRESH)
    return found


def judge(kind, before, after, older):
    """What became of the harm: told, harmless, older or followed; asserts that it is one of these.

    `older`: the answers of the books without the log; empty if that is no excuse.
    """
    if older and all(answer == older[name] for name, answer in after.items()):
        return "cut off"
    for command in USED:
        if command in after and after[command].text:
            assert after[command] == before[command]
    other = [name for name, answer in after.items() if answer != before[name]]
    if not other:
        return "harmless"
    refused = [name for name in other if after[name].exit not in (0, before[name].exit)]
    refused += [name for name in other if any(words in after[name].text for words in kind.says)]
    if refused or any(name.startswith("doctor") for name in other):
        return "told"
    assert kind.edited, {name: after[name].text for name in other}
    return "followed"


def files_of(world, kind):
    root, names = world.root / kind.world, [text.format(**world.facts) for text in kind.patterns]
    found = [path for name in names for path in sorted(root.glob(name)) if path.is_file()]
    assert found
    return [path.relative_to(root) for path in found]


def blows(kind):
    """Blows by name. Whoever gives a pipe where a person may give one, wants it waited for."""
    return {name: harm for name, harm in harms.BLOWS.items() if name != "pipe" or kind.in_home}


def there(root, name):
    """The file `name` in a copy of the world; that of a hot folder is called after its place."""
    path = root / name
    return path if path.exists() else next(path.parent.glob(f"*{path.suffix}"))


def harmed(world, kind, root, *, name, harm, chance):
    """Copy the world to `root`, harm it; returns words that tell of it."""
    world.copy(kind.world, root)
    files = files_of(world, kind)
    # The only one of its kind is exchanged for a stranger.
    strangers = (Path("home/mintmark.toml"), Path("home/keys/station.key"))
    others = [other for other in files if other != name] or [o for o in strangers if o != name]
    said = harm(there(root, name), chance, there(root, chance.choice(others)))
    return said or "all"


def suffer(world, kind, harms_of, tmp_path):
    """Do each of the harms; returns how many had which end."""
    plain = tmp_path / "world"
    before = untouched(world, kind, kind.world, plain)
    older = untouched(world, kind, kind.older, plain) if kind.older else {}
    ends = Counter()
    for name, label, harm, chance in harms_of:
        said = harmed(world, kind, plain, name=name, harm=harm, chance=chance)
        try:
            after = answers(world, plain, DOCTOR)
            noticed = after["doctor"] != before["doctor"]
            asked = kind.commands if kind.sqlite and not noticed else some(kind, chance)
            end = judge(kind, before, after | answers(world, plain, asked), older)
        except BaseException as error:
            error.add_note(f"{name}: {label}, {said} [seed {SEED}]")
            raise
        ends[f"{end} {said.partition(':')[0]}" if kind.sqlite else end] += 1
        shutil.rmtree(plain)
    return ends


def untouched(world, kind, name, root):
    """What is answered in the world of that name, unharmed."""
    world.copy(name, root)
    found = answers(world, root, (*DOCTOR, *kind.commands))
    shutil.rmtree(root)
    return found


def some(kind, chance):
    """As many of the commands as are asked, in their order."""
    chosen = set(chance.sample(kind.commands, min(kind.asked, len(kind.commands))))
    return [command for command in kind.commands if command in chosen]


def told(ends):
    return ", ".join(f"{end} {count:,}" for end, count in sorted(ends.items()))


@pytest.mark.parametrize("name", KINDS)
def test_a_flipped_bit_is_told_or_changes_nothing(world, tmp_path, figures, name):
    kind, chance = KINDS[name], dice("flips", name)
    files = files_of(world, kind)
    count = times(round(FLIPS * kind.share))
    label = SQLITE if kind.sqlite else "flip"
    flips = [(chance.choice(files), label, harms.FLIPS[label], chance) for _ in range(count)]
    ends = suffer(world, kind, flips, tmp_path)
    figures(f"bits flipped in {name}", count, told(ends))


@pytest.mark.parametrize("name", KINDS)
def test_a_blow_is_told_or_changes_nothing(world, tmp_path, figures, name):
    kind, chance = KINDS[name], dice("blows", name)
    every = list(itertools.product(files_of(world, kind), blows(kind).items()))
    chosen = chance.sample(every, min(len(every), times(len(every))))
    blown = [(file, label, harm, chance) for file, (label, harm) in chosen]
    figures(f"blows to {name}", len(blown), told(suffer(world, kind, blown, tmp_path)))


def test_a_backend_with_a_flipped_bit_applies_no_order_twice(world, tmp_path, figures):
    """It refuses to serve, or what it says of an order is what it said before, or an error.

    A value that can be is believed: it is `reconcile` that compares the backend with the books.
    """
    chance, root, ends = dice("flips", "backend"), tmp_path / "world", Counter()
    _, before = exchanged(world, root, lambda _: None)
    assert _settled(before[SHOW_SENT])
    count = times(BACKEND_FLIPS)
    for _ in range(count):
        said, after = exchanged(world, root, lambda path: harms.FLIPS[SQLITE](path, chance, None))
        other = {name: answer for name, answer in after.items() if answer != before[name]}
        again = SHOW_SENT in other and _settled(other[SHOW_SENT])
        assert not again, f"{said} [seed {SEED}]: {other}"
        ends["refused to serve" if not after else "told" if other else "harmless"] += 1
    figures("bits flipped in the backend's database", count, told(ends))


def _settled(answer):
    """Whether the backend's answer to the order was taken."""
    return '"status": "acknowledged"' in answer.text


def exchanged(world, root, harm):
    """What `harm` said of the backend's database, and what home and backend tell each other then.

    Nothing if the backend does not serve.
    """
    world.copy("sent", root)
    said = harm(root / "scan-backend" / "backend.sqlite3")
    with backend(root) as serves:
        found = answers(world, root, EXCHANGE) if serves else {}
    shutil.rmtree(root)
    return said, found
