"""The pictures of `run.sh`: 96 symbols under each condition, into the folder of the argument.

Needs segno, numpy and Pillow. A condition is a file of grey pictures of one size, one after
another; `index.json` names them in order, with their side and the texts.
"""

import json
import random
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import segno
from numpy.typing import NDArray
from PIL import Image, ImageFilter

COUNT = 96
SYMBOLS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
QUIET = 4  # modules
PAPER = 255

Bits = NDArray[np.bool_]
Grey = NDArray[np.uint8]


def modules(text: str) -> Bits:
    """The dark modules of a symbol, version 2-M, without quiet zone."""
    symbol = segno.make_qr(text, error="m", boost_error=False)
    return np.array([list(row) for row in symbol.matrix], bool)


def grown(ink: Bits, by: int) -> Bits:
    """Ink with `by` dots more on each side; less, if negative."""
    if by < 0:
        return ~grown(~ink, -by)
    for axis in (0, 1):
        parts = [np.roll(ink, step, axis) for step in range(-by, by + 1)]
        ink = np.logical_or.reduce(parts)
    return ink


def dots(text: str, per_module: int, growth: int = 0) -> Grey:
    """A pixel per dot of the press, quiet zone included."""
    ink = np.kron(np.pad(modules(text), QUIET), np.ones((per_module, per_module), bool))
    return np.where(grown(ink, growth), 0, PAPER).astype(np.uint8)


def framed(text: str, quiet: int) -> Grey:
    """A symbol at 4 dots with so much quiet zone inside a dark frame of two modules."""
    ink = np.pad(np.pad(modules(text), quiet), 2, constant_values=True)
    return np.where(np.kron(np.pad(ink, QUIET), np.ones((4, 4), bool)), 0, PAPER).astype(np.uint8)


def photo(picture: Grey, per_module: int) -> Grey:
    """The same as a phone sees it: 5 pixels per module, turned, blurred, grey and noisy."""
    side = len(picture) * 4
    large = Image.fromarray(picture).resize((side, side), Image.Resampling.NEAREST)
    large = large.rotate(7, Image.Resampling.BICUBIC, fillcolor=PAPER)
    large = large.filter(ImageFilter.GaussianBlur(0.3 * 4 * per_module))
    size = round(len(picture) / per_module * 5)
    small = np.asarray(large.resize((size, size), Image.Resampling.BOX)).astype(float)
    noise = np.random.default_rng(1).normal(0, 6, small.shape)
    return np.clip(50 + small * 0.6 + noise, 0, 255).astype(np.uint8)


CONDITIONS: dict[str, Callable[[str], Grey]] = {
    "clean, 4 dots": lambda text: dots(text, 4),
    "light on dark": lambda text: PAPER - dots(text, 4),
    "mirrored": lambda text: dots(text, 4)[:, ::-1],
    "light on dark, mirrored": lambda text: PAPER - dots(text, 4)[:, ::-1],
    "quiet zone 2, then dark": lambda text: framed(text, 2),
    "quiet zone 1, then dark": lambda text: framed(text, 1),
    "quiet zone 0, then dark": lambda text: framed(text, 0),
    **{
        f"{word} 1 dot a side, {per_module} dots": (
            lambda text, n=per_module, by=by: dots(text, n, by)
        )
        for word, by in (("growth", 1), ("loss", -1))
        for per_module in (3, 4, 5, 6, 8)
    },
    "photo": lambda text: photo(dots(text, 4), 4),
    **{
        f"photo, {word} 1 dot a side, {per_module} dots": (
            lambda text, n=per_module, by=by: photo(dots(text, n, by), n)
        )
        for word, by in (("growth", 1), ("loss", -1))
        for per_module in (3, 4, 5, 6, 8)
    },
}


def main() -> None:
    folder = Path(sys.argv[1])
    chosen = random.Random(11)
    texts = ["HTTPS://Q.EXAMPLE.CN/" + "".join(chosen.choices(SYMBOLS, k=16)) for _ in range(COUNT)]
    index = []
    for number, (name, draw) in enumerate(CONDITIONS.items()):
        pictures = [np.ascontiguousarray(draw(text)) for text in texts]
        (folder / f"{number}.grey").write_bytes(b"".join(p.tobytes() for p in pictures))
        index.append({"name": name, "file": f"{number}.grey", "side": len(pictures[0])})
    (folder / "index.json").write_text(
        json.dumps({"texts": texts, "conditions": index}), encoding="utf-8"
    )


if __name__ == "__main__":
    main()
