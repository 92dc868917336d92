"""The tables come from migrations, on both engines, whoever starts first."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, inspect

from firm.store import SqlStore
from firm.store.tables import metadata
from tests.contract.store.samples import migrate_from_afar


def test_the_migrations_make_the_tables_that_are_declared(store: SqlStore, url: str) -> None:
    engine = create_engine(url)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_server_default": True})
        assert compare_metadata(context, metadata) == []
        made = inspect(connection)
        assert set(made.get_table_names()) == {*metadata.tables, "alembic_version"}
        # Alembic does not compare primary keys.
        for name, table in metadata.tables.items():
            key = [column.name for column in table.primary_key]
            assert made.get_pk_constraint(name)["constrained_columns"] == key
    engine.dispose()


def test_to_migrate_again_changes_nothing(store: SqlStore) -> None:
    store.migrate()
    assert store.verify() == 0


def test_processes_that_start_at_once_all_find_the_tables(url: str) -> None:
    with ProcessPoolExecutor(4, mp_context=get_context("spawn")) as pool:
        list(pool.map(migrate_from_afar, [url] * 4))
    store = SqlStore(url, b"key")
    assert store.verify() == 0
    store.close()
