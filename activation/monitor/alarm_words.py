"""The words of each kind of alarm: what happened, and what to do. Chinese first. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from ..orders.doubts import DOUBT_ENDED, IN_DOUBT


class Severity(StrEnum):
    """How soon somebody must look."""

    CRITICAL = "critical"
    WARNING = "warning"


@dataclass(frozen=True)
class Words:
    """The words of a kind of alarm: what happened, and what to do."""

    severity: Severity
    zh: str
    en: str
    zh_do: str
    en_do: str


_C, _W = Severity.CRITICAL, Severity.WARNING
REFUSED_ORDER = "refused-order"
KINDS: Mapping[str, Words] = {
    "leak-found": Words(
        _C, "泄码：未激活的码已被人扫", "LEAK: codes scanned before they were active",
        "查流向，冻结或作废这些码: mintmark trace", "find the reel, freeze or void: mintmark trace",
    ),
    "scanned-before": Words(
        _C, "刚激活的码，激活前就被扫过", "codes just activated had been scanned before",
        "抽查这一卷，必要时冻结: mintmark freeze", "check that reel, freeze it if in doubt",
    ),
    "guessing-burst": Words(
        _C, "有人在成批猜码", "somebody is guessing codes",
        "请查询后台限流，看来源: mintmark trace", "have the backend limit the source",
    ),
    REFUSED_ORDER: Words(
        _C, "查询后台拒绝了指令，这批码状态不一致",
        "the backend refused an order: both sides differ",
        "不要放行这批货，先对账: mintmark reconcile", "hold the goods, then: mintmark reconcile",
    ),
    IN_DOUBT: Words(
        _W, "指令被拒，但查询后台可能早已执行",
        "an order was refused, and perhaps applied before",
        "不要重下指令，先对账: mintmark reconcile", "do not order it anew: mintmark reconcile",
    ),
    DOUBT_ENDED: Words(
        _W, "存疑的指令已对账：后台与账本一致",
        "an order in doubt was compared: both sides agree",
        "请后台按编号保存每条指令的应答", "have the backend keep its answers to orders",
    ),
    "custodian-key-refused": Words(
        _C, "保管人密钥没打开：口令错，或密钥不对",
        "custodian key refused: wrong passphrase or key",
        "马上问保管人：刚才是不是本人在操作", "ask the custodian at once: was that you?",
    ),
    "doctor": Words(
        _C, "系统自检出错", "doctor found an error",
        "先停止打包出码，再处理: mintmark doctor", "stop exporting, then: mintmark doctor",
    ),
    "older-copy": Words(
        _C, "这个主目录是旧备份，已停止出码和打包",
        "this home is an older copy: nothing is minted or exported",
        "把最新的主目录放回去；先看: mintmark doctor",
        "bring the newest home back; see: mintmark doctor",
    ),
    "newer-home-lost": Words(
        _C, "已登记：更新的主目录丢失，现有批次停用",
        "the newer home was declared lost: its batches are retired",
        "确认这是你们同意过的；销毁副本之后打包的标签",
        "make sure that this was agreed; destroy labels packaged since the copy",
    ),
    "no-newer-home": Words(
        _C, "已登记：没有更新的主目录，照常出码",
        "it was declared that there is no newer home",
        "确认这是你们同意过的；查是谁发的指令: mintmark audit show",
        "make sure that this was agreed; who sent that order: mintmark audit show",
    ),
    "unit-lost": Words(
        _C, "卷标丢失", "a reel or box of labels is lost",
        "作废这一卷: mintmark void --unit ... --reason lost",
        "void it: mintmark void --reason lost",
    ),
    "file-refused": Words(
        _C, "指令文件有错，整份没有执行", "a file of orders was refused as a whole",
        "看 failed/ 里的 .reason.json，改好后重投",
        "see its .reason.json in failed/, then send it anew",
    ),
    "file-changed": Words(
        _C, "指令文件被取走后又有改动，后来的内容没有执行",
        "a file of orders was changed after it was taken",
        "把没执行的行另存新文件再投", "send the missing rows in a new file",
    ),
    "repeated-orders": Words(
        _C, "重复的指令没有再执行，而码的状态已变",
        "repeated orders did nothing, and their codes have changed since",
        "如确要再执行，重新生成文件或换指令号", "if they were meant anew, write the file anew",
    ),
    "scheduled-refused": Words(
        _C, "定时指令到点没有执行", "a scheduled order was refused at its time",
        "看原因，重新下指令: mintmark orders show", "see why, order it anew: mintmark orders show",
    ),
    "away-refused": Words(
        _C, "断网时下的指令，补登时被拒绝，没有执行",
        "an order given while the ledger was away was refused when it was booked",
        "看原因，处理后销案: mintmark orders away", "see why, settle it: mintmark orders away",
    ),
    "away-damaged": Words(
        _C, "断网时存下的指令被改动或丢失，已停止补登",
        "orders that waited at a station were changed or lost",
        "先查这台机器: mintmark orders away", "look at that machine: mintmark orders away",
    ),
    "away-discarded": Words(
        _W, "断网时存下的指令被人放弃", "an order that waited at a station was discarded",
        "问是谁、为什么: mintmark audit show", "ask who did it, and why: mintmark audit show",
    ),
    "scans-stopped": Words(
        _C, "停用的码被人扫：被盗或报废的货可能在卖",
        "stopped codes were scanned: stolen goods may be on sale",
        "查货在哪、谁在卖: mintmark trace", "find out who sells them: mintmark trace",
    ),
    "copied": Words(
        _C, "一个码被扫太多次：可能被仿制", "one code in many hands: it may be copied",
        "看是哪些码，必要时冻结: mintmark trace", "look at them, freeze if in doubt",
    ),
    "diverted": Words(
        _W, "窜货：货在约定区域以外被扫", "diverted: scanned outside their region",
        "查是哪家经销商的货: mintmark trace", "see whose goods they are: mintmark trace",
    ),
    "export-burst": Words(
        _C, "一小时内导出次数太多", "too many exports within an hour",
        "马上核对是谁在导出: mintmark package list", "who is exporting? mintmark package list",
    ),
    "export-refused": Words(
        _W, "有人导出码，被系统拒绝", "an export of codes was refused",
        "问操作人要导出什么: mintmark audit show", "ask who wanted what: mintmark audit show",
    ),
    "delivery-late": Words(
        _W, "指令排队太久，查询后台没收到", "orders have waited too long for the backend",
        "看后台通不通，再发: mintmark deliver", "see whether it answers: mintmark deliver",
    ),
    "receipt-late": Words(
        _W, "出包已久，印刷厂没有最终回执", "a package still lacks its final receipt",
        "催印刷厂报数: mintmark package receipt", "ask the print shop: mintmark package receipt",
    ),
    "activation-late": Words(
        _W, "出包已久，码还没激活", "a package still has codes that are not active",
        "查这批货在哪，激活或作废: mintmark package show",
        "find the goods, activate or void: mintmark package show",
    ),
    "reprint": Words(
        _W, "同一批码又出了一份（补印）", "codes were packaged a second time (reprint)",
        "确认旧文件、旧标签已销毁", "see that the earlier files and labels are destroyed",
    ),
    "carton-labels": Words(
        _W, "做了带码的箱标、垛标", "labels of cartons or pallets were made, with codes",
        "确认是你们要的；打完就删文件", "see that this was wanted, and the file deleted",
    ),
    "rewrapped": Words(
        _W, "批次的保管人有变动", "batches were opened to other custodians",
        "确认这是你们同意过的", "make sure that this was agreed",
    ),
    "codes-told": Words(
        _W, "有人用保管人密钥导出了码（EPCIS）",
        "codes were told with the custodian's key (EPCIS)",
        "确认这是你们同意过的，收件人可靠", "make sure that this was agreed, and who got the file",
    ),
    "reconcile": Words(
        _W, "对账后修正了查询后台", "the backend was corrected after reconciling",
        "查清当初为什么不一致", "find out why both sides differed",
    ),
    "scan-in": Words(
        _W, "经销商扫码入库的码，账本对不上", "a dealer scanned in codes that the books do not fit",
        "问后台这批入库是怎么来的；查本机账本是不是旧的: mintmark doctor",
        "ask the backend's team where it comes from; is this home the newest? mintmark doctor",
    ),
}  # fmt: skip
# For an incident of a kind that this table does not have.
OTHER = Words(
    _W, "其他事件", "another incident", "看记录: mintmark audit show", "mintmark audit show"
)
