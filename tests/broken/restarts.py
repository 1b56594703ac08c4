"""Faults that show after a restart: what was kept in memory. Checked twice, the second time again.

The second key is revoked between the two checks.
"""

from broken.site import fault, named
from sqlalchemy import delete

from mintmark.activation.backend import tables
from mintmark.activation.backend.store import Store


def _in_memory(name, table, says):
    class Beginning(Store):
        def __init__(self, *arguments):
            super().__init__(*arguments)
            with self._database.write() as connection:
                connection.execute(delete(table))

    return named(Beginning, name, says)


orders_in_memory = _in_memory(
    "orders_in_memory",
    tables.orders,
    "Keeps the ids and answers of orders in memory: a restart forgets them.",
)
aggregations_in_memory = _in_memory(
    "aggregations_in_memory",
    tables.aggregations,
    "Keeps the ids and answers of aggregations in memory: a restart forgets them.",
)
links_in_memory = _in_memory(
    "links_in_memory", tables.links, "Keeps what lies in what in memory: a restart forgets it."
)
nonces_in_memory = _in_memory(
    "nonces_in_memory",
    tables.nonces,
    "Keeps nonces in memory: after a restart a request may be sent once more.",
)
heads_in_memory = _in_memory(
    "heads_in_memory", tables.heads, "Keeps the heads of homes in memory: a restart forgets them."
)
scan_ids_in_memory = _in_memory(
    "scan_ids_in_memory",
    tables.scan_answers,
    "Keeps scan_ids in memory: a restart forgets them, and counts anew.",
)
counters_in_memory = _in_memory(
    "counters_in_memory", tables.scans, "Keeps counters in memory: a restart forgets them."
)


@fault
def revoked_key_taken(site):
    """Takes requests of a key that was revoked."""
    site.revoked = frozenset()
