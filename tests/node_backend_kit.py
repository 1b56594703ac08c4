"""The backend in one file of docs/snippets, as a process, with the keys that it knows."""

import os
import re
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from node_kit import NODE

from mintmark.activation.conformance.check import CheckRequest, run
from mintmark.codegen.invocation import Invocation
from mintmark.codegen.secret import Secret
from mintmark.codegen.station import keys

SNIPPET = Path(__file__).parents[1] / "docs" / "snippets" / "backend.mjs"
NARROW = (
    'actions = ["freeze", "dissociate"]\nbatches = ["*-narrow"]\n'
    "layers = []  # none\nupload = false\n"
)
PLATFORM = 'parties = ["guide", "dealer"]\nactions = ["scan_in"]\nbatches = ["*-narrow"]\n'
BOUND = 'actions = ["assign", "scan_in"]\nbatches = ["*-narrow"]\nattributes = {dealer = "D7"}\n'


@dataclass(frozen=True)
class Folder:
    """The keys of a backend, and of those that it knows; and the backend's data."""

    path: Path

    def key(self, name):
        return self.path / f"{name}.key"

    def line(self, name, kind="line"):
        key = keys.new_signing_key("line", name, os.urandom)
        keys.write_signing_key(self.key(name), key)
        return (
            f'[[{kind}]]\nname = "{name}"\nkey_id = "{key.key_id}"\n'
            f'algorithm = "ed25519"\npublic_key = "{key.public.hex()}"\n'
        )

    def check(self, url, **options):
        request = CheckRequest(self.key("fingerprint"), **options)
        return run(Invocation(self.path / "none"), url, request)


def new_folder(path):
    """With keys of the backend, of a line, and of three who may do little."""
    made = Folder(path)
    keys.write_fingerprint_key(made.key("fingerprint"), Secret(os.urandom(32)))
    text = f"# Who may order.\n\n{made.line('line')}{made.line('platform', 'platform')}{PLATFORM}"
    text += f"{made.line('dealer')}{BOUND}{made.line('second')}{NARROW}"
    (path / "lines.toml").write_text(text, "utf-8")
    return made


@contextmanager
def served(folder, *options, program=SNIPPET):
    """The address of the backend, a process of its own; at the end it is killed as it stands."""
    command = [NODE, "--disable-warning=ExperimentalWarning", program, *options, "--port", "0"]
    command += ["--data", folder.path / "scan.db", "--fingerprint-key", folder.key("fingerprint")]
    said = folder.path / "stderr"
    with (
        said.open("ab") as errors,
        subprocess.Popen(
            list(map(str, command)), stdout=subprocess.PIPE, stderr=errors, encoding="utf-8"
        ) as process,
    ):
        try:
            found = re.fullmatch(r"listening on (\S+)\n", process.stdout.readline())
            assert found, said.read_text("utf-8")
            yield found[1]
        finally:
            process.kill()
    # It says nothing of what was sent, and no request failed.
    assert said.read_text("utf-8") == ""
