"""Running the migrations from the program itself; nobody calls Alembic by hand."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import Connection

from ...errors import IntegrityError
from .._columns import BRING_BACK


def upgrade(connection: Connection, revision: str = "head") -> None:
    """Bring the schema to `revision`, within the transaction of `connection`.

    Raises `IntegrityError` for a schema at a revision that there never was.
    """
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, revision)
    except CommandError:
        raise IntegrityError("the ledger names a revision that is none", BRING_BACK) from None
