"""A mint as it is asked for: its values, its digest, and how hard its codes are to guess. Pure."""

import hashlib
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from . import mint_sscc
from .codes import address, spreadsheets, template
from .codes.spec import CodeSpec, Judgement, judge
from .errors import Refused, UsageError
from .ledger.chain import canonical
from .ledger.records import BatchRow
from .ledger.view import View
from .ranges import roles

LARGEST = 100_000_000  # codes of a batch
TEXT_LENGTH = 100


@dataclass(frozen=True)
class MintRequest:
    """`quantity` items to be produced, and `overage` percent more codes for waste.

    `url` is the template of what the QR symbol holds, `ref` the caller's own reference. Serial n
    of `pair_of` is on the same item as serial n: without a quantity there are as many.
    """

    quantity: int | None
    product: str | None = None
    overage: float = 0.0
    length: int = 16
    alphabet: str = "crockford32"
    url: str | None = None
    ref: str | None = None
    accept_weak: bool = False
    role: str = "item"
    pair_of: str | None = None
    sscc: mint_sscc.SsccRequest | None = None

    @property
    def total(self) -> int:
        """How many codes there will be: the overage rounds up. 0 before `paired` has said it."""
        items = self.quantity or 0
        # Through text: 0.1 % of 1,000 is 1 code, not 2 by the last binary digit.
        return items + math.ceil(round(items * self.overage / 100, 6))


def paired(view: View, request: MintRequest) -> MintRequest:
    """`request` with the quantity of its partner, if it has one.

    Raises `UsageError` if nothing says how many codes there are, or numbers are out of bounds,
    `NotFound` for an unknown partner, `Refused` for one that names a partner itself, or has
    another number of codes.
    """
    if (request.quantity is not None and request.quantity < 1) or not 0 <= request.overage <= 100:
        raise UsageError("--quantity is at least 1, --overage 0 to 100 percent")
    if request.quantity is None and request.pair_of is None:
        raise UsageError("Missing option '--quantity'", "only with --pair-of it may be left out")
    if request.quantity is None and request.overage:
        raise UsageError(
            "--overage is a part of --quantity, which is not given",
            "leave it out: the new batch has as many codes as its partner, overage included",
        )
    if request.pair_of is None:
        return request
    partner = view.batch(request.pair_of)
    if partner.pair_of is not None:
        raise Refused(
            f"batch {partner.batch} is paired with {partner.pair_of} itself",
            f"name that one, all batches of its items name it: --pair-of {partner.pair_of}",
        )
    if request.quantity is None:
        return replace(request, quantity=partner.quantity)
    if request.total != partner.quantity:
        over = ", --overage included" if request.overage else ""
        raise Refused(
            f"batch {partner.batch} has {partner.quantity:,} codes, not {request.total:,}{over}: "
            "serial n of both is on the same item",
            "leave out --quantity and --overage: there will be as many",
        )
    return request


def check(request: MintRequest) -> None:
    """Raises `UsageError` for texts out of bounds, or a URL template that no symbol can hold.

    The request has been `paired`.
    """
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
    _check_role(request)


def _check_role(request: MintRequest) -> None:
    roles.check(request.role, "--role")
    if (asked := request.sscc) is None:
        return
    if request.role not in roles.PARENTS:
        raise UsageError(
            f"an SSCC is the number of a carton or a pallet, not of role {request.role}",
            "--role pallet, or --role carton",
        )
    mint_sscc.check(asked, request.total)


def cautions(request: MintRequest, spec: CodeSpec) -> tuple[str, ...]:
    """What the codes of a new batch will meet outside: phones and spreadsheets.

    Raises `UsageError` for a URL template that phones take for no link, or that readers of GS1
    Digital Links refuse.
    """
    about_url = address.chosen(request.url, spec) if request.url is not None else ()
    return (*about_url, *spreadsheets.cautions(spec, request.total))


def same_role(request: MintRequest, batches: Iterable[BatchRow]) -> Iterator[str]:
    """What makes the codes of an item hard to tell apart: two of the same role."""
    root = request.pair_of
    for row in batches if root is not None else ():
        if root in (row.batch, row.pair_of) and row.role == request.role:
            yield (
                f"batch {row.batch}, on the same items, has role {row.role} too: --role says which "
                "code is which"
            )


def _is_plain(text: str) -> bool:
    return bool(text.strip()) and len(text) <= TEXT_LENGTH and text.isprintable()


def digest(request: MintRequest, spec: CodeSpec) -> str:
    """What two requests under the same `ref` are compared by: SHA-256, hex."""
    compared = [spec.symbols, spec.length, request.total, request.product, request.url]
    if (request.role, request.pair_of, request.sscc) != ("item", None, None):
        # Only then: batches of before there was a choice have the digest of the five.
        asked = request.sscc
        compared += [request.role, request.pair_of]
        compared.append([asked.prefix, asked.extension, asked.first] if asked else None)
    return hashlib.sha256(canonical(compared)).hexdigest()


def judged(view: View, request: MintRequest, spec: CodeSpec) -> tuple[Judgement, int]:
    """How hard the codes would be to guess, and how many codes were issued when that was so.

    Raises `Refused` if they would be too easy to guess.
    """
    issued, total = view.issued(spec.symbols, spec.length), view.issued_total()
    judgement = judge(spec, request.total, issued, total, accept_weak=request.accept_weak)
    return judgement, total
