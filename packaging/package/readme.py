"""README.txt inside the package: what the print shop needs to know, Chinese then English.

Pure. It holds no code.
"""

from . import readme_en, readme_zh
from .paper import RULE, encode
from .readme_facts import Facts


def readme(facts: Facts) -> bytes:
    """README.txt for `facts.manifest`, whose own `readme` entry is not read."""
    lines = [line for part in readme_zh.sections(facts) for line in (*part, "")]
    lines += [RULE, ""]
    lines += [line for part in readme_en.sections(facts) for line in (*part, "")]
    return encode(lines)
