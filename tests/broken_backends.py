"""The reference backend each breaking a single clause, as a tired team might build it."""

from dataclasses import replace

from sqlalchemy import delete

from mintmark.activation.backend import tables
from mintmark.activation.backend.problems import Problem
from mintmark.activation.backend.scan import ScanResult
from mintmark.activation.backend.store import Store
from mintmark.activation.client.wire import HeadAnswer, ScanAnswer


class Forgetful(Store):
    """Keeps no answers: the same order again is an order anew."""

    def order(self, order, now):
        answer = super().order(order, now)
        with self._database.write() as connection:
            connection.execute(delete(tables.orders).where(tables.orders.c.order_id == order.order))
        return answer


class Careless(Store):
    """Takes any count for the right count."""

    def order(self, order, now):
        try:
            return super().order(order, now)
        except Problem as problem:
            if problem.name != "count-differs":
                raise
            right = replace(order, order=f"{order.order}x", count=problem.members["would_touch"])
            return super().order(right, now)


class Backwards(Store):
    """Takes a validity that ends before it begins, as if it had no end."""

    def order(self, order, now):
        try:
            return super().order(order, now)
        except Problem as problem:
            if problem.name != "invalid":
                raise
            endless = {k: v for k, v in order.attributes.items() if k != "expires_at"}
            return super().order(replace(order, attributes=endless), now)


class Halfway(Store):
    """Not atomic: applies what it can, bit by bit, and then says what was in the way."""

    def order(self, order, now):
        problem = None
        for piece in order.serials if not order.dry_run else ():
            step = 1 + len(piece) // 100
            for first in range(piece.first, piece.last + 1, step):
                piece_of = type(piece)(first, min(first + step - 1, piece.last))
                part = replace(
                    order, order=f"{order.order}-{first}"[-64:], serials=(piece_of,), count=None
                )
                try:
                    super().order(part, now)
                except Problem as found:
                    problem = problem or found
        if problem:
            raise problem
        return super().order(order, now)


class Eager(Store):
    """Recognises what was uploaded before it is activated."""

    def scans(self, requests, now):
        with self._database.read() as connection:
            held = {
                row.data[at : at + 16]
                for row in connection.execute(tables.pending.select())
                for at in range(0, len(row.data), 16)
            }
        answers = super().scans(requests, now)
        return [
            ScanAnswer(ScanResult.INACTIVE.value)
            if answer.result == ScanResult.UNKNOWN and held & {*scan.candidates}
            else answer
            for scan, answer in zip(requests, answers, strict=True)
        ]


class Counting(Store):
    """Counts every scan anew, whatever its id."""

    def scans(self, requests, now):
        return super().scans([replace(scan, scan_id=None) for scan in requests], now)


class FirstHead(Store):
    """Keeps the head that came first, and never another."""

    def order(self, order, now):
        with self._database.read() as connection:
            known = connection.execute(tables.heads.select()).first()
        return super().order(replace(order, audit_head=None) if known else order, now)


class AnyHome(Store):
    """Tells the newest head, whoever's it is."""

    def head(self, home):
        with self._database.read() as connection:
            query = tables.heads.select().order_by(tables.heads.c.arrived.desc())
            row = connection.execute(query).first()
        return HeadAnswer(home, row.head, row.order_id) if row else HeadAnswer(home)
