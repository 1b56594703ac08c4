"""Faults of identity: which two orders under one id are the same."""

import json
from dataclasses import replace

from broken.site import Reply, fault, named

from mintmark.activation.backend import same_content

KEPT = {"blocked", "outside", "count-differs", "count-required"}
DEFAULTS = {
    "skip": [],
    "count": None,
    "from": None,
    "attributes": {},
    "reason": None,
    "effective_at": None,
    "expires_at": None,
}


def _ignoring(word, says, **same):
    def fault(site):
        identity = same_content.identity
        site.patch.setattr(same_content, "identity", lambda order: identity(replace(order, **same)))

    return named(fault, f"{word}_not_compared", says)


attributes_not_compared = _ignoring(
    "attributes",
    "Takes an order with other attributes under a used id for the same.",
    attributes={},
)
from_not_compared = _ignoring(
    "from", "Takes an order with another from under a used id for the same.", from_state=None
)
reason_not_compared = _ignoring(
    "reason", "Takes an order with another reason under a used id for the same.", reason=None
)
skip_not_compared = _ignoring(
    "skip", "Takes an order with another skip under a used id for the same.", skip_void=True
)
count_not_compared = _ignoring(
    "count", "Takes an order with another count under a used id for the same.", count=None
)


@fault
def validity_not_compared(site):
    """Takes an order with another validity under a used id for the same."""
    identity = same_content.identity

    def without(order):
        timeless = {k: v for k, v in order.attributes.items() if not k.endswith("_at")}
        return identity(replace(order, attributes=timeless))

    site.patch.setattr(same_content, "identity", without)


@fault
def serials_by_number(site):
    """Compares how many serials an order names, and not which."""
    identity = same_content.identity

    def counted(order):
        size = sum(map(len, order.serials))
        piece = type(order.serials[0])(1, size)
        return identity(replace(order, serials=(piece,)))

    site.patch.setattr(same_content, "identity", counted)


def _by(name, says, key):
    """A fault that calls orders of one id different if `key` of their JSON differs."""

    def fault(site):
        first = {}

        def told(call, reply):
            kept = reply.status == 200 or reply.problem in KEPT
            if not call.is_order() or not kept or call.data.get("dry_run"):
                return reply
            known = first.setdefault(call.path, key(call.data))
            return reply if known == key(call.data) else Reply.refusal("order-differs")

        site.around(told=told)

    return named(fault, name, says)


def _content(data):
    return {k: v for k, v in data.items() if k not in {"audit_head", "dry_run"}}


keys_in_order = _by(
    "keys_in_order",
    "Compares orders as bytes: keys in another order make another order.",
    lambda data: json.dumps(_content(data)),
)
defaults_matter = _by(
    "defaults_matter",
    "Takes an order that spells a default out for another order.",
    lambda data: sorted(_content(data)),
)
ranges_in_order = _by(
    "ranges_in_order",
    "Takes an order whose ranges stand in another order for another order.",
    lambda data: data.get("serials"),
)
times_as_text = _by(
    "times_as_text",
    "Takes the same moment with another offset for another content.",
    lambda data: [data.get("effective_at"), data.get("expires_at")],
)
head_compared = _by(
    "head_compared",
    "Takes an order that comes again with a newer audit_head for another order.",
    lambda data: data.get("audit_head"),
)
