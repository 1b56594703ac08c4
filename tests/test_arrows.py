"""Which room may import which: the table of docs/architecture.md, held against the imports.

They are read from the syntax trees. import-linter cannot hold them: it does not see
`packaging/`, a namespace package.
"""

import ast
import os
from pathlib import Path

import pytest
import rooms as house

ROOT = Path(__file__).resolve().parents[1]
ROOMS = house.HOUSES
TABLE = house.read()
BY_NAME = {room.name: room for room in TABLE}


def room_of(target):
    """The room of one of our modules, or of a name in it; None for a bare house, or no room."""
    for name in (target, target.rpartition(".")[0]):
        for room in TABLE:
            if room.has(name):
                return room
    return None


# library → where it may be imported at all
CONFINED = {
    "sqlalchemy": ("codegen.ledger", "activation.backend"),
    "alembic": ("codegen.ledger", "activation.backend"),
    "typer": ("cli", "terminal", "failures", "commands"),
    "rich": ("terminal",),
    "fastapi": ("activation.backend",),
    "uvicorn": ("activation.backend", "activation.commands", "activation.demo"),
    "http_message_signatures": ("activation",),
    "apprise": ("activation.monitor",),
    "requests": ("activation.monitor",),  # apprise's own: what it hears
    "psycopg": ("codegen.ledger", "activation.backend"),
    "httpx2": ("activation",),
    "obstore": ("codegen.sealed",),
    "llvmlite": ("codegen.codes",),
    "pyzipper": ("packaging", "activation.demo"),  # where the demo plays the print shop
    "PIL": ("packaging",),
    "barcode": ("packaging",),
    "pikepdf": ("packaging",),
    "segno": ("packaging",),
    "zxingcpp": ("packaging",),
}
DOOR = ("cli", "terminal", "failures")
# Not at the top of the door's modules or commands.py: `--help` would pay for them.
HEAVY = (
    "PIL",
    "alembic",
    "apprise",
    "fastapi",
    "httpx2",
    "http_message_signatures",
    "llvmlite",
    "numpy",
    "obstore",
    "pikepdf",
    "psycopg",
    "pyzipper",
    "segno",
    "sqlalchemy",
    "uvicorn",
)


def within(module, *places):
    """`module` is one of `places`, or lies below one."""
    return any(module == place or module.startswith(f"{place}.") for place in places)


def imports(module, source, *, is_package=False):
    """(line, imported module, absolute?, at the top?) of every import in `source`.

    `from .a import b` yields both `a` and `a.b`: b may be a module or a name in one.
    """
    tree = ast.parse(source)
    lazy = {
        id(inner)
        for outer in ast.walk(tree)
        if isinstance(outer, ast.FunctionDef | ast.AsyncFunctionDef)
        or (isinstance(outer, ast.If) and ast.unparse(outer.test) == "TYPE_CHECKING")
        for inner in ast.walk(outer)
    }
    parts = ["mintmark", *module.split(".")]
    package = parts if is_package else parts[:-1]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name, True, id(node) not in lazy
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
            target = ".".join(filter(None, (base, node.module)))
            for name in (target, *(f"{target}.{alias.name}" for alias in node.names)):
                if not node.level:
                    yield node.lineno, name, True, id(node) not in lazy
                elif name not in ("mintmark", "mintmark.__version__"):
                    own = name.removeprefix("mintmark.")
                    yield node.lineno, own, False, id(node) not in lazy


def own_faults(module, target):
    """Why `module` may not import our module `target`."""
    here, there = room_of(module), room_of(target)
    allowed = here is not None and there is not None and there.name in (here.name, *here.may_import)
    if not allowed and target not in ROOMS:
        yield f"{module} imports {target}"
    for depth, name in enumerate(target.split(".")):
        owner = ".".join(target.split(".")[:depth])
        if name.startswith("_") and not within(module, owner):
            yield f"{target} is private to {owner}"


