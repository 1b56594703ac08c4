"""docs/cli.md, made from the contract and the program's own help.

python tests/contract_document.py --write
"""

import sys
from pathlib import Path

import typer
from contract import EXIT_CODES, ROWS
from contract_shapes import SHAPES

from mintmark import cli

DOCUMENT = Path(__file__).resolve().parents[1] / "docs" / "cli.md"
REGENERATE = "python tests/contract_document.py --write"
# Alike but for their rules.
ORDERS = ("activate", "freeze", "unfreeze", "revoke", "void", "unvoid", "assign")

_TOP = f"""\
<!-- Made by: {REGENERATE} -->
# The command line

A contract: scripts on production lines depend on it. Names, options, exit codes and JSON keys
are added to, and not changed. Every line of the tables below is a test.

- Every command takes `--home DIR`, `--operator NAME`, `--json` and `--verbose`, before it or
  after it.
- With `--json` stdout holds one JSON object in ASCII and nothing else. On a failure it stays
  empty, and stderr holds `{{"error": …, "hint": …, "exit": …}}` with further details beside
  them. `locate -` prints one object a line, one for each code.
- For people a failure is one line `error: …`, then lines `hint: …` that name what to do next.
  Progress and warnings go to stderr as well. `NO_COLOR` is honoured.
- Secrets never stand in arguments: they are read from a file, or asked for at the terminal.
  Where stdin is no terminal, nothing is asked.
- A failure changes nothing: not a file, not the standing of a code. Two events tell of a failed
  export in the audit chain: that a custodian's key was refused, or that a package was begun and
  abandoned.
- Some results come with another code than 0: an order or a delivery that the backend has not
  acknowledged (75) or has refused (6), for the order is booked here; and what `doctor` found (5).

Serials, wherever they are asked for: `A-B` (both included), `A-`, `A`, a comma list of these,
`@FILE` (one a line, or comma lists; `#` begins a comment), `all`. `export` knows `next:N`, the
first N still sealed. In JSON they are always pairs: `[[first, last], …]`.

In the tables of JSON keys an `id` is `XXXX-XXXXXXXX`, a `key id` 16 hex digits, a `time` RFC 3339
in UTC, a `count` a whole number; `attributes` is an object of plain values.

The scan backend's address is `MINTMARK_BACKEND_URL`, or `url` under `[backend]` in the home's
`mintmark.toml`, or the reference backend that serves this home right now. Without one, orders
are booked and queued.

## Exit codes

| code | meaning |
| --- | --- |
"""


def commands():
    """Every mounted command by name."""
    found = {}
    for name, command in typer.main.get_command(cli.app).commands.items():
        inner = getattr(command, "commands", None)
        found.update({f"{name} {n}": c for n, c in inner.items()} if inner else {name: command})
    return found


def texts(command):
    """What its help says, and its example."""
    says, _, example = command.help.replace("\b", "").partition("Example:")
    return " ".join(says.split()), "\n".join(line.strip() for line in example.strip().splitlines())


def document():
    """The text of docs/cli.md."""
    codes = "".join(f"| {code} | {meaning} |\n" for code, meaning in EXIT_CODES.items())
    common = set(cli.GLOBALS) | {"help"}
    parts = [_section(name, command, common) for name, command in commands().items()]
    return _TOP + codes + "".join(parts)


def _section(name, command, common):
    says, example = texts(command)
    own = [param for param in command.params if param.name not in common]
    usage = " ".join([f"mintmark {name}", *(p.metavar for p in own if _is_argument(p))])
    lines = [f"\n## {name}\n", f"`{usage} [OPTIONS]`", "", says, "", "```sh", example, "```", ""]
    if name in ORDERS[1:]:
        lines += [f"Options and JSON: as of [{ORDERS[0]}](#{ORDERS[0]}).", ""]
    else:
        options = [_option(param) for param in own if not _is_argument(param)]
        if options:
            lines += ["| option | |", "| --- | --- |", *options, ""]
        lines += ["With `--json`:", "", "```text", *_shape(SHAPES.get(name, {})), "```", ""]
    rows = sorted((row for row in ROWS if row.command == name), key=lambda row: row.exit)
    lines += ["| exit | when |", "| --- | --- |"]
    for code in dict.fromkeys(row.exit for row in rows):
        lines.append(f"| {code} | {_merged(row.says for row in rows if row.exit == code)} |")
    return "\n".join(lines) + "\n"


def _merged(phrases):
    """The phrases as one: `a byte in A`, `a byte in B` become `a byte in A, B`."""
    found = {}
    for phrase in phrases:
        head, middle, tail = phrase.partition(" in ")
        found.setdefault(head + middle, []).append(tail)
    return "; ".join(head + ", ".join(dict.fromkeys(tails)) for head, tails in found.items())


def _is_argument(param):
    return not param.opts[0].startswith("-")


def _option(param):
    kind = str(param.type_descriptor.annotation)
    word = "" if param.is_flag else f" {param.metavar or ('N' if 'int' in kind else 'TEXT')}"
    notes = [param.help]
    if param.required:
        notes.append("Required.")
    elif param.default not in (None, False):
        notes.append(f"Default: {param.default}.")
    if param.envvar:
        notes.append(f"Or `{param.envvar}`.")
    return f"| `{param.opts[0]}{word}` | {' '.join(notes)} |"


def _shape(shape, indent=""):
    """The keys and kinds of a shape, as lines."""
    if isinstance(shape, str):
        kind = shape.removesuffix("?")
        return [f"{indent}{kind}" + (" or null" if kind != shape else "")]
    if isinstance(shape, list):
        inner = _shape(shape[0], indent)
        inner[0] = f"{indent}[{inner[0].strip()}"
        return [*inner[:-1], f"{inner[-1]}, …]"]
    lines = [f"{indent}{{"]
    for key, kind in shape.items():
        first, *rest = _shape(kind, f"{indent}  ")
        lines += [f"{indent}  {key}: {first.strip()}", *rest]
    return [*lines, f"{indent}}}"]


if __name__ == "__main__":
    if sys.argv[1:] != ["--write"]:
        raise SystemExit(f"usage: {REGENERATE}")
    DOCUMENT.write_text(document(), "utf-8", newline="\n")
