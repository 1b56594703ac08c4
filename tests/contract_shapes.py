"""The JSON of the contract: the types of its values, and each command's keys."""

import re
from pathlib import Path

import contract_alarms
import contract_associate
import contract_away
import contract_cartons
import contract_check
import contract_copies
import contract_epcis
import contract_labels
import contract_ledger
import contract_line
import contract_locate
import contract_receipts
import contract_roles
import contract_stations
import contract_stock
import contract_trace
import contract_when
import contract_where

# --- the types of JSON values ----------------------------------------------------------

_ID = re.compile(r"[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{8,12}", re.ASCII)
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", re.ASCII)


def _whole(value):
    return type(value) is int and value >= 0


def _pairs(value):
    return isinstance(value, list) and all(
        isinstance(pair, list) and list(map(type, pair)) == [int, int] and 1 <= pair[0] <= pair[1]
        for pair in value
    )


_PLAIN = (str, int, float, bool, type(None))


def _attributes(value):
    return isinstance(value, dict) and all(map(_attribute, value.items()))


def _attribute(item):
    """Whether it is plain, or a window of plain ones."""
    key, value = item
    if key.startswith("window.") and isinstance(value, dict):
        whole = value.keys() == {"from", "until", "daily", "attributes"}
        return whole and all(isinstance(v, _PLAIN) for v in value["attributes"].values())
    return isinstance(value, _PLAIN)


KINDS = {
    "text": lambda value: isinstance(value, str),
    "count": _whole,
    "number": lambda value: type(value) in (int, float),
    "true/false": lambda value: isinstance(value, bool),
    "ranges": _pairs,
    "pair": lambda value: _pairs([value]),
    "id": lambda value: isinstance(value, str) and bool(_ID.fullmatch(value)),
    "key id": lambda value: isinstance(value, str) and bool(re.fullmatch("[0-9a-f]{16}", value)),
    "sha256": lambda value: isinstance(value, str) and bool(re.fullmatch("[0-9a-f]{64}", value)),
    "time": lambda value: isinstance(value, str) and bool(_TIME.fullmatch(value)),
    "path": lambda value: isinstance(value, str) and Path(value).is_absolute(),
    "names": lambda value: isinstance(value, list) and all(isinstance(n, str) for n in value),
    "attributes": _attributes,
    "object": lambda value: isinstance(value, dict),
    "activation": lambda value: not problems(value, contract_locate.ACTIVATION),
    "picture": lambda value: not problems(value, contract_locate.PICTURE),
    "sscc": lambda value: not problems(value, contract_roles.SSCC),
    "code": lambda value: not problems(value, contract_associate.CODE),
    "parent": lambda value: not problems(value, contract_associate.PARENT),
}


def problems(value, shape, path="$"):
    """What `value` has and `shape` does not allow, and what it lacks; one line per problem.

    A tuple of shapes allows each of them.
    """
    if isinstance(shape, tuple):
        return min((problems(value, each, path) for each in shape), key=len)
    if isinstance(shape, dict):
        if not isinstance(value, dict):
            return [f"{path}: {value!r} is no object"]
        found = [f"{path}: no key {key}" for key in shape.keys() - value.keys()]
        found += [f"{path}: {key} is not in the contract" for key in value.keys() - shape.keys()]
        both = shape.keys() & value.keys()
        return found + [p for k in both for p in problems(value[k], shape[k], f"{path}.{k}")]
    if isinstance(shape, list):
        if not isinstance(value, list):
            return [f"{path}: {value!r} is no list"]
        return [p for i, v in enumerate(value) for p in problems(v, shape[0], f"{path}[{i}]")]
    return _plain_problems(value, shape, path)


def _plain_problems(value, kind, path):
    if kind.endswith("?"):
        return [] if value is None else _plain_problems(value, kind[:-1], path)
    fits = KINDS[kind](value) if kind in KINDS else value in kind.split(" | ")
    return [] if fits else [f"{path}: {value!r} is not of the kind {kind}"]


# --- the keys of each command's result ---------------------------------------------------

