"""What items, cartons and pallets are called in EPCIS. Pure.

| | what it is called |
| --- | --- |
| a pallet or carton with an SSCC | `https://id.gs1.org/00/SSCC` |
| an item of a batch with a GTIN | `https://id.gs1.org/01/GTIN/21/SERIAL` |
| anything else | `BASE/obj/SERIAL` if the brand gave a base, else `urn:mintmark:obj:SERIAL` |

SERIAL is the batch's eight random symbols and the serial, `0K4T9WXA-s7`: a name of our own, by
which nobody wins anything. It is not what stands on the item. With codes it is the code itself.
The `s` is there for epcis2.js 2.7.3: it takes `…/SEPTMFQD-7` for the first of July 2001, and gives
whatever else ends in -7 the same hash.

Sources: EPCIS and CBV 2.0 (section 8.2 of CBV: which URIs name objects), GS1 Digital Link (URI
syntax 1.4.1, section 4.12: canonical ones begin with https://id.gs1.org), EPC Tag Data Standard
2.0, section 6.3 (URNs). An event's hash is not the same for a host in capitals, so hosts are in
lower case.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import quote

from ...codegen.errors import UsageError
from ...codegen.sscc import check_digit

ID = "https://id.gs1.org"
OWN = "urn:mintmark"
_GTIN = re.compile(r"/01/(\d{14})(?:/|$)", re.ASCII)
_PREFIX = re.compile(r"\d{6,12}", re.ASCII)
_BASE = re.compile(r"(https?)://([^/?#@\s]+)((?:/[A-Za-z0-9._~-]+)*)/?", re.ASCII | re.IGNORECASE)
_GLN = re.compile(r"\d{13}", re.ASCII)
# Tag Data Standard 2.0, table 6-1 and section 6.3.1: what a URN's serial may hold as it is.
_URN_SAFE = "!'()*+,-.:;=_"


class NameForm(StrEnum):
    """How GS1's keys are spelled."""

    DIGITAL_LINK = "digital-link"
    URN = "urn"


@dataclass(frozen=True)
class NamedBatch:
    """What the names of a batch's codes are made of. `sscc`: serial → its SSCC, if it has one."""

    batch: str
    gtin: str | None = None
    sscc: Callable[[int], str | None] = lambda _: None


@dataclass(frozen=True)
class Naming:
    """How things are called. `company_prefix`: what GS1's URNs are cut by. `base`: checked."""

    form: NameForm = NameForm.DIGITAL_LINK
    company_prefix: str | None = None
    base: str | None = None

    def name(self, batch: NamedBatch, serial: int, code: str | None = None) -> str:
        """The URI of a code; with `code`, of what stands on the item."""
        if sscc := batch.sscc(serial):
            return self._sscc(sscc)
        own = code or f"{batch.batch.partition('-')[2]}-s{serial}"
        if batch.gtin:
            return self._sgtin(batch.gtin, own)
        if self.base:
            return f"{self.base}/obj/{quote(own, safe='')}"
        return f"{OWN}:obj:{quote(own, safe='')}"

    def _sgtin(self, gtin: str, serial: str) -> str:
        prefix = self.company_prefix
        if self.form is NameForm.URN and prefix and gtin[1:13].startswith(prefix):
            item = gtin[0] + gtin[1 + len(prefix) : 13]
            return f"urn:epc:id:sgtin:{prefix}.{item}.{quote(serial, safe=_URN_SAFE)}"
        return f"{ID}/01/{gtin}/21/{quote(serial, safe='')}"

    def _sscc(self, sscc: str) -> str:
        prefix = self.company_prefix
        if self.form is NameForm.URN and prefix and sscc[1:17].startswith(prefix):
            return f"urn:epc:id:sscc:{prefix}.{sscc[0]}{sscc[1 + len(prefix) : 17]}"
        return f"{ID}/00/{sscc}"

    def party(self, name: str) -> str:
        """The URI of a dealer: a GLN is one of GS1's, any other name the brand's own."""
        if _is_gln(name):
            return f"{ID}/417/{name}"
        if self.base:
            return f"{self.base}/party/{quote(name, safe='')}"
        return f"{OWN}:party:{quote(name, safe='')}"


def naming(form: str, company_prefix: str | None, base: str | None) -> Naming:
    """What options say. Raises `UsageError`."""
    if form not in set(NameForm):
        raise UsageError("unknown form of ids", f"known: {', '.join(NameForm)}")
    if company_prefix is not None and not _PREFIX.fullmatch(company_prefix):
        raise UsageError("a GS1 company prefix has 6 to 12 digits", "see your GS1 certificate")
    if form == NameForm.URN and company_prefix is None:
        raise UsageError(
            "URNs are cut by the company's prefix", "give it: --company-prefix 6901234"
        )
    if company_prefix is not None and form != NameForm.URN:
        raise UsageError("--company-prefix is for URNs", "give --ids urn, or leave it out")
    return Naming(NameForm(form), company_prefix, _address(base) if base else None)


def location(text: str) -> str:
    """The URI of a place: a GLN, or what the brand calls it. Raises `UsageError`."""
    if _is_gln(text):
        return f"{ID}/414/{text}"
    try:
        return _address(text)
    except UsageError:
        raise UsageError(
            "a place is a GLN of 13 digits, the last its check digit, or an address",
            "for example https://example.cn/dock-3",
        ) from None


def gtin_of(template: str | None) -> str | None:
    """The GTIN of a batch's address, if the address is a GS1 Digital Link."""
    found = _GTIN.search(template or "")
    return found[1] if found else None


def _is_gln(text: str) -> bool:
    """Whether it is a GLN. Thirteen digits alone may be a dealer's own number."""
    return bool(_GLN.fullmatch(text)) and check_digit(text[:12]) == int(text[12])


def _address(text: str) -> str:
    found = _BASE.fullmatch(text)
    if found is None:
        raise UsageError(
            "not an address that names can begin with", "for example https://example.cn/epcis"
        )
    scheme, host, path = found.groups()
    return f"{scheme.lower()}://{host.lower()}{path}"