def foreign_faults(module, target, at_top):
    """Why `module` may not import `target` by its absolute name."""
    library = target.split(".")[0]
    if library in (*ROOMS, *DOOR, "mintmark"):
        yield f"absolute import of {target}: it would be a second copy of the module"
    if library in CONFINED:
        last = module.rsplit(".", 1)[-1].rpartition("_")[2]  # `range_commands` are commands
        if not within(module, *CONFINED[library]) and last not in CONFINED[library]:
            yield f"{library} outside {', '.join(CONFINED[library])}"
    if at_top and library in HEAVY and (module in DOOR or module.endswith("commands")):
        yield f"{library} at the top: --help pays for it"


def is_version(node):
    """`__version__ = …`, which only the root's has."""
    return isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__version__"


def faults(module, source, *, is_package=False):
    """Every broken rule of one module, as `line: why`."""
    body = ast.parse(source).body
    if is_package and [node for node in body[1:] if not is_version(node)]:
        yield "1: an __init__.py holds a docstring only"
    for line, target, absolute, at_top in imports(module, source, is_package=is_package):
        broken = foreign_faults(module, target, at_top) if absolute else own_faults(module, target)
        for why in broken:
            yield f"{line}: {why}"


def modules():
    """(name, path) of every module of the package; the root's own is `__init__`."""
    paths = [*ROOT.glob("*.py"), *(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))]
    for path in paths:
        parts = path.relative_to(ROOT).with_suffix("").parts
        yield ".".join(parts if len(parts) == 1 else filter("__init__".__ne__, parts)), path


def test_the_arrows_hold():
    found = [
        f"{path.relative_to(ROOT)}:{fault}"
        for name, path in modules()
        for fault in faults(name, path.read_text("utf-8"), is_package=path.stem == "__init__")
    ]
    assert not found, "\n".join(found)


def test_every_module_has_one_room_and_every_room_a_module():
    names = {name for name, _ in modules()} - {"__init__", *ROOMS}
    homes = {name: [room.name for room in TABLE if room.has(name)] for name in names}
    assert not {name: found for name, found in homes.items() if len(found) != 1}
    assert {found[0] for found in homes.values()} == set(BY_NAME)
    flat = {f"{room.folder}{name}" for room in TABLE for name in room.modules}
    assert not [path for path in flat if not (ROOT / f"{path.strip('/')}.py").exists()]


def test_no_arrow_leads_upward():
    """A row names only rooms that stand above it in the table, the lower ones first."""
    order = [room.name for room in TABLE]
    for room in TABLE:
        above = [name for name in room.may_import if name not in order[: order.index(room.name)]]
        assert not above, f"{room.name}: {above}"


def test_no_arrow_is_there_for_nothing():
    """A row that allows what nobody needs invites somebody to need it."""
    used = {room.name: set() for room in TABLE}
    for name, path in modules():
        here = room_of(name)
        for _, target, absolute, _ in imports(
            name, path.read_text("utf-8"), is_package=path.stem == "__init__"
        ):
            there = None if absolute else room_of(target)
            if here and there:
                used[here.name].add(there.name)
    spare = {room.name: set(room.may_import) - used[room.name] for room in TABLE}
    assert not {name: arrows for name, arrows in spare.items() if arrows}


def test_no_modules_import_each_other_in_a_circle():
    known = {name for name, _ in modules()}
    graph = {}
    for name, path in modules():
        found = imports(name, path.read_text("utf-8"), is_package=path.stem == "__init__")
        targets = {target for _, target, absolute, _ in found if not absolute}
        graph[name] = {t for t in targets if t in known and "." in t and t != name}
    done = set()

    def walk(name, way):
        assert name not in way, " → ".join((*way[way.index(name) :], name))
        if name not in done:
            for target in sorted(graph[name]):
                walk(target, (*way, name))
            done.add(name)

    for name in sorted(graph):
        walk(name, ())


def test_the_picture_shows_the_table():
    drawn = house.draw(TABLE)
    if os.environ.get("MINTMARK_WRITE_GOLDEN"):
        house.PICTURE.write_text(drawn, "utf-8", newline="\n")
    assert house.PICTURE.read_text("utf-8") == drawn, (
        "the rooms changed; MINTMARK_WRITE_GOLDEN=1 pytest tests/test_arrows.py, and look at it"
    )


