"""README.txt in English: what the second code of a pair is, and where it stands. Pure."""

from collections.abc import Iterator

from ...codegen.codes.template import BARE, split
from .readme_facts import Facts

RECEIPT = (
    "the two codes of a label have one serial, reported once: a spoiled serial voids both of them;"
)


def contents(facts: Facts) -> str:
    """Which two codes stand on each label; nothing if there is one."""
    if facts.manifest.second is None:
        return ""
    first = f"{facts.manifest.batch} ({facts.about.role} codes)"
    second = f"{facts.manifest.second.code.batch} ({facts.second_role} codes)"
    return (
        f"each label has two codes, both in this package: the first of batch {first}, the second "
        f"of batch {second}. Two codes of the same serial are a pair and stand on the same label, "
        "on the same item: never part them, never shift a row, never exchange them"
    )


def columns(facts: Facts, source: str, name: str) -> str:
    """What a column of the second code says."""
    second = facts.manifest.second
    if second is None:
        return ""
    use = " The second QR symbol says this: copy it unchanged, every character."
    use = use if name == facts.second_payload_column else ""
    bare = second.code.template == BARE
    role = facts.second_role
    return {
        "pair_code": f"The second code ({role}), {second.code.length} characters, of the same "
        f"serial as the code of its row. Text, never a number.{use}",
        "pair_url": f"{'The second code' if bare else 'The whole text of the second symbol'} "
        f"({role}).{use}",
    }[source]


def formula(facts: Facts) -> Iterator[str]:
    """How the second symbol's text is made, if no column or picture holds it."""
    second = facts.manifest.second
    if second is None or facts.is_drawn or facts.second_payload_column is not None:
        return
    prefix, suffix = split(second.code.template)
    column = facts.named("pair_code")
    text = " + ".join(filter(None, (prefix, f"column {column}", suffix)))
    yield f"The second symbol's text: join {text}, without blanks or the +."


def sample(facts: Facts) -> Iterator[str]:
    """What the second sample must say."""
    second = facts.manifest.second
    if second is None:
        return
    shown = second.sample
    yield (
        f"Read {shown.name} too: it is the second code ({facts.second_role}) of the same label, "
        f"must say exactly what the second code of serial {shown.serial} says, and differs from "
        "the first."
    )


def places(facts: Facts) -> Iterator[str]:
    """Where the two symbols of a label stand on a sheet."""
    found = facts.symbol_places
    if found is None:
        return
    (x, y), (second_x, second_y) = found
    yield (
        "Each label has two symbols. Their centres, from the label's upper left corner: "
        f"{facts.about.role} {x:g} mm across and {y:g} mm down, "
        f"{facts.second_role} {second_x:g} mm across and {second_y:g} mm down."
    )
