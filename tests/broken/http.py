"""Faults of HTTP: the form of requests, of answers and of problems."""

import json
from dataclasses import replace

from broken.site import Reply, fault, named

from mintmark.activation.backend import guard, models
from mintmark.activation.backend.problems import MEDIA_TYPE

NO_STORE = b"cache-control"


def _told(name, says, change):
    """A fault of answers: `change(call, reply)` goes out."""
    return named(lambda site: site.around(told=change), name, says)


def _asked(name, says, change):
    """A fault of requests: `change(call)` is what the app sees."""
    return named(lambda site: site.around(change), name, says)


def _uncached(wanted):
    return lambda call, reply: (
        reply.with_headers(without={NO_STORE}) if wanted(call, reply) else reply
    )


errors_cached = _told(
    "errors_cached",
    "Sends no Cache-Control with refusals.",
    _uncached(lambda _, reply: reply.status >= 400),
)
scans_cached = _told(
    "scans_cached",
    "Sends no Cache-Control with answers to scans.",
    _uncached(lambda call, _: call.path == "/v1/scans"),
)


def _as_json(_, reply):
    if reply.status < 400:
        return reply
    kind = (b"content-type", b"application/json")
    return reply.with_headers(without={b"content-type"}, more=(kind,))


problems_as_json = _told("problems_as_json", "Sends problems as application/json.", _as_json)


def _problem(change):
    def told(_, reply):
        if not reply.problem:
            return reply
        data = reply.data
        change(data)
        return reply.with_data(data)

    return told


members_lost = _told(
    "members_lost",
    "Sends of a problem no more than type, title, status and detail.",
    _problem(
        lambda data: [data.pop(key) for key in {*data} - {"type", "title", "status", "detail"}]
    ),
)


def _status(name, says, change):
    """A fault of status: `change(call, reply)` is the status in the place of the right one."""

    def told(call, reply):
        status = change(call, reply) or reply.status
        body = reply.body
        if reply.problem and status != reply.status:
            body = json.dumps(reply.data | {"status": status}).encode()
        return replace(reply, status=status, body=body)

    return _told(name, says, told)


upload_answers_200 = _status(
    "upload_answers_200",
    "Answers 200 to an upload.",
    lambda call, reply: 200 if reply.status == 204 and call.path.startswith("/v1/") else None,
)
register_answers_201 = _status(
    "register_answers_201",
    "Answers 201 to a batch that is new.",
    lambda call, reply: (
        201
        if call.method == "PUT"
        and call.path.count("/") == 3
        and "/batches/" in call.path
        and reply.status == 200
        else None
    ),
)
order_differs_404 = _status(
    "order_differs_404",
    "Answers 404 where an id was used by another order.",
    lambda _, reply: 404 if reply.problem == "order-differs" else None,
)
kept_refusal_200 = _status(
    "kept_refusal_200",
    "Answers 200 to who reads an order back that was refused.",
    lambda call, reply: (
        200 if call.method == "GET" and "/orders/" in call.path and reply.status == 409 else None
    ),
)


def _plain(call, reply):
    if reply.status != 404:
        return reply
    kind = (b"content-type", b"text/html")
    page = replace(reply, body=b"<h1>Not Found</h1>")
    return page.with_headers(without={b"content-type"}, more=(kind,))


not_found_as_page = _told("not_found_as_page", "Answers what it does not find with a page.", _plain)
no_allow = _told(
    "no_allow",
    "Sends 405 without Allow.",
    lambda _, reply: reply.with_headers(without={b"allow"}) if reply.status == 405 else reply,
)


def _no_head(call):
    if call.method == "HEAD" and call.path == "/v1/health":
        headers = ((b"content-type", MEDIA_TYPE.encode()), (b"allow", b"GET"))
        refusal = Reply.refusal("method-not-allowed")
        return replace(refusal, headers=(*headers, (NO_STORE, b"no-store")))
    return call


no_head = _asked("no_head", "Refuses HEAD of /v1/health.", _no_head)


@fault
def unknown_keys_passed(site):
    """Passes over keys of an order that it does not know."""

    def asked(call):
        if not call.is_order():
            return call
        known = {item.alias or name for name, item in models.OrderBody.model_fields.items()}
        data = {key: value for key, value in call.data.items() if key in known}
        return call.with_data(data) if call.data else call

    site.around(asked)


@fault
def truth_is_a_number(site):
    """Takes 1 for true and true for 1, as its language does."""

    def asked(call):
        data = call.data
        if not call.is_order():
            return call
        if type(data.get("count")) is bool:
            data["count"] = int(data["count"])
        if type(data.get("dry_run")) is int:
            data["dry_run"] = bool(data["dry_run"])
        return call.with_data(data) if call.data and data is not call.data else call

    site.around(asked)


@fault
def long_ids_cut(site):
    """Cuts ids of orders after 32 characters, as its column does."""

    def asked(call):
        if "/orders/" not in call.path:
            return call
        start, _, name = call.path.rpartition("/")
        return replace(call, path=f"{start}/{name[:32]}")

    def told(call, reply):
        data = reply.data
        if "/orders/" in call.path and "order" in data:
            return reply.with_data(data | {"order": call.path.rpartition("/")[2]})
        return reply

    site.around(asked, told)


@fault
def small_bodies(site):
    """Refuses bodies beyond 256 KiB as too large."""
    body = guard.Guard._body

    async def bounded(self, scope, receive):
        found = await body(self, scope, receive)
        if found is not None and len(found) > 262_144:
            raise guard.Problem("too-large", "")
        return found

    site.patch.setattr(guard.Guard, "_body", bounded)
