"""Statements that the driver runs read and write what SQLAlchemy would read and write."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sqlalchemy import bindparam, select

from mintmark.codegen.errors import IntegrityError
from mintmark.codegen.ledger import _tables, database
from mintmark.codegen.ledger._prepared import Prepared, inserting, set_row

_d = _tables.deliveries
_ROWS = Prepared(lambda: select(_d).where(_d.c.attempts != bindparam("attempts")))
# What SQLite puts into any column.
ANYTHING = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
    st.binary(max_size=8),
    st.sampled_from(["2026-11-28T01:00:00.000000Z", "2026-02-30T01:00:00.000000Z", "null", 2**53]),
)
COLUMNS = [column.name for column in _d.columns if column.name not in ("order_id", "attempts")]


def outcome(read):
    try:
        return [tuple(row) for row in read()]
    except IntegrityError as error:
        return str(error)


@given(st.fixed_dictionaries(dict.fromkeys(COLUMNS, ANYTHING)))
@example(dict.fromkeys(COLUMNS))
def test_whatever_lies_in_a_column_is_read_or_refused_alike(values):
    engine = database.in_memory()
    row = {"order_id": "a", "attempts": 1} | values
    with engine.begin() as connection:
        inserting(_d, *row).run(connection, row)
        raw = connection.exec_driver_sql("SELECT * FROM deliveries").one()
        connection.exec_driver_sql("DELETE FROM deliveries")
        connection.execute(_d.insert(), [row])
        assert connection.exec_driver_sql("SELECT * FROM deliveries").one() == raw
        there = outcome(lambda: connection.execute(select(_d).where(_d.c.attempts != 2)))
        assert outcome(lambda: _ROWS.all(connection, attempts=2)) == there
        assert outcome(lambda: _ROWS.each(connection, attempts=2)) == there
        assert outcome(lambda: [_ROWS.first(connection, attempts=2)]) == there
        assert _ROWS.first(connection, attempts=1) is None
    engine.dispose()


def test_a_row_is_changed_where_it_is_named_and_nowhere_else():
    engine = database.in_memory()
    with engine.begin() as connection:
        rows = [{"order_id": name, "attempts": 1} for name in "ab"]
        inserting(_d, "order_id", "attempts").run_many(connection, rows)
        set_row(connection, _d, 2, {"attempts": 7, "detail": None})
        found = connection.execute(select(_d.c.order_id, _d.c.attempts)).all()
    assert found == [("a", 1), ("b", 7)]
    engine.dispose()


def test_a_value_that_is_missing_is_not_taken_for_nothing():
    engine = database.in_memory()
    with engine.begin() as connection:
        with pytest.raises(KeyError):
            _ROWS.all(connection, attempt=1)
        with pytest.raises(KeyError):
            list(_ROWS.each(connection))
        with pytest.raises(KeyError):
            inserting(_d, "order_id", "attempts").run(connection, {"order_id": "a"})
        with pytest.raises(KeyError):
            inserting(_d, "order_id", "attempts").run_many(connection, [{"attempts": 1}])
    engine.dispose()
