"""Alembic migrations of the reference backend's own database."""
