"""The tables of docs/decoders.md: python table.py FOLDER, with the lines of the readers as input.

Decoders with the same figures under every condition stand in a row together.
"""

import json
import sys
from pathlib import Path

TABLES = (
    ("Looks", ("clean", "light on dark", "mirrored", "quiet zone")),
    ("Growth, a pixel per dot", ("growth",)),
    ("Loss, a pixel per dot", ("loss",)),
    ("Photo", ("photo",)),
)


def belongs(name: str, begins: tuple[str, ...]) -> bool:
    return name.startswith(begins)


def rows(lines: list[str]) -> dict[tuple[int, ...], list[str]]:
    """Symbols read per condition → the decoders that read so many."""
    found: dict[tuple[int, ...], list[str]] = {}
    for line in lines:
        if line.startswith("{"):
            item = json.loads(line)
            found.setdefault(tuple(item["read"]), []).append(item["decoder"])
    return found


def main() -> None:
    index = json.loads((Path(sys.argv[1]) / "index.json").read_text(encoding="utf-8"))
    names = [condition["name"] for condition in index["conditions"]]
    found = rows(sys.stdin.read().splitlines())
    for title, begins in TABLES:
        columns = [at for at, name in enumerate(names) if belongs(name, begins)]
        heads = [names[at].replace(" 1 dot a side", "") for at in columns]
        print(f"\n### {title}\n")
        print("| decoder |", " | ".join(heads), "|")
        print("| --- |", " | ".join("---" for _ in columns), "|")
        for counts, decoders in found.items():
            print("|", "; ".join(decoders), "|", " | ".join(str(counts[at]) for at in columns), "|")
        poor = [sum(counts[at] < len(index["texts"]) / 2 for counts in found) for at in columns]
        print("| *read fewer than half* |", " | ".join(map(str, poor)), "|")


if __name__ == "__main__":
    main()
