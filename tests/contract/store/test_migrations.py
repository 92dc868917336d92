"""The tables come from migrations, on both engines, whoever starts first."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import msgspec
import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import MetaData, create_engine, inspect

from firm.decision import Verdict, as_json
from firm.errors import OldCopy
from firm.handlers import actions
from firm.react import Received
from firm.store import SqlStore
from firm.store.engine import Database
from firm.store.migrate import configuration
from firm.store.rows import action_row, decision_row, inbox_row
from firm.store.tables import metadata
from tests.contract.store.samples import NOON, SLUG, migrate_from_afar, report, taken
from workflows.delivery_risk import WORKFLOW


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


def test_messages_and_verdicts_of_before_the_outbox_named_what_it_is_about_are_kept(
    url: str,
) -> None:
    decided = taken("ask-1", 0.9)
    automatic, approved = actions(WORKFLOW, decided)
    said = Verdict(approved.id, True, "Dana", "checked", NOON)
    database = Database(url)
    with database.write() as connection:
        command.upgrade(configuration(connection), "0010")
        old = MetaData()
        old.reflect(connection)
        insert = connection.execute
        insert(old.tables["decision"].insert(), decision_row(decided))
        insert(old.tables["action"].insert(), [action_row(automatic), action_row(approved)])
        insert(old.tables["verdict"].insert(), msgspec.structs.asdict(said))
        for kind, one in (("decision", decided), ("action", automatic), ("action", approved)):
            sent = {"kind": kind, "key": decided.subject, "payload": as_json(one)}
            insert(old.tables["outbox"].insert(), sent)
    database.close()
    store = SqlStore(url, b"key")
    store.migrate()
    told = [row.payload for row in store.pending()]
    assert told == [as_json(one) for one in (decided, automatic, approved)]
    assert store.verdict(approved.id) == said
    store.close()


def test_a_copy_that_knows_events_by_their_ids_alone_is_left_as_it_was(url: str) -> None:
    database = Database(url)
    with database.write() as connection:
        command.upgrade(configuration(connection), "0010")
        old = MetaData()
        old.reflect(connection)
        event = inbox_row(SLUG, Received(report(0), "counted"))
        connection.execute(old.tables["inbox"].insert(), event)
    store = SqlStore(url, b"key")
    with pytest.raises(OldCopy, match="replay the sources"):
        store.migrate()
    store.close()
    with database.read() as connection:
        assert MigrationContext.configure(connection).get_current_revision() == "0010"
    database.close()


def test_to_migrate_again_changes_nothing(store: SqlStore) -> None:
    store.migrate()
    assert store.verify() == 0


def test_processes_that_start_at_once_all_find_the_tables(url: str) -> None:
    with ProcessPoolExecutor(4, mp_context=get_context("spawn")) as pool:
        list(pool.map(migrate_from_afar, [url] * 4))
    store = SqlStore(url, b"key")
    assert store.verify() == 0
    store.close()
