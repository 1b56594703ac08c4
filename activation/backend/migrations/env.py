"""Run by Alembic: applies the revisions on the connection `database.upgrade` hands over."""

from alembic import context

context.configure(connection=context.config.attributes["connection"])
context.run_migrations()