STATES = dict.fromkeys(("sealed", "packaged", "active", "frozen", "void"), "count")
STATE = " | ".join(STATES)
ACTIONS = ("activate", "freeze", "unfreeze", "revoke", "void", "unvoid", "assign")
ACTION = " | ".join(ACTIONS)
_KEY = {"key_id": "key id", "kind": "station | line | custodian | platform", "name": "text"}
KEY = {**_KEY, "revoked": "true/false"}
CONTACT = {"contact": "text", "name": "text", "channel": "text?"}
BATCH = {
    "batch": "id",
    "quantity": "count",
    "product": "text?",
    "ref": "text?",
    "states": STATES,
    "unacknowledged": "count",
    "refused": "count",
    "without_receipt": "count",
}
PACKAGE = {
    "package": "id",
    "batch": "id",
    "pair": "id?",
    "serials": "ranges",
    "contact": "text",
    "profile": "text",
    "status": "begun | packaged | abandoned | superseded",
    "copies": "count",
}
PART = {"batch": "id", "serials": "ranges"}
ORDER_ROW = {
    "order": "text",
    "batch": "id",
    "action": f"{ACTION} | associate | dissociate",
    "serials": "ranges",
    "status": "queued | acknowledged | refused | cancelled | scheduled",
    "applied_count": "count",
    "skipped_count": "count",
    "attributes": "attributes",
    "count": "count?",
    "from_state": f"{STATE}?",
    "reason": "text?",
    "line": "text?",
    "attempts": "count",
    "in_doubt": "true/false",
    "parents": "object?",
    "children": [PART],
    "each": "count?",
    "parents_count": "count",
    "detail": "text?",
    "at": "time?",
    "late": "text?",
}
ORDERED = {
    "order": "text",
    "batch": "id",
    "serials": "ranges",
    "applied": "ranges",
    "skipped": "ranges",
    "action": ACTION,
    "delivery": "acknowledged | queued | refused | cancelled | scheduled?",
    "dry_run": "true/false",
    "detail": "text?",
    "attributes": "attributes",
    "repeated": "true/false",
    "undone": "ranges",
    "notes": ["text"],
    "at": "time?",
    "scheduled": "waiting | booked | cancelled | refused?",
}
GROUP = contract_cartons.group(ORDERED, ACTION)
BY_CONDITIONS = contract_where.ordered(ACTION, STATE)
EVENT = {
    "seq": "count",
    "type": "text",
    "at": "time",
    "operator": "text",
    "os_user": "text",
    "host": "text",
    "key_id": "key id",
    "body": "object",
    "previous": "sha256",
    "hash": "sha256",
    "signature": "text",
}
SHAPES = {
    "init": {
        "home": "path",
        "home_id": "id",
        "custodian_key": "path?",
        "station_key_id": "key id",
        "fingerprint_key_id": "key id",
        **dict.fromkeys(("ledger", "vault", "store"), "text?"),
    },
    "mint": {
        "batch": "id",
        "quantity": "count",
        "serials": "ranges",
        "alphabet": "text",
        "length": "count",
        "entropy_bits": "number",
        "guess_probability": "number",
        "offline_bits": "number",
        "offline_seconds": "number",
        "product": "text?",
        "ref": "text?",
        **contract_roles.OF_BATCH,
        "repeated": "true/false",
    },
    "batch list": {"batches": [{**BATCH, **contract_roles.OF_BATCH, "minted_at": "time"}]},
    "batch show": {
        **BATCH,
        **contract_roles.SHOWN,
        "reserved": "count",
        "offline_bits": "number",
        "offline_seconds": "number",
        "offline_bits_today": "number",
        "offline_seconds_today": "number",
        "ranges": [
            {
                "serials": "ranges",
                "state": STATE,
                "package": "id?",
                "attributes": "attributes",
                "reason": "text?",
                "holding": "names",
            }
        ],
        "next": "count?",
    },
    "contact add": CONTACT,
    "contact list": {"contacts": [CONTACT]},
    "locate": contract_locate.of_label(STATE),
    "audit verify": {"ok": "true/false", "events": "count", "head": "sha256"},
    "audit show": {"events": [EVENT]},
    "audit settle": contract_copies.SHAPE,
    "audit export": contract_epcis.SHAPE,
    "key list": {"keys": [KEY]},
    "key new": KEY,
    "key export": {
        "line": [{"name": "text", "key_id": "key id", "algorithm": "text", "public_key": "sha256"}],
        "platform": [
            {"name": "text", "key_id": "key id", "algorithm": "text", "public_key": "sha256"}
        ],
        "folder": "path?",
        "fingerprint_key_id": "key id?",
        "files": "names?",
    },
    "key custodian": {"key_id": "text", "custodian_key": "text", "public_key": "text"},
    "key admit": KEY,
    "key rewrap": {"batches": ["id"], "custodians": ["key id"], "unopened": ["id"]},
    "key revoke": KEY,
    "doctor": {
        "ok": "true/false",
        "findings": [
            {"level": "error | warning | ok", "check": "text", "message": "text", "hint": "text"}
        ],
    },
    "export": {
        "package": "id",
        "batch": "id",
        "serials": "ranges",
        "archive": "path",
        "sha256": "sha256",
        "profile": "text",
        "letter": "path",
        "units": "count",
        "preflight": "text",
        "test": "true/false",
        "supersedes": "id?",
        "replaces": "id?",
        "copies": "count",
        "labels": "count",
        "pair": "id?",
    },
    "profile list": {
        "profiles": [
            {
                "profile": "text",
                "origin": "text",
                "format": "text?",
                "description": "text?",
                "error": "text?",
            }
        ]
    },
    "profile show": {
        "profile": "text",
        "origin": "text",
        "format": "text",
        "description": "text",
        "file": "path",
        "text": "text",
        "document": "object",
    },
    "profile check": {
        "ok": "true/false",
        "profile": "text",
        "format": "text",
        "unit_size": "count",
        "columns": ["text"],
    },
    "plan": {
        "template": "text",
        "characters": "count",
        "mode": "numeric | alphanumeric | byte",
        "version": "count",
        "level": "L | M | Q | H",
        "modules": "count",
        "dpi": "count",
        "module_dots": "count",
        "module_mm": "number",
        "quiet_zone_mm": "number",
        "symbol_mm": "number",
        "room_mm": "number?",
        "fits": "true/false?",
        "advice": ["text"],
        "warnings": ["text"],
        "codes_per_second": "number?",
        "hours": "number?",
        "quantity": "count?",
        "entropy_bits": "number",
        "guess_probability": "number?",
        "offline_bits": "number?",
        "offline_seconds": "number?",
        "word_one_in": "count?",
        "files": ["path"],
    },
    "package list": {"packages": [{**PACKAGE, "without_receipt": "count"}]},
    "package show": {
        **PACKAGE,
        "archive": "text?",
        "sha256": "sha256?",
        **contract_receipts.SHOWN,
    },
    "package verify": {
        "ok": "true/false",
        "package": "id",
        "batch": "id",
        "pair": "id?",
        "serials": "ranges",
        "rows": "count",
        "files": "count",
        "key_id": "key id",
        "trusted": "true/false",
        "test": "true/false",
        "copies": "count",
        "labels": "count",
    },
    "package verify-print": {
        "ok": "true/false",
        "symbols": "count",
        "unreadable": "count",
        "unknown": "count",
        "packages": [
            {
                "package": "id?",
                "batch": "id?",
                "test": "true/false",
                "units": ["id"],
                "serials": "ranges",
                "symbols": "count",
                **dict.fromkeys(
                    ("doubled", "missing", "out_of_order", "void", "other_address"), "ranges"
                ),
                **dict.fromkeys(("mirrored", "light_on_dark"), "ranges"),
                "notes": ["text"],
                **contract_locate.OF_PRINTED,
            }
        ],
        "labels": [contract_locate.of_label(STATE)],
        "pictures": [
            {
                "file": "path",
                "page": "count",
                "symbols": "count",
                "unreadable": [["count"]],
                "ordered": "true/false?",
            }
        ],
    },
    **dict.fromkeys(ACTIONS, contract_away.waits(ORDERED, GROUP, BY_CONDITIONS)),
    "deliver": {
        "delivered": ["text"],
        "queued": "count",
        "refused": ["text"],
        "detail": "text?",
        "scan_ins": "count",
        "scan_ins_detail": "text?",
        "scheduled": [contract_when.ENDED],
        **contract_away.DELIVERED,
    },
    "find": contract_where.found(STATE),
    "orders list": contract_away.waits({"orders": [ORDER_ROW], "scheduled": "count"}),
    "orders show": contract_away.waits(ORDER_ROW),
    "orders cancel": ORDER_ROW,
    "backend serve": {"url": "text"},
    "demo": {
        "out": "path",
        "batch": "id",
        "package": "id",
        "archive": "path",
        "scans": "object",
        "carton": "text",
    },
}
SHAPES |= contract_receipts.shapes(SHAPES["export"])
SHAPES["package labels"] = (SHAPES["package labels"], contract_labels.CARTONS)
SHAPES |= contract_line.shapes(
    *contract_away.waits(ORDERED, GROUP, BY_CONDITIONS),
    *contract_away.waits(contract_associate.PACKED),
)
SHAPES |= contract_associate.SHAPES
SHAPES |= contract_away.SHAPES
SHAPES |= contract_alarms.shapes()
SHAPES |= contract_check.shapes()
SHAPES |= contract_trace.shapes(STATE)
SHAPES |= contract_stock.SHAPES
SHAPES |= contract_stations.SHAPES
SHAPES |= contract_ledger.SHAPES
