"""The pages in a picture file, upright and grey, and what else such files hold and is no page.

Pillow opens the file, from its bytes: opened by its path, an uncompressed TIFF that an orientation
tag turns is mapped into memory, and Pillow 13.0.0 then takes its lines for columns
(findings/pillow-tiff-turned.sh).

A file may hold more pictures than pages. A JPEG is its first picture: the others of a Multi-Picture
Format file (CIPA DC-007) are previews, depths or gain maps. In a TIFF, frames marked as reduced or
as masks (TIFF 6.0, NewSubfileType) are no pages, nor are smaller frames that show the page before
them once more: some programs mark these as pages. Animations are refused.
"""

import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, ImageSequence, TiffImagePlugin, UnidentifiedImageError

from ...codegen.errors import UsageError
from .find_symbols import Grey
from .limits import MAX_PIXELS, check_page

_KINDS = ("PNG", "JPEG", "TIFF", "BMP", "WEBP")
# What Pillow raises, in one decoder or another, for a file that is cut off or damaged.
_DAMAGED = (
    *(UnidentifiedImageError, OSError, EOFError, ValueError, SyntaxError),
    *(TypeError, LookupError, ArithmeticError, struct.error),
)
_REDUCED, _MASK = 1, 4  # bits of NewSubfileType
_NEW_SUBFILE_TYPE, _SUBFILE_TYPE, _PHOTOMETRIC, _SUB_IFDS = 254, 255, 262, 330
_WHITE_IS_ZERO = 0
_SMALLER = 0.8  # times as wide, at most: a preview
_ALIKE = 0.85  # correlation: a preview and its page; pages with other codes are about 0.6
_HEIF = (b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1", b"avif")


def frames(path: Path) -> Iterator[Grey]:
    """The pages of a picture file, each opened when it is taken. Raises `UsageError`."""
    with path.open("rb") as file:
        if (head := file.read(12))[4:8] == b"ftyp" and head[8:12] in _HEIF:
            raise UsageError(
                f"{path} is a HEIC photograph, which is not read here",
                "save it as JPEG (iPhone: Settings, Camera, Formats, Most Compatible)",
            )
        file.seek(0)
        try:
            with _opened(file) as image:
                yield from _pages(path, image)
        except Image.DecompressionBombError:
            check_page(path, 1, MAX_PIXELS, MAX_PIXELS)
        except _DAMAGED:
            raise UsageError(
                f"{path} is no picture that can be read",
                "take PNG, JPEG, TIFF, BMP or WebP, or a PDF; photographs in HEIC: save as JPEG",
            ) from None


@contextmanager
def _unwarned() -> Iterator[None]:
    """Pillow warns of sizes that are taken here, and of damage that is refused or harmless."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _opened(file: object) -> Image.Image:
    with _unwarned():
        return Image.open(file, formats=_KINDS)  # type: ignore[arg-type] # a binary file


def _pages(path: Path, image: Image.Image) -> Iterator[Grey]:
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        yield from _tiff_pages(path, image)
        return
    if image.format in {"PNG", "WEBP"} and getattr(image, "is_animated", False):
        raise UsageError(
            f"{path} is an animation: which of its pictures is the proof?",
            "save the picture of the proof by itself",
        )
    check_page(path, 1, image.width, image.height)
    yield _grey(image)


def _tiff_pages(path: Path, image: TiffImagePlugin.TiffImageFile) -> Iterator[Grey]:
    with _unwarned():
        kinds = [_kind(frame) for frame in ImageSequence.Iterator(image)]
    wanted = [at for at, kind in enumerate(kinds) if not kind & (_REDUCED | _MASK)]
    if not wanted:
        with _unwarned():
            image.seek(0)
        if _SUB_IFDS in image.tag_v2:
            raise UsageError(
                f"{path} shows only a preview of its picture, as raw files of cameras do",
                "save the picture as TIFF or JPEG",
            )
        wanted = [at for at, kind in enumerate(kinds) if not kind & _MASK]
    before: Grey | None = None
    for number, at in enumerate(wanted, start=1):
        with _unwarned():
            image.seek(at)
            check_page(path, number, image.width, image.height)
            page = _grey(image)
        if before is None or not _is_preview(page, before):
            before = page
            yield page


def _kind(frame: Image.Image) -> int:
    """NewSubfileType; of the older SubfileType, 2 is reduced."""
    tags = frame.tag_v2  # type: ignore[attr-defined] # of a TIFF
    return int(tags.get(_NEW_SUBFILE_TYPE) or (tags.get(_SUBFILE_TYPE) == 2))


def _is_preview(small: Grey, large: Grey) -> bool:
    """Whether a frame shows `large` again, smaller by the same factor in both directions."""
    height, width = small.shape
    tall, wide = large.shape
    if width > _SMALLER * wide or abs(width * tall - height * wide) > wide + tall:
        return False
    scaled = Image.fromarray(large).resize((width, height), Image.Resampling.BOX)
    one, other = (np.asarray(item, np.float32) for item in (small, scaled))
    one, other = one - one.mean(), other - other.mean()
    norm = float(np.sqrt((one * one).sum() * (other * other).sum()))
    return norm > 0 and float((one * other).sum()) / norm > _ALIKE


def _grey(frame: Image.Image) -> Grey:
    inverse = (
        isinstance(frame, TiffImagePlugin.TiffImageFile)
        and frame.tag_v2.get(_PHOTOMETRIC) == _WHITE_IS_ZERO
    )
    upright = ImageOps.exif_transpose(frame)
    if upright.mode in {"I", "F"} or upright.mode.startswith("I;"):
        # Pillow cuts these off at 255 instead of scaling, and turns round none of them.
        found = _stretched(np.asarray(upright))
        return np.uint8(255) - found if inverse else found
    if upright.mode == "LAB":
        return np.asarray(upright.getchannel(0))
    if upright.mode in {"RGBA", "LA", "PA"} or "transparency" in upright.info:
        # Transparent pixels show the paper.
        alpha = upright.convert("RGBA")
        upright = Image.new("RGBA", alpha.size, "white")
        upright.alpha_composite(alpha)
    return np.asarray(upright.convert("L"))


def _stretched(values: NDArray[np.generic]) -> Grey:
    """16 or 32 bits a pixel as 8, from the darkest to the lightest."""
    wide = np.nan_to_num(values.astype(np.float32))
    low, high = float(wide.min()), float(wide.max())
    wide -= low
    wide *= 255 / max(high - low, 1e-9)
    return wide.astype(np.uint8)
