"""README.txt inside the package: what the print shop needs to know, Chinese then English.

Pure. It holds no code.
"""

from ..symbols.sample import Sample
from . import readme_en, readme_zh
from .manifest import Manifest
from .paper import RULE, encode


def readme(manifest: Manifest, symbol: Sample) -> bytes:
    """README.txt for `manifest`, whose own `readme` entry is not read."""
    lines = [line for part in readme_zh.sections(manifest, symbol) for line in (*part, "")]
    lines += [RULE, ""]
    lines += [line for part in readme_en.sections(manifest, symbol) for line in (*part, "")]
    return encode(lines)
