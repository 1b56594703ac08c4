"""The batches a check works in, their codes, and the calls the clauses share.

All clauses share a batch of the check's own; each takes serials that no other has. A clause
about batches takes `other` ones besides. Codes exist in this process alone.
"""

import copy
import itertools
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from ...codegen.codes.fingerprint import SCHEME, fingerprint, fingerprints, key_id
from ...codegen.errors import EnvironmentFailure
from ...codegen.secret import Secret
from .depth import Depth
from .draws import word
from .noise import Noise
from .outcome import Broken, NotOffered, expect
from .probe import CONFLICT, STATUSES, Answer, Probe

if TYPE_CHECKING:
    from .recorded import Recorded

SYMBOLS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
LENGTH = 16
QUANTITY = 20_000
# A backend of several workers may see a batch that another worker registered a second later.
SEEN_SECONDS: Final = 1.5
Serials = tuple[int, int]


@dataclass(frozen=True)
class BatchForm:
    """What a batch is registered with, apart from its home and key."""

    symbols: str = SYMBOLS
    length: int = LENGTH
    canonical: str = "crockford32"
    quantity: int = QUANTITY
    role: str = "item"
    pair_of: str | None = None


class Trial:
    """The keys, batches and ids of a check.

    `entropy(n)` gives n random bytes, of which codes and ids are made: they are new in every
    check. What is tried follows from `seed`. `second` signs with a second key, of a narrow
    scope, `platform` with a platform's, `dealer` with a key that is bound to a dealer; `last` is
    the earlier check that is asked again.
    """

    def __init__(  # noqa: PLR0913 - the parts of a check
        self,
        probe: Probe,
        fingerprint_key: Secret,
        home: str,
        entropy: Callable[[int], bytes],
        *,
        seed: int = 0,
        depth: Depth = Depth.NORMAL,
        second: Probe | None = None,
        platform: Probe | None = None,
        dealer: Probe | None = None,
        last: "Recorded | None" = None,
    ) -> None:
        self.probe, self.home, self.seed, self.depth = probe, home, seed, depth
        self.second, self.platform, self.dealer, self.last = second, platform, dealer, last
        self.key_id = key_id(fingerprint_key)
        self.noise = Noise(fingerprint_key)
        self._key, self._entropy = fingerprint_key, entropy
        self._numbers = itertools.count(1)
        self._others: dict[str, Trial] = {}
        self.begin(f"{home[:4]}-{word(entropy, SYMBOLS, 8)}", BatchForm())

    def begin(self, batch: str, form: BatchForm) -> None:
        """Work in this batch from now on, of which nothing is used yet."""
        self.batch, self.form = batch, form
        self._next = 1
        self._codes: dict[int, str] = {}
        self._seen = time.monotonic() + SEEN_SECONDS

    def other(self, name: str, **form: object) -> "Trial":
        """Another batch of this check, registered when it is first asked for; `home` is its own."""
        if name not in self._others:
            other = copy.copy(self)
            other.home = str(form.pop("home", self.home))
            other.begin(f"{self.batch}-{name}", replace(self.form, **form))  # type: ignore[arg-type]
            expect(other.register().status, 200, "the status of another batch")
            self._others[name] = other
        return self._others[name]

    def probes(self) -> list[Probe]:
        """One for each key that signs."""
        return [p for p in (self.probe, self.second, self.platform, self.dealer) if p]

    def batches(self) -> "Iterator[Trial]":
        """This one, and the others that were asked for."""
        yield self
        yield from self._others.values()

    # --- what a clause works with ---

    def serials(self, size: int) -> Serials:
        """The next `size` serials that no clause has used."""
        first, self._next = self._next, self._next + size
        if self._next > self.form.quantity + 1:
            raise ValueError("the batch is too small for the clauses")
        return first, self._next - 1

    def code(self, serial: int) -> str:
        """The code of a serial, drawn when it is first needed."""
        if serial not in self._codes:
            self._codes[serial] = self.new_code()
        return self._codes[serial]

    def new_code(self) -> str:
        """A code of the batch's form that no serial has."""
        return word(self._entropy, self.form.symbols, self.form.length)

    def give(self, serial: int, code: str) -> None:
        """Let `serial` have this code, which it keeps."""
        self._codes[serial] = code

    def fingerprints(self, serials: Serials) -> bytes:
        """16 bytes per code."""
        codes = "".join(self.code(serial) for serial in range(serials[0], serials[1] + 1))
        return fingerprints(codes.encode("ascii"), self.form.length, self._key)

    def fingerprint(self, code: str) -> bytes:
        """The fingerprint of a canonical code."""
        return fingerprint(code.encode("ascii"), self._key)

    def order_id(self) -> str:
        """An id no order had."""
        return f"{self.batch}-{next(self._numbers)}"

    # --- calls ---

    def registration(self, **changed: object) -> dict[str, object]:
        """What the batch is registered with."""
        own = {"home": self.home, "scheme": SCHEME, "fingerprint_key_id": self.key_id}
        return own | vars(self.form) | changed

    def register(self, **changed: object) -> Answer:
        """Register the batch."""
        return self.probe("PUT", f"/v1/batches/{self.batch}", self.registration(**changed))

    def upload(self, first: int, data: bytes) -> Answer:
        """Upload fingerprints from serial `first`."""
        return self.probe("PUT", f"/v1/batches/{self.batch}/fingerprints/{first}", data)

    def order(self, action: str, *ranges: Serials, order: str | None = None, **more: Any) -> Answer:  # noqa: ANN401 - JSON
        """Send an order of the batch; under a new id unless `order` is given."""
        path = f"/v1/orders/{order or self.order_id()}"
        return self.probe("PUT", path, self.body(action, *ranges, **more))

    def body(self, action: str, *ranges: Serials, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
        """An order's JSON object; `from_` stands for `from`."""
        body = {"batch": self.batch, "action": action, "serials": [list(pair) for pair in ranges]}
        return body | {key.rstrip("_"): value for key, value in more.items()}

    def new_head(self) -> str:
        """A head that no order brought."""
        return self._entropy(32).hex()

    def head(self, home: str) -> Mapping[str, Any]:
        """The newest head of `home`. Raises `NotOffered` if there is no such address."""
        answer = self.probe("GET", f"/v1/homes/{home}/head")
        if answer.status in (404, 405, 501):
            raise NotOffered("the backend has no GET /v1/homes/{home}/head")
        expect(answer.status, 200, "the status of a head")
        data = answer.data
        if not isinstance(data, dict):
            raise Broken("a head's answer is a JSON object", type(data).__name__)
        return data

    def reading(self) -> str:
        """The address of a short page of this batch."""
        return f"/v1/batches/{self.batch}?after={self.form.quantity - 1}"

    def page(self, after: int = 0, *, digests: bool = False) -> Answer:
        """Read ranges of the batch."""
        query = f"?after={after}" + ("&digests=true" if digests else "")
        return self.probe("GET", f"/v1/batches/{self.batch}{query}")

    def scan(self, code: str, scan_id: str | None = None) -> Mapping[str, Any]:
        """Scan as a phone would.

        Raises `NotOffered` if there is no such address, and if it refuses more scans for now.
        """
        time.sleep(max(0.0, self._seen - time.monotonic()))
        body = {"code": code} | ({"scan_id": scan_id} if scan_id else {})
        answer = self.probe("POST", "/v1/scans", body, form=None)
        if answer.status in (404, 405):
            raise NotOffered("the backend has no POST /v1/scans")
        if answer.status == 429:
            raise NotOffered("limited: the backend takes no more scans from here for now")
        expect(answer.status, 200, "the status of a scan")
        data = answer.data
        if not isinstance(data, dict):
            raise Broken("a scan's answer is a JSON object", type(data).__name__)
        self.noise.note(code, data.get("result"))
        return data

    def scanned(self, serial: int, /, **wanted: object) -> Mapping[str, Any]:
        """Scan the code of a serial; the answer, whose members are as `wanted`."""
        answer = self.scan(self.code(serial))
        for key, value in wanted.items():
            expect(answer.get(key), value, key)
        return answer

    # --- what must go well before a clause can be tried ---

    def uploaded(self, size: int) -> Serials:
        """New serials whose fingerprints are pending."""
        serials = self.serials(size)
        expect(
            self.upload(serials[0], self.fingerprints(serials)).status, 204, "an upload's status"
        )
        return serials

    def active(self, size: int, **more: Any) -> Serials:  # noqa: ANN401 - JSON
        """New serials, activated."""
        serials = self.uploaded(size)
        self.done("activate", serials, **more)
        return serials

    def done(self, action: str, *ranges: Serials, **more: Any) -> Mapping[str, Any]:  # noqa: ANN401 - JSON
        """An order that must be taken; its answer."""
        answer = self.order(action, *ranges, **more)
        if answer.status != 200 or not isinstance(answer.data, dict):
            raise Broken(f"{action} is taken: 200 with the answer", answer)
        found: Mapping[str, Any] = answer.data
        return found

    def refused(self, answer: Answer, *names: str) -> Mapping[str, Any]:
        """A refusal by one of these problems, well-formed; its object."""
        if answer.problem not in names:
            raise Broken(f"refused as {' or '.join(names)}", answer)
        data: Mapping[str, Any] = answer.data
        status = STATUSES.get(answer.problem, CONFLICT)
        expect(answer.status, status, f"the status of {answer.problem}")
        kind = answer.headers.get("content-type", "").partition(";")[0].strip()
        expect(kind, "application/problem+json", "a problem's content type")
        expect(data.get("status"), answer.status, "the problem's status, as the response's")
        return data

    def too_large(self, method: str, path: str, body: object, **how: Any) -> None:  # noqa: ANN401
        """Raises `Broken` if a body over the bounds is taken.

        A proxy may answer 413 in its own form, and who answers early may hang up.
        """
        try:
            answer = self.probe(method, path, body, **how)
        except EnvironmentFailure:
            return
        if answer.status != 413:
            self.refused(answer, "too-large", "invalid")

    def not_found(self, order: str) -> None:
        """Raises `Broken` if anything is kept under the id of this order."""
        self.refused(self.probe("GET", f"/v1/orders/{order}"), "not-found")

    def held(self, serials: Serials) -> int:
        """How many live fingerprints the backend says it holds of `serials`."""
        return sum(item["held"] for item in self.ranges(serials, digests=True))

    def states(self, serials: Serials) -> list[str]:
        """The state of each serial."""
        spans = [(item["state"], *item["serials"]) for item in self.ranges(serials)]
        return [state for state, first, last in spans for _ in range(first, last + 1)]

    def ranges(self, serials: Serials, *, digests: bool = False) -> list[dict[str, Any]]:
        """The ranges that cover `serials`, cut to them."""
        found: list[dict[str, Any]] = []
        after: int | None = serials[0] - 1
        while after is not None and after < serials[1]:
            answer = self.page(after, digests=digests)
            expect(answer.status, 200, "the status of a reading")
            data = answer.data
            try:
                for item in data["ranges"]:
                    first, last = item["serials"]
                    if first <= serials[1] and last >= serials[0]:
                        cut = [max(first, serials[0]), min(last, serials[1])]
                        found.append({**item, "serials": cut})
                following = data["next"]
            except (KeyError, TypeError, ValueError):
                raise Broken("a page has ranges with serials and state, and next", answer) from None
            # A page that shows nothing and goes on would have no end.
            if following is not None and (following <= after or not data["ranges"]):
                raise Broken("next moves on", f"{after}, then {following}")
            after = following
        return found
