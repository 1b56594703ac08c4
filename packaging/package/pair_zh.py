"""README.txt in Chinese: what the second code of a pair is, and where it stands. Pure."""

from collections.abc import Iterator

from ...codegen.codes.template import BARE, split
from ..formats.role_names import ROLES_ZH
from .readme_facts import Facts

RECEIPT = "一枚标签上的两个码共用一个流水号，只报一次；这个流水号报废，两个码一起作废；"


def contents(facts: Facts) -> str:
    """Which two codes stand on each label; nothing if there is one."""
    if facts.manifest.second is None:
        return ""
    batch = facts.manifest.second.code.batch
    first = f"批次 {facts.manifest.batch}（{_role(facts.about.role)}）"
    return (
        f"每枚标签有两个码，都在本码包里：第一个是{first}，第二个是批次 {batch}"
        f"（{_role(facts.second_role)}）。流水号相同的两个码是一对，必须印在同一枚标签、"
        "同一件商品上，不能拆开，不能错行，不能对调"
    )


def columns(facts: Facts, source: str, name: str) -> str:
    """What a column of the second code says."""
    second = facts.manifest.second
    if second is None:
        return ""
    role = _role(facts.second_role)
    use = "第二个二维码里写的就是这一列：原样写入，一个字符也不能改。"
    use = use if name == facts.second_payload_column else ""
    bare = second.code.template == BARE
    return {
        "pair_code": f"第二个码（{role}），{second.code.length} 位，与本行的码同一流水号。"
        f"按文本处理。{use}",
        "pair_url": f"第二个二维码（{role}）的{'内容，与码相同' if bare else '完整内容'}。{use}",
    }[source]


def formula(facts: Facts) -> Iterator[str]:
    """How the second symbol's text is made, if no column or picture holds it."""
    second = facts.manifest.second
    if second is None or facts.is_drawn or facts.second_payload_column is not None:
        return
    prefix, suffix = split(second.code.template)
    column = facts.named("pair_code")
    text = " + ".join(filter(None, (prefix, f"{column} 列", suffix)))
    yield f"第二个二维码里要写的内容：{text}（加号只表示相接，中间不加空格，也不写加号）。"


def sample(facts: Facts) -> Iterator[str]:
    """What the second sample must say."""
    second = facts.manifest.second
    if second is None:
        return
    shown, role = second.sample, _role(facts.second_role)
    yield (
        f"再扫一下 {shown.name}：它是同一枚标签的第二个码（{role}），"
        f"应与数据里同一流水号（{shown.serial}）的第二个码完全一样，与第一个码不同。"
    )


def places(facts: Facts) -> Iterator[str]:
    """Where the two symbols of a label stand on a sheet."""
    found = facts.symbol_places
    if found is None:
        return
    (x, y), (second_x, second_y) = found
    yield (
        f"每个标签两个码，位置从标签左上角量到码的中心：{_role(facts.about.role)}在右 {x:g} mm、"
        f"下 {y:g} mm 处，{_role(facts.second_role)}在右 {second_x:g} mm、下 {second_y:g} mm 处。"
    )


def _role(name: str) -> str:
    return ROLES_ZH.get(name, name)
