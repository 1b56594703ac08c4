"""A folder with one of every file that mintmark writes, made by its own commands."""

import contextlib
import functools
import json
import shutil
import sqlite3
from types import SimpleNamespace
from unittest import mock

import children
from contract_worlds import INIT, answering, backend_named, command, keys

from mintmark.activation.client.client import HttpClient
from mintmark.activation.client.connect import ANNOUNCEMENT, connected
from mintmark.activation.intake.hot_folder import HotFolder
from mintmark.activation.intake.taken_files import TakenFiles
from mintmark.codegen.invocation import utc_now
from mintmark.codegen.ranges.serials import Range
from mintmark.codegen.secret import Secret
from mintmark.codegen.station.station import Station

QUANTITY, SMALL, PACKAGED = 400, 20, 200
PHRASE = "correct horse battery staple"


class FlipWorld:
    """Folders below `root`; `facts` are the names their commands need, `codes` what nobody may see.

    whole: nothing is under way. noted: a mint was killed before its files had their names;
    renamed: after the first had. logged: the ledger has a `-wal`. sent: the backend has an order
    of which the books do not know that it arrived. announced: a backend served, and was killed.
    """

    def __init__(self, root):
        self.root = root
        whole = root / "whole"
        whole.mkdir(parents=True)
        weak = mock.patch.object(keys, "INTERACTIVE", keys.FOR_TESTS_ONLY)
        with weak:
            self.facts = _made(whole)
        codes = list(_codes(whole))
        self.codes, self.facts["code"] = frozenset(codes), codes[0]
        for name, point in (("noted", "noted"), ("renamed", "renamed .sealed")):
            self.copy("whole", root / name)
            self.facts[name] = _cut_short(root / name / "home", point)
        _logged(self, root)
        _sent(self, root)
        self.copy("whole", root / "announced")
        announced = json.dumps({"url": "http://127.0.0.1:9"})
        (root / "announced" / "home" / ANNOUNCEMENT).write_text(announced, "ascii")

    def copy(self, name, target):
        """A copy of folder `name`, whose settings name no file of the original."""
        shutil.copytree(self.root / name, target)
        settings = target / "home" / "mintmark.toml"
        text = settings.read_text("utf-8")
        settings.write_text(text.replace(str(self.root / name), str(target)), "utf-8")
        # What was taken from a hot folder is kept under the folder's place.
        for kept in (target / "home" / "hot-folders").glob("*.json"):
            kept.rename(TakenFiles.of(target / "home", target / "drop", lambda: None).path)


def _cut_short(home, point):
    """Kill a mint at `point`; its batch."""
    made = children.start(SimpleNamespace(path=home), quantity=5, die=point)
    assert children.finish(made) is None
    (intent,) = (home / "work").glob("*.json")
    return intent.stem


def _logged(world, root):
    aside = root / "aside"
    world.copy("whole", aside)
    # While somebody reads, nothing is taken over from the log.
    with contextlib.closing(sqlite3.connect(aside / "home" / "ledger.db")) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM events").fetchall()
        command(aside, "void", world.facts["batch"], "--serials", "391-395", "--reason", "damaged")
        world.copy("aside", root / "logged")
    (root / "logged" / "home" / "ledger.db-shm").unlink()
    assert (root / "logged" / "home" / "ledger.db-wal").stat().st_size
    shutil.rmtree(aside)


def _sent(world, root):
    aside, there = root / "aside", root / "sent"
    world.copy("whole", aside)
    command(aside, "activate", world.facts["batch"], "--serials", "151-160", "--order", "reel-9")
    world.copy("aside", there)
    with answering("real", aside) as url, backend_named(url):
        command(aside, "deliver")
    shutil.rmtree(there / "scan-backend")
    shutil.move(aside / "scan-backend", there)
    shutil.rmtree(aside)


def _made(root):
    (root / "pass.txt").write_text(f"{PHRASE}\n", "ascii")
    (root / "orders.csv").write_text("action,batch,serials\nactivate,{batch},121-130\n", "ascii")
    run = functools.partial(command, root)
    run(*INIT.split())
    (root / "drop").mkdir()
    run("contact", "add", "li", "--name", "Li Wei, Huaxin Printing")
    run("key", "new", "line-2")
    run("key", "custodian", "deputy.key", "--passphrase-file", "pass.txt")
    custodian = [row["key_id"] for row in run("key", "list")["keys"] if row["kind"] == "custodian"]
    run("key", "admit", "deputy.key.pub", "--name", "Deputy")
    facts = {"batch": run("mint", "--quantity", str(QUANTITY), "--ref", "plan-7",
                          "--url", "HTTPS://T.EXAMPLE.COM/{code}")["batch"]}  # fmt: skip
    others = [run("mint", "--quantity", str(SMALL))["batch"] for _ in range(9)]
    facts |= {"other": others[0], "custodian": custodian[0]}
    made = run(
        *("export", facts["batch"], "--to", "li", "--serials", f"1-{PACKAGED}", "--out", "out"),
        *("--unit-size", "50", "--password-file", "password.txt", "--passphrase-file", "pass.txt"),
    )
    facts |= {"package": made["package"], "archive": f"out/{made['package']}.zip"}
    run("package", "receipt", facts["package"], "--printed", "1-190", "--spoiled", "191-195")
    _ordered(root, run, facts)
    run("activate", facts["batch"], "--serials", "101-120", "--order", "reel-2")
    return facts


def _ordered(root, run, facts):
    batch = facts["batch"]
    settings = root / "home" / "mintmark.toml"
    with answering("real", root) as url, backend_named(url):
        run("activate", batch, "--serials", "1-100", "--set", "lot=L42", "--order", "reel-1")
        run("freeze", batch, "--serials", "1-5")
        rows = (root / "orders.csv").read_text("ascii").format(batch=batch)
        (root / "orders.csv").write_text(rows, "ascii")
        (root / "drop" / "a.csv").write_text(rows.replace("121-130", "131-140"), "ascii")
        run("orders", "apply", "orders.csv", "--results", "results.jsonl")
        watched(root)
        with HttpClient(url) as phone:
            phone.scan("0" * 16)
        run("trace", "--new")
        run("report", "daily")
    with answering("hook", root) as hook:
        text = settings.read_text("utf-8")
        settings.write_text(text + f'boss = "{hook}"\n', "utf-8")
        run("alarms", "send")
        settings.write_text(text + 'boss = "json://127.0.0.1:9"\n', "utf-8")


def watched(root, looks=3):
    """Watch the hot folder for so many looks, as `orders watch` does; returns what it logged."""
    station = Station(root / "home", operator="torture", now=utc_now)
    waits, logged = [], []
    try:
        HotFolder(
            station=station,
            connect=lambda: connected(station),
            folder=root / "drop",
            wait=waits.append,
            stopped=lambda: len(waits) >= looks,
            log=lambda event, **more: logged.append((event, more)),
        ).run()
    finally:
        station.close()
    return logged


def _codes(root):
    station = Station(root / "home", operator="torture", now=utc_now)
    try:
        key = keys.read_custodian_key(root / "custodian.key", lambda: Secret(PHRASE.encode()))
        with station.ledger.read() as view:
            rows = view.batches()
        for row in rows:
            reader = station.vault.unseal(
                row.batch, station.station_keys, station.wrap_keys, key.public.key_id, key.sealing
            )
            for _, codes in reader.codes(Range(1, row.quantity)):
                yield from (
                    codes[at : at + row.length].decode("ascii")
                    for at in range(0, len(codes), row.length)
                )
    finally:
        station.close()
