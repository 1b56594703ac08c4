"""How a station is called, and what it may do: what a person types."""

from ..errors import UsageError
from ..ledger.changes import RIGHTS
from ..station.keys import LINE_NAME


def check_name(name: str) -> str:
    """`name`. Raises `UsageError`, which does not repeat it, for one that no station has."""
    if not LINE_NAME.fullmatch(name):
        raise UsageError(
            "a station's name is 1 to 32 small letters, digits and hyphens",
            "write for example huaxin-2",
        )
    return name


def rights(text: str) -> tuple[str, ...]:
    """The rights in a text such as `mint,order`, in their own order. Raises `UsageError`."""
    asked = {part.strip().lower() for part in text.replace(" ", ",").split(",")} - {""}
    if not asked or not asked <= {*RIGHTS}:
        raise UsageError(
            f"--may is some of {','.join(RIGHTS)}, with commas between them",
            "write for example --may mint,export,order",
        )
    return tuple(right for right in RIGHTS if right in asked)
