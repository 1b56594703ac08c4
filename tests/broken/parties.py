"""Faults of parties and platforms: who scans, who is told what. Served with signatures."""

import re
from dataclasses import replace

from broken.site import Reply, fault, named

from mintmark.activation.backend import app, models, scan_counters, signatures
from mintmark.activation.backend.problems import Problem
from mintmark.activation.backend.scanned_code import ScannedCode, ScanRequest
from mintmark.activation.backend.sender import LOOPBACK, Sender
from mintmark.activation.backend.store import Store
from mintmark.activation.client.wire import Party
from mintmark.codegen.ranges.attributes import public_of


@fault
def one_counter(site):
    """Counts every party's scans as a consumer's."""
    count, scans = ScannedCode.count, ScannedCode.scans
    site.patch.setattr(ScannedCode, "count", lambda self, _, at: count(self, Party.CONSUMER, at))
    site.patch.setattr(ScannedCode, "scans", lambda self, _: scans(self, Party.CONSUMER))


@fault
def one_limit(site):
    """Limits every party's scans by max_scans."""
    right = scan_counters.verdict
    site.patch.setattr(
        scan_counters,
        "verdict",
        lambda state, worth, scans, now, _: right(state, worth, scans, now),
    )


@fault
def unlimited_guides(site):
    """Calls every scan by others than consumers genuine."""
    right = scan_counters.verdict

    def verdict(state, worth, scans, now, party):
        return right(state, worth, scans if party is Party.CONSUMER else 0, now, party)

    site.patch.setattr(scan_counters, "verdict", verdict)


@fault
def parties_in_any_order(site):
    """Tells of a code only the party that scans it."""

    def told(call, reply):
        data = reply.data
        if call.path == "/v1/scans" and data.get("parties"):
            own = {data["as"]: data["parties"][data["as"]]} if data["as"] in data["parties"] else {}
            return reply.with_data(data | {"parties": own})
        return reply

    site.around(told=told)


def _telling(name, says, wrong):
    def fault(site):
        right = scan_counters._told
        site.patch.setattr(scan_counters, "_told", lambda answer, by: wrong(right, answer, by))

    return named(fault, name, says)


signed_told_little = _telling(
    "signed_told_little",
    "Tells a platform no more than a phone.",
    lambda right, answer, by: right(answer, replace(by, signed=False)),
)
anybody_told_all = _telling(
    "anybody_told_all",
    "Tells a phone all attributes.",
    lambda right, answer, by: right(answer, replace(by, signed=True)),
)


@fault
def kept_as_told(site):
    """Keeps an answer with the attributes that were told, and tells a platform no more."""
    right = scan_counters._answered

    def answered(code, scan, now, at):
        answer = right(code, scan, now, at)
        if scan.kept_as in code.kept and not scan.by.signed:
            short = replace(answer, attributes=public_of(answer.attributes))
            code.kept[scan.kept_as] = code.answered[scan.kept_as] = short
        return answer

    site.patch.setattr(scan_counters, "_answered", answered)


@fault
def kept_for_all(site):
    """Tells a phone all that was told to a platform, if it comes with the same scan_id."""
    right, tell, known = scan_counters._answered, scan_counters._told, []

    def answered(code, scan, now, at):
        known[:] = [scan.kept_as in code.answered]
        return right(code, scan, now, at)

    def told(answer, by):
        return answer if any(known) else tell(answer, by)

    site.patch.setattr(scan_counters, "_answered", answered)
    site.patch.setattr(scan_counters, "_told", told)


@fault
def scan_ids_of_all(site):
    """Takes the same scan_id by another party for the same scan."""
    site.patch.setattr(ScanRequest, "kept_as", property(lambda self: self.scan_id))


def _permitting(name, says, method, wrong=lambda *_, **__: None):
    def fault(site):
        right = getattr(Sender, method)

        def permit(self, *arguments, **options):
            return wrong(right, self, *arguments, **options)

        site.patch.setattr(Sender, method, permit)

    return named(fault, name, says)


lines_scan = _permitting(
    "lines_scan",
    "Takes a scan that any key signed.",
    "permit_scan",
    lambda right, own, party: right(replace(own, platform=True), party),
)
platform_for_all = _permitting(
    "platform_for_all",
    "Does not look at a platform's parties.",
    "permit_scan",
    lambda right, own, party: right(replace(own, parties=None), party),
)
platform_as_line = _permitting(
    "platform_as_line", "Lets a platform read and order what lines do.", "permit_line"
)
bound_to_keys = _permitting(
    "bound_to_keys",
    "Looks at which attributes a key may set, and not at their values.",
    "_permit_values",
    lambda right, own, patch: right(
        own, {key: (own.attributes or {}).get(key, value) for key, value in patch.items()}
    ),
)
bound_to_nothing = _permitting(
    "bound_to_nothing", "Does not look at the attributes that a key is bound to.", "_permit_values"
)


any_dealer = _permitting(
    "any_dealer",
    "Lets a dealer's key take goods in for another dealer.",
    "dealer_of",
    lambda right, own, wanted: wanted or right(own, wanted),
)
any_key_takes_in = _permitting(
    "any_key_takes_in",
    "Looks at the dealer of a scan-in, and not at the key's batches.",
    "permit_batch",
    lambda right, own, batch: None if own.attributes or own.platform else right(own, batch),
)


@fault
class FoundUnscoped(Store):
    """Looks at the batches that a scan-in names, and not at those that codes lead to."""

    def scan_in(self, request, now, permit=lambda _: None):
        del permit
        return super().scan_in(request, now)


@fault
def parties_unsigned(site):
    """Believes whoever says that he is a guide."""
    right = app.authorise

    async def lax(request):
        if request.url.path == "/v1/scans" and "signature-input" not in request.headers:
            return LOOPBACK
        return await right(request)

    site.patch.setattr(app, "authorise", lax)


@fault
def scans_replayed(site):
    """Remembers the nonces of orders and readings, and counts a scan as often as it is sent."""
    right = app.scanner

    async def lax(request):
        if "signature-input" not in request.headers:
            return await right(request)
        backend = request.app.state.backend
        signed = signatures.verify(request, await request.body(), backend.senders, backend.now())
        return signed.sender

    site.patch.setattr(app, "scanner", lax)


@fault
def bad_signature_anonymous(site):
    """Takes a scan whose signature is not good for one without."""
    right = app.scanner

    async def lax(request):
        try:
            return await right(request)
        except Problem:
            return None

    site.patch.setattr(app, "scanner", lax)


@fault
def regions_unread(site):
    """Takes any text for a region."""

    def asked(call):
        region = call.data.get("region") if call.path == "/v1/scans" else None
        odd = isinstance(region, str) and not re.fullmatch(models.REGION, region)
        return call.with_data(call.data | {"region": "DE"}) if odd else call

    site.around(asked)


@fault
def platform_reads_nothing(site):
    """Lets lines alone read refused scans and repeats."""

    def asked(call):
        signed = dict(call.headers).get(b"signature-input", b"")
        reads = call.path in ("/v1/refused-scans", "/v1/repeats")
        return Reply.refusal("forbidden") if reads and b'keyid="platform"' in signed else call

    site.around(asked)
