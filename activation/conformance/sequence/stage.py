"""What a run's steps are called at a backend: ids, codes and bodies. It sends them.

Codes exist in this process alone; no text that leaves it holds one.
"""

import hashlib
import random
import time
from dataclasses import dataclass
from datetime import datetime, timedelta

from ....codegen.codes.fingerprint import SCHEME
from ..defaults import DEFAULTS
from ..probe import Answer
from ..trial import SEEN_SECONDS, Trial
from .steps import (
    FORMS,
    DrawnCode,
    OrderStep,
    ReadHeadStep,
    ReadOrderStep,
    ReadRangesStep,
    ReadUnknownStep,
    RegisterStep,
    ScanStep,
    Single,
    UploadStep,
)

TYPED = 4  # spellings of a code


@dataclass
class Shared:
    """What all runs of a check have in common.

    `after`: where the rows of unknown scans went on when they were read last. `scans_from`:
    by then (`time.monotonic`) every worker of a backend knows the forms of the batches.
    """

    after: int = 0
    scans_from: float | None = None


class Stage:
    """The names of one attempt at a sequence. Every attempt has batches of its own."""

    def __init__(self, trial: Trial, shared: Shared, beginning: datetime | None) -> None:
        self._trial, self._shared, self._beginning = trial, shared, beginning
        self._tag = trial.order_id()
        self.names = tuple(f"{self._tag}-{letter}" for letter in "AB")
        self._random = random.Random(trial.new_head())  # noqa: S311 - codes of a test
        self._codes: dict[DrawnCode, str] = {}

    # --- names ---

    def order_id(self, number: int) -> str:
        """The id of an order. Two of them differ in the case of a letter alone."""
        return f"{self._tag}-{_cased(number)}"

    def scan_id(self, number: int) -> str:
        """The id of a scan."""
        return f"{self._tag}-scan-{_cased(number)}"

    def head(self, number: int) -> str:
        """The head that an order brings."""
        return hashlib.sha256(f"{self._tag} {number}".encode("ascii")).hexdigest()

    def _code(self, code: DrawnCode) -> str:
        form = FORMS[code.batch]
        if code not in self._codes:
            drawn = self._random.choices(form.symbols, k=form.length)
            self._codes[code] = "".join(drawn)
        return self._codes[code]

    def typed(self, code: DrawnCode, how: int) -> str:
        """The text of a code as a phone may send it; 0: as it was drawn."""
        text, folds = self._code(code), FORMS[code.batch].canonical == "crockford32"
        if how == 1:
            return text.lower()
        if how == 2:
            return "-".join(text[at : at + 4] for at in range(0, len(text), 4)) if folds else text
        if how == 3:
            mixed = text[:5].lower() + text[5:]
            return f" {mixed.replace('0', 'o').replace('1', 'I')} " if folds else mixed
        return text

    def fingerprint(self, code: DrawnCode) -> bytes:
        """The fingerprint of a code."""
        return self._trial.fingerprint(self._code(code))

    # --- bodies ---

    def registration(self, number: int, changed: str | None = None) -> dict[str, object]:
        """What a batch is registered with."""
        form = FORMS[number]
        body: dict[str, object] = {
            "home": self._trial.home,
            "symbols": form.symbols,
            "length": form.length,
            "canonical": form.canonical,
            "quantity": form.quantity,
            "scheme": SCHEME,
            "fingerprint_key_id": self._trial.key_id,
            "role": form.role,
            "pair_of": self.names[0] if number else None,
        }
        others: dict[str, object] = {
            "symbols": form.symbols[::-1],
            "length": form.length + 1,
            "canonical": FORMS[1 - number].canonical,
            "quantity": form.quantity + 1,
            "role": "carton",
            "pair_of": f"{self._tag}-C",
            "home": f"{self._trial.home[:60]}-2",
        }
        return body | ({changed: others[changed]} if changed else {})

    def body(self, step: OrderStep) -> dict[str, object]:
        """The JSON object of an order, in the spelling of the step."""
        given: dict[str, object] = {
            "batch": self.names[step.batch],
            "action": step.action,
            "serials": _pairs(step),
            "skip": ["void"] if step.skip else [],
            "count": step.count,
            "from": step.from_state,
            "attributes": dict(step.attributes),
            **step.times(self._beginning),
            "reason": step.reason,
            "dry_run": step.dry_run,
            "audit_head": None if step.head is None else self.head(step.head),
        }
        if not step.spelling.full:
            given = {k: v for k, v in given.items() if k not in DEFAULTS or v != DEFAULTS[k]}
        if step.spelling.turned:
            given["serials"] = _pairs(step)[::-1]
            given = dict(reversed(given.items()))
        return given

    # --- requests ---

    def register(self, number: int) -> Answer:
        """Make a batch known."""
        answer = self.send(RegisterStep(number))
        if self._shared.scans_from is None and number + 1 == len(FORMS):
            self._shared.scans_from = time.monotonic() + SEEN_SECONDS
        return answer

    def send(self, step: Single, after: int = 0) -> Answer:
        """Send the step's request; its answer. `after`: the cursor of unknown scans."""
        probe = self._trial.probe
        match step:
            case RegisterStep():
                body = self.registration(step.batch, step.changed)
                return probe("PUT", self.path(step), body)
            case UploadStep():
                data = b"".join(self.fingerprint(code) for code in step.codes)
                return probe("PUT", self.path(step), data)
            case OrderStep():
                return probe("PUT", self.path(step), self.body(step))
            case ScanStep():
                return self._scanned(step)
            case _:
                return probe("GET", self.path(step, after))

    def _scanned(self, step: ScanStep) -> Answer:
        self._wait()
        answer = self._trial.probe("POST", self.path(step), self.scan(step), form=None)
        if answer.status == 200 and isinstance(answer.data, dict):
            self._trial.noise.note(self._code(step.code), answer.data.get("result"))
        return answer

    def _wait(self) -> None:
        if self._shared.scans_from is not None:
            time.sleep(max(0.0, self._shared.scans_from - time.monotonic()))

    def scan(self, step: ScanStep) -> dict[str, object]:
        """The JSON object of a scan. It holds a code."""
        name = {} if step.scan_id is None else {"scan_id": self.scan_id(step.scan_id)}
        return {"code": self.typed(step.code, step.typed), **name}

    def path(self, step: Single, after: int = 0) -> str:
        """The address of the step's request."""
        match step:
            case RegisterStep():
                path = f"batches/{self.names[step.batch]}"
            case UploadStep():
                path = f"batches/{self.names[step.batch]}/fingerprints/{step.first}"
            case OrderStep() | ReadOrderStep():
                path = f"orders/{self.order_id(step.number)}"
            case ReadHeadStep():
                path = f"homes/{self._trial.home}/head"
            case ReadRangesStep():
                query = f"?after={step.after}" + ("&digests=true" if step.digests else "")
                path = f"batches/{self.names[step.batch]}{query}"
            case ReadUnknownStep():
                path = f"unknown-scans?after={after}"
            case _:
                path = "scans"
        return f"/v1/{path}"


def _cased(number: int) -> str:
    return f"{number // 2}{'oO'[number % 2]}"


def _pairs(step: OrderStep) -> list[list[int]]:
    *pairs, last = [list(pair) for pair in step.serials]
    if step.spelling.split and last[0] < last[1]:
        return [*pairs, [last[0], last[0]], [last[0] + 1, last[1]]]
    return [*pairs, last]


def time_of(answer: Answer) -> datetime | None:
    """The backend's own time, in whole minutes, of the `Date` of an answer (RFC 9110)."""
    from email.utils import parsedate_to_datetime

    try:
        found = parsedate_to_datetime(answer.headers.get("date", ""))
    except ValueError:
        return None
    return found - timedelta(seconds=found.second) if found.tzinfo else None
