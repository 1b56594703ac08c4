"""Alembic migrations of the ledger: revisions in versions/, run by upgrade.py."""
