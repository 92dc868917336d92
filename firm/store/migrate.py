"""Bring the database's tables up to date, also when several processes start at once."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, text

from firm.store.engine import Database

if TYPE_CHECKING:
    from alembic.config import Config

SCRIPTS = Path(__file__).parent / "migrations"
LOCK = 0x68656164776179
"""The advisory lock of migrations on PostgreSQL ("headway" in ASCII); SQLite has one writer."""


def migrate(database: Database) -> None:
    """Run the migrations that are missing, in one transaction; whoever comes second waits."""
    from alembic import command  # noqa: PLC0415  (whoever serves does not wait for it)

    with database.write() as connection:
        if database.is_postgresql:
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
        command.upgrade(configuration(connection), "head")


def configuration(connection: Connection) -> Config:
    """Alembic's configuration, on a connection that is in its transaction already."""
    from alembic.config import Config  # noqa: PLC0415  (see `migrate`)

    config = Config()
    config.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config
