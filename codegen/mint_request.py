"""A mint as it is asked for: its values, its digest, and how hard its codes are to guess. Pure."""

import hashlib
import math
from dataclasses import dataclass

from .codes import address, spreadsheets, template
from .codes.spec import CodeSpec, Judgement, judge
from .errors import UsageError
from .ledger.chain import canonical
from .ledger.view import View

LARGEST = 100_000_000  # codes of a batch
TEXT_LENGTH = 100


@dataclass(frozen=True)
class MintRequest:
    """`quantity` items to be produced, and `overage` percent more codes for waste.

    `url` is the template of what the QR symbol holds, `ref` the caller's own reference.
    """

    quantity: int
    product: str | None = None
    overage: float = 0.0
    length: int = 16
    alphabet: str = "crockford32"
    url: str | None = None
    ref: str | None = None
    accept_weak: bool = False

    @property
    def total(self) -> int:
        """How many codes there will be: the overage rounds up."""
        # Through text: 0.1 % of 1,000 is 1 code, not 2 by the last binary digit.
        return self.quantity + math.ceil(round(self.quantity * self.overage / 100, 6))


def check(request: MintRequest) -> None:
    """Raises `UsageError` for values out of bounds, or a URL template that no symbol can hold."""
    if request.quantity < 1 or not 0 <= request.overage <= 100:
        raise UsageError("--quantity is at least 1, --overage 0 to 100 percent")
    if request.url is not None:
        template.check(request.url)
    for name, text in (("product", request.product), ("ref", request.ref)):
        if text is not None and not _is_plain(text):
            raise UsageError(
                f"--{name} is 1 to {TEXT_LENGTH} printable characters",
                "shorten it, or leave it out",
            )
    if request.total > LARGEST:
        raise UsageError(
            f"{request.total:,} codes; one batch holds at most {LARGEST:,}", "mint several batches"
        )


def cautions(request: MintRequest, spec: CodeSpec) -> tuple[str, ...]:
    """What the codes of a new batch will meet outside: phones and spreadsheets.

    Raises `UsageError` for a URL template that phones take for no link, or that readers of GS1
    Digital Links refuse.
    """
    about_url = address.chosen(request.url, spec) if request.url is not None else ()
    return (*about_url, *spreadsheets.cautions(spec, request.total))


def _is_plain(text: str) -> bool:
    return bool(text.strip()) and len(text) <= TEXT_LENGTH and text.isprintable()


def digest(request: MintRequest, spec: CodeSpec) -> str:
    """What two requests under the same `ref` are compared by: SHA-256, hex."""
    compared = [spec.symbols, spec.length, request.total, request.product, request.url]
    return hashlib.sha256(canonical(compared)).hexdigest()


def judged(view: View, request: MintRequest, spec: CodeSpec) -> tuple[Judgement, int]:
    """How hard the codes would be to guess, and how many codes were issued when that was so.

    Raises `Refused` if they would be too easy to guess.
    """
    issued, total = view.issued(spec.symbols, spec.length), view.issued_total()
    judgement = judge(spec, request.total, issued, total, accept_weak=request.accept_weak)
    return judgement, total
