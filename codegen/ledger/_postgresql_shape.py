"""What a shared ledger's tables must look like: columns, keys, indexes, and the trigger.

Compared with this program's own tables, and not with a hash: PostgreSQL's catalogues say the same
in every version. What an administrator adds for himself, an index or a table, does no harm; a
trigger on one of these tables might.
"""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, Float, ForeignKeyConstraint, Integer, Table, UniqueConstraint

from . import _tables, grants

Line = tuple[object, ...]
# BEFORE, UPDATE, DELETE, TRUNCATE, for each statement; on.
_TRIGGER = (2 + 8 + 16 + 32, True)
_COLUMNS = """
SELECT 'column', c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
    coalesce(pg_get_expr(d.adbin, d.adrelid), ''), coalesce(l.collname, '')
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
LEFT JOIN pg_collation l ON l.oid = a.attcollation
WHERE c.relnamespace = 'public'::regnamespace AND a.attnum > 0 AND NOT a.attisdropped
"""
_INDEXES = """
SELECT 'index', t.relname, x.indisunique, x.indisprimary, array(
    SELECT a.attname::text FROM unnest(x.indkey::int[]) WITH ORDINALITY AS k(number, place)
    JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = k.number ORDER BY k.place)
FROM pg_index x JOIN pg_class t ON t.oid = x.indrelid
WHERE t.relnamespace = 'public'::regnamespace AND x.indisvalid AND x.indpred IS NULL
"""
_CONSTRAINTS = """
SELECT CASE o.contype WHEN 'f' THEN 'reference' ELSE 'check' END, t.relname,
    CASE o.contype WHEN 'f' THEN r.relname ELSE o.conname END,
    CASE o.contype WHEN 'f' THEN array(SELECT a.attname::text FROM pg_attribute a
        WHERE a.attrelid = t.oid AND a.attnum = ANY(o.conkey)) ELSE '{}' END
FROM pg_constraint o JOIN pg_class t ON t.oid = o.conrelid
LEFT JOIN pg_class r ON r.oid = o.confrelid
WHERE t.relnamespace = 'public'::regnamespace AND o.contype IN ('c', 'f') AND o.convalidated
"""
_TRIGGERS = """
SELECT 'trigger', t.relname, g.tgname, g.tgtype::int, g.tgenabled IN ('O', 'A'), p.prosrc
FROM pg_trigger g JOIN pg_class t ON t.oid = g.tgrelid JOIN pg_proc p ON p.oid = g.tgfoid
WHERE t.relnamespace = 'public'::regnamespace AND NOT g.tgisinternal
"""


def difference(connection: Connection) -> str | None:
    """What is first found not to be as this program made it, for people; None if all is."""
    known = {table.name for table in _tables.metadata.sorted_tables}
    queries = (_COLUMNS, _INDEXES, _CONSTRAINTS, _TRIGGERS)
    found = {
        line
        for query in queries
        for line in map(_line, connection.exec_driver_sql(query))
        if line[1] in known
    }
    wanted = set(_wanted())
    for line in wanted - found:
        return f"{_name(line)} is missing, or is another"
    for line in found - wanted:
        if line[0] in ("column", "trigger"):
            return f"{_name(line)} is none of this program's"
    return None


def _name(line: Line) -> str:
    kind, table, *words = line
    named = words[2] if kind == "index" else words[0]
    text = f"on {', '.join(map(str, named))}" if isinstance(named, tuple) else str(named)
    return f"{kind} {text} of table {table}"


def _line(row: Any) -> Line:  # noqa: ANN401 - a row
    # A reference is the same in any order of its columns, an index is not.
    ordered = sorted if row[0] == "reference" else list
    return tuple(tuple(ordered(cell)) if isinstance(cell, list) else cell for cell in row)


def _wanted() -> Iterator[Line]:
    for table in _tables.metadata.sorted_tables:
        yield from _of(table)
    yield "trigger", "events", grants.NAME, *_TRIGGER, grants.BODY


def _of(table: Table) -> Iterator[Line]:
    for column in table.columns:
        kind = "bigint" if isinstance(column.type, Integer) else "text"
        kind = "double precision" if isinstance(column.type, Float) else kind
        default = "" if column.server_default is None else f"'{column.server_default.arg}'::{kind}"  # type: ignore[attr-defined]
        collation = "C" if kind == "text" else ""
        yield "column", table.name, column.name, kind, not column.nullable, default, collation
    keys = tuple(column.name for column in table.primary_key.columns)
    yield "index", table.name, True, True, keys
    for index in table.indexes:
        if not index.name.endswith("_again"):  # type: ignore[union-attr]
            yield "index", table.name, bool(index.unique), False, tuple(index.columns.keys())
    for constraint in table.constraints:
        if isinstance(constraint, UniqueConstraint):
            yield "index", table.name, True, False, tuple(constraint.columns.keys())
        elif isinstance(constraint, ForeignKeyConstraint):
            names = tuple(sorted(constraint.column_keys))
            yield "reference", table.name, constraint.referred_table.name, names
        elif constraint is not table.primary_key:
            yield "check", table.name, str(constraint.name), ()
