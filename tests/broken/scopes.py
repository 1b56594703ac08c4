"""Faults of who may do what: keys, and their scopes. Served with signatures."""

from dataclasses import replace

from broken.site import Reply, fault, named
from conformance_kit import KEYS, PRIVATE, Known
from http_message_signatures.algorithms import ED25519

from mintmark.activation.backend import app, authorise
from mintmark.activation.backend.sender import LOOPBACK, Sender
from mintmark.activation.backend.store import Store


@fault
def any_key(site):
    """Has a key for whatever it is called."""

    class All(Known):
        def __call__(self, key_id):
            return Sender(key_id, "x", ED25519, PRIVATE.public_key())

    site.senders = All


@fault
def open_reads(site):
    """Asks for a signature with orders, and lets everybody read."""
    right = authorise.authorise

    async def lax(request):
        if request.method == "GET" and "signature" not in request.headers:
            return LOOPBACK
        return await right(request)

    site.patch.setattr(app, "authorise", lax)


@fault
def health_closed(site):
    """Asks for a signature before it says how it is."""

    def asked(call):
        signed = any(name == b"signature" for name, _ in call.headers)
        if call.path == "/v1/health" and not signed:
            return Reply.refusal("unauthorised", server_time="2026-01-01T00:00:00Z")
        return call

    site.around(asked)


@fault
def no_server_time(site):
    """Does not say what time it is when it refuses a signature."""

    def told(_, reply):
        data = reply.data
        if reply.problem == "unauthorised":
            del data["server_time"]
            return reply.with_data(data)
        return reply

    site.around(told=told)


@fault
def strangers_told(site):
    """Answers 403 to a key that it does not know: a stranger learns which keys there are."""

    def told(call, reply):
        signed = dict(call.headers).get(b"signature-input", b"")
        if (
            reply.problem == "unauthorised"
            and signed
            and not any(f'keyid="{name}"'.encode() in signed for name in KEYS)
        ):
            return Reply.refusal("forbidden")
        return reply

    site.around(told=told)


def _permitting(name, says, method, wrong):
    def fault(site):
        right = getattr(Sender, method)

        def permit(self, *arguments, **options):
            return wrong(right, self, *arguments, **options)

        site.patch.setattr(Sender, method, permit)

    return named(fault, name, says)


reads_unscoped = _permitting(
    "reads_unscoped",
    "Looks at a key's batches when it orders, and not when it reads.",
    "permit",
    lambda right, sender, batch, *, upload=False: None,
)


uploads_unscoped = _permitting(
    "uploads_unscoped",
    "Lets every key upload that may order.",
    "permit",
    lambda right, sender, batch, *, upload=False: right(sender, batch),
)


actions_unscoped = _permitting(
    "actions_unscoped",
    "Does not look at a key's actions.",
    "permit_order",
    lambda right, sender, *order: right(replace(sender, actions=None), *order),
)


layers_unscoped = _permitting(
    "layers_unscoped",
    "Does not look at a key's layers of attributes.",
    "permit_order",
    lambda right, sender, *order: right(replace(sender, layers=None), *order),
)


orders_unscoped = _permitting(
    "orders_unscoped",
    "Looks at a key's batches when it reads, and not when it orders.",
    "permit_order",
    lambda right, sender, *order: right(replace(sender, batches=None), *order),
)


@fault
def packing_any_action(site):
    """Looks at the batches of an aggregation, and not whether the key may pack."""

    def lax(self, batches, _action):
        for batch in batches:
            self.permit(batch)

    site.patch.setattr(Sender, "permit_packing", lax)


@fault
def packing_by_any_batch(site):
    """Lets a key pack that may order one of the batches, and not each."""
    strict = Sender.permit_packing

    def lax(self, batches, action):
        strict(self, sorted(batches, key=lambda batch: batch.endswith("-narrow"))[-1:], action)

    site.patch.setattr(Sender, "permit_packing", lax)


@fault
class PackingReadByOneBatch(Store):
    """Tells an aggregation to whoever may read the first batch of its children."""

    def get_aggregation(self, name, permit=lambda _: None):
        asked = []

        def first(batch):
            if not asked:
                permit(batch)
            asked.append(batch)

        return super().get_aggregation(name, first)
