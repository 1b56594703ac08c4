"""Makes docs/cli.md from the contract and the program's own help.

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
# Commands with the same options and JSON.
ORDERS = ("activate", "freeze", "unfreeze", "revoke", "void", "unvoid", "assign")

_TOP = f"""\
<!-- Made by: {REGENERATE} -->
# The command line

This page is a contract: scripts on production lines depend on it. Names, options, exit codes and
JSON keys may be added, and are never changed. Every line of the tables of exit codes is a test.

- Every command takes `--home DIR`, `--operator NAME`, `--json` and `--verbose`, before the command
  or after it.
- With `--json` stdout holds one JSON object in ASCII and nothing else. On a failure it stays
  empty, and stderr holds `{{"error": …, "hint": …, "exit": …}}`, sometimes with further keys.
  `locate -` and `locate --photo` print an object per code, one per line, `associate run` one per
  carton.
- Without `--json` a failure is a line `error: …`, followed by lines `hint: …` that name what to do
  next. Progress and warnings go to stderr as well. `NO_COLOR` is honoured.
- Secrets are never arguments: they are read from a file, or typed at the terminal. If stdin is not
  a terminal, there is no prompt.
- A failure changes nothing: no file, and no state of a code. Only a failed export leaves events in
  the audit chain: that a custodian's key was refused, or that a package was begun and abandoned.
- Some results come with an exit code other than 0: an order or a delivery that the backend has not
  acknowledged (75) or has refused (6), because the order is booked here; the findings of
  `doctor` (5); and the answers of `locate -` and `locate --photo` if none is a code of this home
  (4).
- What a command did stands, and its exit code with it, if its answer cannot be written because
  stdout is closed or its disk is full. stderr then says `warning: the answer was not written …`
  and where to look it up; with `--json`, `{{"warning": …, "hint": …, "exit": …}}`. Nothing is said
  of a reader that has closed its pipe. A script that needs the answer checks that it is whole.
  A command that only reads, `--help` and `--version` exit with 6 then, and so does `line run`, with
  the first answer that nobody gets; what it took is booked. A closed stdin is an empty one. Nothing
  depends on stderr.
- Arguments and variables are text in the system's encoding, UTF-8 nearly everywhere. Others are
  refused (2).

Serials are given as `A-B` (both included), `A-`, `A`, a list of these with semicolons or commas,
`@FILE` (one per line, or lists; `#` begins a comment), or `all`; [all spellings, and what is
refused](receipts.md#how-serials-are-written). Digits that may be grouped in thousands (`1,990`,
and so `100,200`) are refused: write `1;990` or `1990`. Programs that make lists write semicolons.
`export` also takes `next:N`, the first N serials that are still sealed. In JSON they are always
pairs: `[[first, last], …]`.

In the tables of JSON keys an `id` is `XXXX-XXXXXXXX`, a `key id` 16 hex digits, a `time` RFC 3339
in UTC, a `count` a whole number; `attributes` is an object of plain values, and of windows under
`window.NAME` ([attributes for a time](line.md#attributes-for-a-time)), a `code` one of `batch` and
`serial`, a `parent` that with its `sscc`, which may be null.
An `sscc` is an object with `prefix`, `extension`, `first`, `last` (the serial references of the
first and the last code) and `first_sscc`, `last_sscc` (18 digits).
An `activation` is an object with `order`, `at` (a time), `line` (text or null) and `status`. A
`picture` has `file`, `page`, and `x` and `y`, the symbol's centre in pixels, null for a picture
without a symbol.

The scan backend's address is `MINTMARK_BACKEND_URL`, or `url` under `[backend]` in the home's
`mintmark.toml`, or the reference backend that serves this home at the moment. Without an address,
orders are booked and queued.

## Exit codes

| code | meaning |
| --- | --- |
"""


def commands():
    """Every mounted command by name."""
    found = {}
    for name, command in typer.main.get_command(cli.program()).commands.items():
        inner = getattr(command, "commands", None)
        found.update({f"{name} {n}": c for n, c in inner.items()} if inner else {name: command})
    return found


def texts(command):
    """The command's help, and its example."""
    text, _, example = command.help.replace("\b", "").partition("Example:")
    return " ".join(text.split()), "\n".join(line.strip() for line in example.strip().splitlines())


def document():
    """The text of docs/cli.md."""
    codes = "".join(f"| {code} | {meaning} |\n" for code, meaning in EXIT_CODES.items())
    common = set(cli.GLOBALS) | {"help"}
    parts = [_section(name, command, common) for name, command in commands().items()]
    return _TOP + codes + "".join(parts)


def _section(name, command, common):
    text, example = texts(command)
    own = [param for param in command.params if param.name not in common]
    usage = " ".join([f"mintmark {name}", *(p.metavar for p in own if _is_argument(p))])
    lines = [f"\n## {name}\n", f"`{usage} [OPTIONS]`", "", text, "", "```sh", example, "```", ""]
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
        lines.append(f"| {code} | {_merged(row.case for row in rows if row.exit == code)} |")
    return "\n".join(lines) + "\n"


def _merged(phrases):
    """The phrases, joined: `a byte in A`, `a byte in B` become `a byte in A, B`."""
    merged = {}
    for phrase in phrases:
        head, middle, tail = phrase.partition(" in ")
        merged.setdefault(head + middle, []).append(tail)
    return "; ".join(head + ", ".join(dict.fromkeys(tails)) for head, tails in merged.items())


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
    """The keys and kinds of a shape, as lines; of several, one after the other."""
    if isinstance(shape, tuple):
        first, *others = (_shape(each, indent) for each in shape)
        return [*first, *(line for each in others for line in (f"{indent}or", *each))]
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
