"""The commands of docs/stations.md, run in order, on PostgreSQL servers of their own.

A shared folder stands for the bucket. Names, addresses and folders are replaced by those of the
test; everything else is run as it is written.
"""

import re
import shlex
import tomllib
from pathlib import Path

import postgres_kit
import psycopg
import pytest
import yaml

DOCS = Path(__file__).resolve().parents[1] / "docs"
TEXT = (DOCS / "stations.md").read_text("utf-8")
CHINESE = (DOCS / "stations.zh-CN.md").read_text("utf-8")
COMPOSE = (DOCS / "examples" / "compose.yaml").read_text("utf-8")
URL = re.compile(r"postgresql://(\w+)@([\w.,-]+)/(\w+)(?:\?(\S+))?")
# (section, command) → its exit code the first time, if it is not 0.
EXITS = {("A restore, as a drill", "doctor"): 5}
PASS = "--passphrase-file pass.txt"


def blocks(text):
    """(heading, language, lines) of every fenced block."""
    for part in re.split(r"^##+ ", text, flags=re.MULTILINE)[1:]:
        for language, block in re.findall(r"^```(\w+)\n(.*?)^```", part, re.MULTILINE | re.DOTALL):
            yield part.splitlines()[0], language, block.splitlines()


SECTIONS = {}
for _heading, *_block in blocks(TEXT):
    SECTIONS.setdefault(_heading, []).append(_block)


class Desk:
    """The machines of the document: a folder for each station, and the database's."""

    def __init__(self, root, processes, cluster):
        self.root, self.processes, self.cluster = root, processes, cluster
        self.hosts, self.exits = {"db": cluster.folder, "db1": cluster.folder}, dict(EXITS)
        self.at, self.words, self.key = "", "", ""
        self.folders = {
            "/backup": cluster.folder / "backup",
            "/srv/postgresql/main": cluster.folder / "data",
            "/srv/postgresql/restored": cluster.folder / "restored",
        }
        (root / "store").mkdir()
        (root / "pass.txt").write_text("nine words are better than one\n", "utf-8")

    def follow(self, heading):
        """Run every block of a section, in order; what its commands said."""
        told = []
        for language, lines in SECTIONS[heading]:
            if language == "sh":
                told += [self.run(heading, line) for line in lines]
            elif language == "sql":
                for statement in filter(str.strip, "\n".join(lines).split(";")):
                    self.cluster.execute(statement)
            elif language == "toml":
                self.settings(tomllib.loads("\n".join(lines))["ledger"]["url"])
        return "".join(told)

    def run(self, heading, line):
        """Run a line of a shell, at the machine that is named last."""
        if line.startswith("# on "):
            self.at = line.removeprefix("# on ")
            return ""
        if line.startswith("mintmark "):
            return self.mintmark(heading, [self.named(word) for word in shlex.split(line)[1:]])
        for name, folder in self.folders.items():
            line = line.replace(name, str(folder))
        origin = f"host={self.cluster.folder} user={self.cluster.role}"
        self.cluster.run(*shlex.split(line.replace("host=db.example.com user=postgres", origin)))
        return ""

    def mintmark(self, heading, words):
        more = {"init": PASS, "admit": f'--words "{self.words}"'}
        command = " ".join(words[:2])
        for name in {*words[:2]} & more.keys():
            words = [*words, *shlex.split(more[name])]
        code, out, err = self.processes(words, self.root, {"MINTMARK_HOME": self.at})
        wanted = self.exits.pop((heading, words[0]), 0)
        assert code == wanted, f"{heading}: mintmark {' '.join(words)}\n{out}{err}"
        if command == "station join":
            (self.key,) = set(re.findall(r"MMST1-\w+", out))
            self.words = re.search(r"(?:[a-z]+ ){7}[a-z]+$", out, re.MULTILINE)[0]
        if command == "ledger grants":
            with psycopg.connect(self.address("mintmark_owner", "db", "mintmark")) as connection:
                connection.execute(out)
        return out

    def named(self, word):
        """A word with the test's own names for the document's."""
        word = word.replace("MMST1-STATION-KEY", self.key)
        word = word.replace("s3://brand-codes/mintmark", (self.root / "store").as_uri())
        return URL.sub(lambda found: self.address(*found.groups()), word)

    def address(self, role, hosts, name, options=None):
        folders = ",".join(str(self.hosts[host.partition(".")[0]]) for host in hosts.split(","))
        return f"postgresql://{role}@/{name}?host={folders}" + (f"&{options}" if options else "")

    def settings(self, url):
        """Name this address in the settings of the station at which the last command was."""
        path = self.root / self.at / "mintmark.toml"
        text = path.read_text("utf-8")
        line = re.compile(r'^url = "postgresql:.*"$', re.MULTILINE)
        changed = line.sub(f'url = "{self.named(url)}"', text)
        assert changed != text
        path.write_text(changed, "utf-8")


