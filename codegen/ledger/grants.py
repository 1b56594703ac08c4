"""Who may do what in the PostgreSQL database of a ledger: a trigger, and the SQL of grants.

A chain tells that an event was changed; the database should not let it happen. `guards` are part
of every shared ledger. `statements` are for the database's owner to run, once for each role.
"""

from collections.abc import Iterator

_FUNCTION = """
CREATE FUNCTION events_stay() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'an event is never changed' USING ERRCODE = 'insufficient_privilege';
END $$"""
_TRIGGER = """
CREATE TRIGGER events_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON events
FOR EACH STATEMENT EXECUTE FUNCTION events_stay()"""


def guards() -> Iterator[str]:
    """What makes a database keep its events as they are, whoever asks."""
    yield _FUNCTION
    yield _TRIGGER
