"""A factory, its scan backend, phones and platforms, all under one clock: for docs/values.md."""

import contextlib
import csv
import importlib.util
import io
import json
import re
import shlex
import shutil
from datetime import datetime
from pathlib import Path
from unittest import mock
from zoneinfo import ZoneInfo

import httpx2
import pyzipper
from line_kit import Backend

from mintmark import cli
from mintmark.activation.backend.senders import FileSenders
from mintmark.codegen import invocation
from mintmark.codegen.station import keys

DOCUMENT = Path(__file__).resolve().parents[1] / "docs" / "values.md"
_SNIPPET = DOCUMENT.parent / "snippets" / "signed_scan.py"
_SPEC = importlib.util.spec_from_file_location(_SNIPPET.stem, _SNIPPET)
signed_scan = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(signed_scan)
BATCH = "K7QM-3T9A2BCD"  # as the document names it
SHANGHAI = ZoneInfo("Asia/Shanghai")


def blocks(text):
    """The lines of each block of commands."""
    found = re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    return [block.splitlines() for block in found]


def sections():
    """The commands of the document by section; those of the beginning under an empty title."""
    found = {}
    english = DOCUMENT.read_text("utf-8").split("\n## 中文")[0]
    for part in re.split(r"^## ", f"\n{english}", flags=re.MULTILINE):
        title, _, text = part.partition("\n")
        found[title] = [line for block in blocks(text) for line in block]
    beginning = next(title for title in found if not title or title.startswith("#"))
    return {"": found.pop(beginning), **found}


class Town:
    """What the sections are typed and scanned in. Times are of Shanghai."""

    def __init__(self, root):
        self.root, self.home = root, root / "home"
        self.now = datetime(2026, 11, 27, 12, tzinfo=SHANGHAI)
        self.batch, self.codes, self.url = BATCH, {}, None
        self._scans = 0

    def at(self, text):
        """Set all clocks."""
        self.now = datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)

    def type(self, line, code=0):
        """Type a command as it is written; its JSON, or what it wrote into a file."""
        words = shlex.split(line.replace(BATCH, self.batch))
        assert words.pop(0) == "mintmark"
        target = None
        if ">" in words:
            words, target = words[:-2], words[-1]
        if words[0] in ("export", "init"):
            words += ["--passphrase-file", "pass.txt"]
        said = self._run([*words] if target else [*words, "--json"], code)
        if target:
            (self.root / target).write_text(said, "utf-8")
            return said
        return json.loads(said) if said else None

    def _run(self, words, code):
        out, err = io.StringIO(), io.StringIO()
        town = self

        class Moment(datetime):
            @classmethod
            def now(cls, tz=None):
                return town.now.astimezone(tz)

        surroundings = {"MINTMARK_HOME": "home"} | (
            {"MINTMARK_BACKEND_URL": self.url} if self.url else {}
        )
        with (
            mock.patch.object(invocation, "datetime", Moment),
            mock.patch.object(keys, "INTERACTIVE", keys.FOR_TESTS_ONLY),
            mock.patch.dict("os.environ", surroundings),
            contextlib.chdir(self.root),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
        ):
            found = cli.run(words)
        assert found == code, f"{words}\n{out.getvalue()}{err.getvalue()}"
        return out.getvalue()

    def begin(self):
        """Type what all sections begin with."""
        (self.root / "pass.txt").write_text("correct horse battery staple\n", "utf-8")
        self.type("mintmark init")
        for line in sections()[""]:
            # Nothing is sent yet: the backend needs the home's keys, and starts after it.
            answer = self.type(line, 75 if "activate" in line else 0)
            if "mint " in line:
                self.batch = answer["batch"]
            if " export " in line:
                archive = answer["archive"]
        with pyzipper.AESZipFile(self.root / archive) as opened:
            opened.setpassword((self.root / "tea.password").read_bytes().strip())
            for name in opened.namelist():
                if name.startswith("data/"):
                    rows = csv.DictReader(io.StringIO(opened.read(name).decode("ascii")))
                    self.codes |= {int(row["serial"]): row["code"] for row in rows}

    @contextlib.contextmanager
    def served(self):
        """The backend beside, and everything booked sent to it."""
        self.type("mintmark key export > lines.toml")
        backend = Backend(
            self.root / "scan",
            self.home,
            unsigned=False,
            senders=lambda: FileSenders(self.root / "lines.toml"),
            names=("127.0.0.1",),
            now=lambda: self.now,
        )
        with backend:
            self.url = backend.url
            self.type("mintmark deliver")
            yield self

    def phone(self, serial, **more):
        """A consumer scans."""
        return self._post("scans", {"code": self.codes[serial], **more})

    def platform(self, name, serial, **more):
        """A platform posts a scan, signed."""
        return self._post("scans", {"code": self.codes[serial], **more}, name)

    def dealer(self, name, scan_in, *serials):
        """A dealer's people scan goods in."""
        body = {"codes": [self.codes[serial] for serial in serials]}
        return self._post(f"scan-ins/{scan_in}", body, name, "PUT")

    def _post(self, path, body, platform=None, method="POST"):
        """Signed as docs/snippets shows, if a platform sends it."""
        self._scans += 1
        if method == "POST":
            body = {"scan_id": f"phone-{self._scans}", **body}
        url, content = f"{self.url}/v1/{path}", json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        if platform is not None:
            made = self.home / "keys" / "platforms" / f"{platform}.key"
            key = signed_scan.read_key(made.read_text("ascii"))
            headers = signed_scan.signed(key, method, url, content, int(self.now.timestamp()))
        answer = httpx2.request(method, url, content=content, headers=headers)
        assert answer.status_code == 200, answer.text
        return answer.json()


def prepared(root):
    """A town that has done what all sections begin with, made at `root`."""
    root.mkdir()
    town = Town(root)
    town.begin()
    return town


def copied(made, root):
    """The same town again, in a folder of its own."""
    shutil.copytree(made.root, root)
    settings = root / "home" / "mintmark.toml"
    text = settings.read_text("utf-8").replace(str(made.root), str(root))
    settings.write_text(text, "utf-8")
    town = Town(root)
    town.batch, town.codes = made.batch, made.codes
    return town