@pytest.mark.parametrize(
    ("module", "source", "why"),
    [
        ("codegen.mint", "from ..packaging.package.pack import pack", "imports packaging.package"),
        ("codegen.mint", "from ..activation import commands", "imports activation"),
        ("packaging.package.pack", "from ...activation.client import wire", "imports activation"),
        ("activation.delivery.deliver", "from ...packaging.zip import writer", "imports packaging"),
        ("activation.demo", "from ..cli import app", "imports cli"),
        ("codegen.ranges.tiling", "from ..mint import mint", "imports codegen.mint"),
        ("codegen.ranges.tiling", "from .. import station", "imports codegen.station"),
        ("codegen.codes.generate", "from ..sealed.frames import f", "imports codegen.sealed"),
        ("codegen.sealed.vault", "from ..ledger import changes", "imports codegen.ledger"),
        ("codegen.ledger.chain", "from ..sealed.runs import R", "imports codegen.sealed"),
        ("codegen.sealed.vault", "from ..station import keys", "imports codegen.station"),
        ("codegen.ledger.ledger", "def f():\n from ..mint import m", "imports codegen.mint"),
        (
            "packaging.package.pack",
            "from ...codegen.ledger.changes import P",
            "imports codegen.ledger",
        ),
        (
            "packaging.package.pack",
            "from ...codegen.station.station import S",
            "imports codegen.station",
        ),
        ("__main__", "from .codegen.mint import mint", "imports codegen.mint"),
        ("other", "from .codegen.errors import E", "imports codegen.errors"),
        ("codegen.doctor", "from .ledger._tables import T", "private to codegen.ledger"),
        ("codegen.doctor", "from .ledger import _apply", "private to codegen.ledger"),
        ("codegen.mint", "import codegen.errors", "absolute import of codegen"),
        (
            "packaging.package.pack",
            "from packaging.zip.writer import A",
            "absolute import of packaging",
        ),
        ("codegen.mint", "from mintmark.codegen import errors", "absolute import of mintmark"),
        ("codegen.mint", "import sqlalchemy as sa", "sqlalchemy outside"),
        ("codegen.station.station", "from sqlalchemy.engine import E", "sqlalchemy outside"),
        ("codegen.report", "from rich.table import Table", "rich outside"),
        ("codegen.mint", "import typer", "typer outside"),
        ("codegen.commands", "import numpy as np", "numpy at the top"),
        ("cli", "if True:\n import sqlalchemy", "sqlalchemy at the top"),
    ],
)
def test_each_rule_can_fail(module, source, why):
    assert any(why in fault for fault in faults(module, source))


def test_an_init_file_that_does_more_is_seen():
    source = '"""Room."""\nfrom .mint import mint\n'
    assert list(faults("codegen", source, is_package=True))


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("codegen.ranges.tiling", "from .serials import Range"),
        ("codegen.codes.generate", "from . import draw\nimport numpy as np"),
        ("codegen.ledger.ledger", "import sqlalchemy as sa\nfrom . import _apply, changes"),
        ("codegen.ledger._apply", "from ._tables import RANGES\nfrom ..errors import Refused"),
        ("codegen.station.station", "from ..ledger.ledger import L\nfrom ..sealed.vault import V"),
        ("codegen.commands", "import typer\ndef f():\n import numpy"),
        ("packaging.package.pack", "from ...codegen.workers.pool import Workers\nimport pyzipper"),
        ("packaging.export", "from ..codegen.ledger.changes import Packaged\nfrom . import letter"),
        ("activation.backend.store", "import sqlalchemy\nfrom ...codegen.ranges import tiling"),
        ("__main__", "from .cli import main"),
        ("cli", "import typer\nfrom .packaging.commands import app"),
        ("terminal", "import typer\nimport rich"),
    ],
)
def test_what_is_allowed_passes(module, source):
    assert not list(faults(module, source))
