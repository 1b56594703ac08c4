"""The handoff letter (交接单) that travels outside the archive, Chinese then English.

Pure. It holds no code and no password. By it the contact can check that the archive is the
archive that was sent. It also states the head of the ledger: evidence that the sender cannot
change later.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from .package import readme_en, readme_zh
from .package.manifest import Manifest
from .package.pack import Packed
from .package.paper import (
    FILES_SHOWN,
    OPENING_EN,
    OPENING_ZH,
    RULE,
    TEST_EN,
    TEST_ZH,
    encode,
    file_table,
    fill,
)
from .package.readme_facts import Facts
from .preflight.preflight import Preflight


def letter_name(package: str) -> str:
    """The letter's file name."""
    return f"{package}-handoff.txt"


def letter(packed: Packed, archive: str, head: tuple[int, str], checked: Preflight) -> bytes:
    """The letter for the archive with the file name `archive`, with what was `checked`.

    `head`: number and hash, hex, of the ledger's last event. The letter of a test package,
    which is in no ledger, leaves it out.
    """
    chinese = (_head_zh, _check_zh, _open_zh, _evidence_zh, _receipt_zh)
    english = (_head_en, _check_en, _open_en, _evidence_en, _receipt_en)
    sent = _Sent(packed, archive, None if packed.manifest.test else head, checked)
    lines = [line for part in chinese for line in (*part(sent), "")]
    lines += [RULE, ""]
    lines += [line for part in english for line in (*part(sent), "")]
    return encode(lines)


@dataclass(frozen=True)
class _Sent:
    packed: Packed
    name: str
    head: tuple[int, str] | None
    checked: Preflight

    @property
    def manifest(self) -> Manifest:
        return self.packed.manifest

    @property
    def facts(self) -> Facts:
        return self.packed.facts


def _head_zh(sent: _Sent) -> Iterator[str]:
    yield "码包交接单"
    yield ""
    if sent.manifest.test:
        yield TEST_ZH
        yield ""
    yield from readme_zh.particulars(sent.facts)
    archive = f"{sent.name}（{sent.packed.archive_bytes:,} 字节）"
    yield from fill(archive, "压缩包：　", "　" * 5)
    yield from fill(_read_zh(sent.checked), "印前检查：", "　" * 5)


def _read_zh(checked: Preflight) -> str:
    if checked.symbols == 1:
        return "二维码样张已用另一套解码器读回，与码一致"
    if checked.decoded == checked.symbols:
        return f"全部 {checked.symbols:,} 个二维码已用另一套解码器读回，与码一致"
    return (
        f"从 {checked.symbols:,} 个二维码中随机抽取 {checked.decoded:,} 个，"
        "已用另一套解码器读回，与码一致"
    )


def _check_zh(sent: _Sent) -> Iterator[str]:
    yield "一、收到后先核对压缩包"
    yield "  SHA-256："
    yield f"  {sent.packed.archive_sha256}"
    yield "  用下面任意一种办法算一遍，结果应与上面完全一致（不分大小写）："
    yield "  · Windows：在压缩包所在的文件夹打开命令提示符，运行"
    yield f"      certutil -hashfile {sent.name} SHA256"
    yield "  · 7-Zip：右键点压缩包，选 CRC SHA，再选 SHA-256"
    yield "  · macOS：在终端里运行"
    yield f"      shasum -a 256 {sent.name}"
    yield "  不一致就不要解压，马上联系发包人。"


def _open_zh(sent: _Sent) -> Iterator[str]:
    yield "二、密码和解压"
    name = sent.manifest.contact_name
    text = (
        f"解压密码不随压缩包发送，另行告知责任人本人（{name}）。密码不要转告任何人，"
        "也不要和压缩包存在一起。密码丢了请找发包人，只能重新做包。"
    )
    yield from fill(text, "  ")
    for line in OPENING_ZH:
        yield from fill(line, "  · ", "    ")
    yield "  解压后先看 README.txt：怎么核对、怎么印、怎么保管和销毁，都在里面。"


def _evidence_zh(sent: _Sent) -> Iterator[str]:
    yield "三、存证"
    yield f"  签名密钥 {sent.packed.signer.key_id}（Ed25519 公钥）"
    yield f"  {sent.packed.signer.public_key.hex()}"
    if sent.head is not None:
        yield f"  发包时的台账：第 {sent.head[0]} 条，指纹"
        yield f"  {sent.head[1]}"
    yield "  请把本单存档，日后对账有疑问时以它为证。"