def configured(cluster):
    """What the document has in postgresql.conf; the standby comes later."""
    ((_, lines),) = [block for block in SECTIONS["The database"] if block[0] == "ini"]
    backup = str(cluster.folder / "backup")
    return [
        line.replace("/backup", backup)
        for line in lines
        if not line.startswith("synchronous_standby_names")
    ]


@pytest.fixture
def desk(tmp_path, processes):
    cluster = postgres_kit.Cluster()
    try:
        cluster.run("mkdir", "-p", str(cluster.folder / "backup" / "wal"))
        cluster.restart(*configured(cluster))
        yield Desk(tmp_path, processes, cluster)
    finally:
        for name in ("data", "restored"):
            if (cluster.folder / name / "postmaster.pid").exists():
                cluster.run("pg_ctl", "-D", str(cluster.folder / name), "-m", "immediate", "stop")
        cluster.stop()


def founded(desk):
    desk.follow("The database")
    desk.follow("The first station")
    return desk


def test_stations_join_and_a_backup_brings_everything_back(desk):
    told = founded(desk).follow("Another station")
    assert "wuhan" in told
    desk.follow("Backups")
    desk.at = "wuxi"
    desk.mintmark("", ["mint", "--quantity", "500", "--ref", "after-the-backup"])
    told = desk.follow("A restore, as a drill")
    assert "came back without what was booked last" in told
    assert "unbroken" in told
    assert "up to date" in desk.follow("An upgrade")
    assert "retired" in desk.follow("A station goes, or is lost")
    desk.at = "wuhan"
    code, _, err = desk.processes(["doctor"], desk.root, {"MINTMARK_HOME": desk.at})
    assert code == 3
    assert "was retired" in err


def test_a_failover_loses_nothing(desk):
    founded(desk)
    standby = postgres_kit.Standby(desk.cluster)
    try:
        desk.hosts["db2"] = standby.folder
        desk.folders["/srv/postgresql/standby"] = standby.folder / "data"
        told = desk.follow("A failover")
        assert "unbroken" in told
        assert "came back" not in told
    finally:
        standby.stop()


def test_a_home_moves_there_and_back(desk):
    desk.cluster.execute("CREATE ROLE mintmark_owner LOGIN")
    desk.cluster.execute("CREATE DATABASE moved OWNER mintmark_owner")
    desk.at = "single"
    desk.mintmark("", ["init", "--custodian-key", "single.key"])
    desk.mintmark("", ["mint", "--quantity", "100"])
    told = desk.follow("Moving there, and back")
    assert len(re.findall("unbroken, signed", told)) == 2
    assert len(re.findall("^the ledger moved to", told, re.MULTILINE)) == 2


def test_every_section_with_commands_is_run():
    run = {"The database", "The first station", "Another station", "Backups", "An upgrade"}
    run |= {"A restore, as a drill", "A failover", "A station goes, or is lost"}
    run |= {"Moving there, and back"}
    shells = {heading for heading, parts in SECTIONS.items() if any(p[0] == "sh" for p in parts)}
    assert shells | {"The database"} == run


def test_both_languages_show_the_same_commands():
    def told(text):
        found = [(language, lines) for _, language, lines in blocks(text)]
        return [
            (language, [re.sub(r"\s*#(?! on).*", "", line) for line in lines])
            for language, lines in found
        ]

    assert told(TEXT) == told(CHINESE)
    assert len(told(TEXT)) > 15


def test_the_example_fits_the_document():
    services = yaml.safe_load(COMPOSE)["services"]
    images = {name: service["image"] for name, service in services.items()}
    assert all(re.search(r":(?!latest$)[\w.-]*\d", image) for image in images.values())
    ports = [port for service in services.values() for port in service.get("ports", [])]
    assert all(port.startswith("127.0.0.1:") for port in ports)
    owner, name = (services["db"]["environment"][key] for key in ("POSTGRES_USER", "POSTGRES_DB"))
    assert f"postgresql://{owner}@127.0.0.1:5432/{name} " in COMPOSE
    assert f"postgresql://{owner}@db.example.com/{name} " in TEXT
    bucket = re.search(r"s3://([\w-]+)/", TEXT)[1]
    assert f"here/{bucket}" in services["bucket"]["command"][0]
    assert "examples/compose.yaml" in CHINESE
