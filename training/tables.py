"""MLflow's tables, made by one process at a time.

Every process that opens MLflow's database makes the tables that are missing. MLflow does not keep
two from doing so at once, and then one of them fails: "alembic_version already exists".
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import NullPool, create_engine, text

LOCK = 0x6D6C666C6F77
"""The advisory lock on PostgreSQL ("mlflow" in ASCII), in the database that holds the tables."""


@contextmanager
def one_at_a_time(tracking_uri: str) -> Iterator[None]:
    """Open MLflow's database inside: on PostgreSQL whoever comes second waits until the tables are
    there. A file of SQLite is for one process, and has no such lock."""
    engine = create_engine(tracking_uri, poolclass=NullPool)
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
        yield