def _receipt_zh(sent: _Sent) -> Iterator[str]:
    manifest = sent.manifest
    if manifest.test:
        yield "四、测试码包不用填回执"
        return
    yield "四、回执（请填好交回）"
    yield f"  码包编号：{manifest.package}"
    yield "  各卷（文件、卷号、码数、首末流水号）："
    spoiled = "报废流水号或张数" if manifest.copies == 1 else "报废张数"
    for line in file_table(manifest.files):
        yield line
        yield f"      实印流水号：__________________  {spoiled}：__________________"
    if len(manifest.files) > FILES_SHOWN:
        yield f"  …… 共 {len(manifest.files):,} 个文件，其余各卷请照 manifest.json 另附清单。"
    of = "合计：" if manifest.copies == 1 else "合计张数："
    yield f"  {of}实印 __________  报废 __________  未用 __________  丢失 __________"
    yield f"        四项相加应等于 {manifest.labels:,}" + "（张）" * (manifest.copies > 1)
    yield "  多印、重印的情况：________________________________________"
    yield "  [  ] 压缩包核对一致    [  ] 数据已全部删除    [  ] 废品已粉碎"
    yield "  发包人签字：______________  日期：______________"
    yield "  责任人签字：______________  日期：______________"


def _head_en(sent: _Sent) -> Iterator[str]:
    yield "Handoff letter"
    yield ""
    if sent.manifest.test:
        yield from fill(TEST_EN)
        yield ""
    yield from readme_en.particulars(sent.facts)
    archive = f"{sent.name} ({sent.packed.archive_bytes:,} bytes)"
    yield from fill(archive, "Archive:  ", " " * 10)
    yield from fill(_read_en(sent.checked), "Checked:  ", " " * 10)


def _read_en(checked: Preflight) -> str:
    if checked.symbols == 1:
        return "the QR sample was read by another decoder and holds its code"
    if checked.decoded == checked.symbols:
        return f"all {checked.symbols:,} symbols were read by another decoder and hold their codes"
    return (
        f"{checked.decoded:,} of {checked.symbols:,} symbols, chosen at random, "
        "were read by another decoder and hold their codes"
    )


def _check_en(sent: _Sent) -> Iterator[str]:
    yield "1. Check the archive first"
    yield "   SHA-256:"
    yield f"   {sent.packed.archive_sha256}"
    yield "   Compute it in one of these ways; it must be the same (case does not matter):"
    yield "   - Windows, command prompt in its folder:"
    yield f"       certutil -hashfile {sent.name} SHA256"
    yield "   - 7-Zip: right-click the archive, CRC SHA, SHA-256"
    yield f"   - macOS, terminal: shasum -a 256 {sent.name}"
    yield "   If it differs, do not open the archive; call the sender."


def _open_en(sent: _Sent) -> Iterator[str]:
    yield "2. Password and opening"
    text = (
        f"The password comes by another way, and only to {sent.manifest.contact_name}. Pass it to "
        "nobody, and never keep it beside the archive. If it is lost, ask for a new package."
    )
    yield from fill(text, "   ")
    for line in OPENING_EN:
        yield from fill(line, "   - ", "     ")
    yield "   Then read README.txt: how to check, print, keep and destroy."


def _evidence_en(sent: _Sent) -> Iterator[str]:
    yield "3. Evidence"
    yield f"   Signing key {sent.packed.signer.key_id} (Ed25519 public key)"
    yield f"   {sent.packed.signer.public_key.hex()}"
    if sent.head is not None:
        yield f"   The sender's ledger at handoff: event {sent.head[0]}, hash"
        yield f"   {sent.head[1]}"
    yield "   Keep this letter: it is evidence if the books are ever in doubt."


def _receipt_en(sent: _Sent) -> Iterator[str]:
    manifest = sent.manifest
    if manifest.test:
        yield "4. A test package needs no receipt"
        return
    yield "4. Receipt: use the form above, or write"
    yield f"   - package {manifest.package};"
    spoiled = "those spoiled (or how many)" if manifest.copies == 1 else "how many labels spoiled"
    yield f"   - for each reel, the serials printed and {spoiled};"
    labels = " labels" * (manifest.copies > 1)
    yield f"   - totals: printed + spoiled + unused + lost = {manifest.labels:,}{labels};"
    yield "   - anything printed twice or reprinted;"
    yield "   - that the data were deleted and spoiled labels shredded;"
    yield "   - name, date, signature."
