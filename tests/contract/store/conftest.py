"""Each test runs on SQLite and on a real PostgreSQL, with a database of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

from firm.store import SqlStore
from headway.parts.postgres import Postgres
from tests.contract.store.samples import KEY

_numbers = count()


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    """One server for each worker of pytest-xdist."""
    server = Postgres(tmp_path_factory.mktemp("postgres"))
    server.start()
    yield server
    server.stop()


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/headway.db"
    server: Postgres = request.getfixturevalue("postgres")
    return server.create_database(f"test_{next(_numbers)}")


@pytest.fixture
def open_store(url: str) -> Iterator[Callable[[], SqlStore]]:
    """Open the same database again, as another process would."""
    opened: list[SqlStore] = []

    def open_() -> SqlStore:
        opened.append(SqlStore(url, KEY))
        return opened[-1]

    yield open_
    for store in opened:
        store.close()


@pytest.fixture
def store(open_store: Callable[[], SqlStore]) -> SqlStore:
    """A database with its tables."""
    made = open_store()
    made.migrate()
    return made
