"""SQLite keeps its promises only if it is told to."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import text

from firm.store.engine import BUSY_SECONDS, Database

FULL = 2


def test_sqlite_is_durable_and_keeps_its_keys(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/headway.db")
    with database.read() as connection:
        found = [
            connection.execute(text(f"PRAGMA {name}")).scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        ]
    assert found == ["wal", FULL, 1, BUSY_SECONDS * 1_000]
    database.close()
