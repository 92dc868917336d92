"""SQLite keeps its promises only if it is told to; what the driver raises says whether to retry."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import TimeoutError as PoolExhausted

from firm.errors import StoreUnavailable
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


def test_when_all_connections_are_taken_it_is_worth_a_retry(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = Database(f"sqlite:///{tmp_path}/headway.db")

    def taken() -> None:
        raise PoolExhausted("QueuePool limit of size 5 overflow 10 reached")

    monkeypatch.setattr(database.engine, "connect", taken)
    with pytest.raises(StoreUnavailable, match="QueuePool limit") as raised, database.write():
        pass
    assert raised.value.retry
    database.close()
