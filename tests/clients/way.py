"""The way of a line and a phone, through the client that openapi-python-client generated.

Run in an environment without mintmark: way.py JSON, with the generated package `api` on the path.
Prints what it saw as JSON.
"""

import io
import json
import sys
from datetime import datetime

from api import Client
from api.api.consumers import scan
from api.api.lines import (
    put_aggregation,
    put_order,
    read_aggregation,
    read_batch,
    read_health,
    read_order,
    read_parents,
    register_batch,
    upload_fingerprints,
)
from api.models import (
    Action,
    Aggregation,
    AggregationAnswer,
    Batch,
    BatchPage,
    BlockedProblem,
    BlockedProblemType,
    Canonical,
    ChildTakenProblem,
    Codes,
    CountDiffersProblem,
    Health,
    NotFoundProblem,
    Order,
    OrderAnswer,
    Packing,
    ParentsPage,
    Patch,
    PatchAdditionalPropertyType2,
    Role,
    Scan,
    ScanAnswer,
    ScanAnswerResult,
    State,
)
from api.types import File

given = json.loads(sys.argv[1])
client = Client(base_url=given["url"])

health = read_health.sync(client=client)
assert isinstance(health, Health)

batch = Batch(
    home="HM00-000000000000",
    symbols=given["symbols"],
    length=16,
    canonical=Canonical.CROCKFORD32,
    quantity=4,
    scheme=health.scheme,
    fingerprint_key_id=health.fingerprint_key_id,
    role=Role.ITEM,
)
registered = register_batch.sync(given["batch"], client=client, body=batch)
assert isinstance(registered, Batch)

fingerprints = File(payload=io.BytesIO(bytes.fromhex(given["fingerprints"])))
uploaded = upload_fingerprints.sync_detailed(given["batch"], 1, client=client, body=fingerprints)

patch = Patch(lot="L1", max_scans=2)
patch["native.shift"] = "A"
later = {"from": "2098-01-01T00:00:00Z", "attributes": {"campaign": "X"}}
patch["window.later"] = PatchAdditionalPropertyType2.from_dict(later)
order = Order(
    batch=given["batch"],
    action=Action.ACTIVATE,
    serials=[[1, 3]],
    count=3,
    from_=State.INACTIVE,
    attributes=patch,
    expires_at=datetime.fromisoformat(given["expires_at"]),
)
applied = put_order.sync(given["batch"] + "-1", client=client, body=order)
assert isinstance(applied, OrderAnswer)

scanned = scan.sync(client=client, body=Scan(code=given["code"], scan_id="one"))
assert isinstance(scanned, ScanAnswer)
assert scanned.result is ScanAnswerResult.GENUINE

page = read_batch.sync(given["batch"], client=client)
assert isinstance(page, BatchPage)

again = Order(batch=given["batch"], action=Action.ACTIVATE, serials=[[3, 4]])
refusals = [
    put_order.sync(given["batch"] + "-2", client=client, body=again),
    read_order.sync(given["batch"] + "-2", client=client),
]
for refusal in refusals:
    assert isinstance(refusal, BlockedProblem)
    assert refusal.type_ is BlockedProblemType.URNMINTMARKPROBLEMBLOCKED
    assert refusal.blocked[0].state is State.ACTIVE

freeze = Order(batch=given["batch"], action=Action.FREEZE, serials=[[1, 2]], count=9)
differs = put_order.sync(given["batch"] + "-3", client=client, body=freeze)
assert isinstance(differs, CountDiffersProblem)
missing = read_order.sync(given["batch"] + "-none", client=client)
assert isinstance(missing, NotFoundProblem)


def pack(*pair):
    """These codes of the batch, into its fourth."""
    parents = Codes(given["batch"], [[4, 4]])
    children = [Codes(given["batch"], [[*pair]])]
    return Aggregation(action=Packing.ASSOCIATE, parents=parents, children=children)


packed = put_aggregation.sync(given["batch"] + "-1", client=client, body=pack(1, 2))
assert isinstance(packed, AggregationAnswer)
taken = [
    put_aggregation.sync(given["batch"] + "-2", client=client, body=pack(2, 3)),
    read_aggregation.sync(given["batch"] + "-2", client=client),
]
assert all(isinstance(refusal, ChildTakenProblem) for refusal in taken)
parents = read_parents.sync(given["batch"], client=client)
assert isinstance(parents, ParentsPage)

print(
    json.dumps(
        {
            "registered": registered.to_dict()["role"],
            "uploaded": uploaded.status_code,
            "applied": applied.applied,
            "scanned": [scanned.result.value, scanned.serial],
            "states": [[part.serials, part.state.value] for part in page.ranges],
            "attributes": page.ranges[0].attributes.to_dict(),
            "blocked": [
                [refusal.blocked[0].serials, refusal.blocked[0].state.value, refusal.blocked_total]
                for refusal in refusals
            ],
            "differs": [differs.count, differs.would_touch],
            "missing": missing.status,
            "packed": [packed.parents_count, packed.children_count],
            "taken": [
                [refusal.taken[0].serials, refusal.taken[0].parent.serial, refusal.taken_total]
                for refusal in taken
            ],
            "parents": [[link.serials, link.parent.serial] for link in parents.links],
        }
    )
)
