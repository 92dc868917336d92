"""Whoever changes, removes or slips in a row is found out."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Connection

from firm.decision import Verdict
from firm.errors import AuditBroken
from firm.store import Promotion, SqlStore, audit_log
from tests.contract.store.samples import NOON, SLUG, record, slipping, take, tamper
from workflows.delivery_risk import WORKFLOW

COPY = (
    "INSERT INTO decision SELECT '{id}', workflow, subject, cause, origin, as_of, probability, "
    "band, late, model_version, decided_at, body FROM decision ORDER BY id LIMIT 1"
)
TAMPERING = [
    "UPDATE audit_link SET actor = 'Mallory' WHERE seq = 2 AND chain = 'http:1'",
    "UPDATE audit_link SET seq = -seq WHERE seq = 2 AND chain = 'http:1'",
    "DELETE FROM audit_link WHERE seq = 2 AND chain = 'http:1'",
    "DELETE FROM audit_link WHERE chain = 'http:1' AND seq = 3",
    "DELETE FROM audit_link WHERE chain = 'http:1'",
    "DELETE FROM audit_head WHERE chain = 'http:1'",
    "UPDATE audit_head SET seq = seq - 1",
    "UPDATE audit_head SET seal = hash",
    "UPDATE decision SET band = 'calm' WHERE band <> 'calm'",
    "UPDATE decision SET probability = probability + 1e-9",
    "UPDATE decision SET as_of = as_of + 1 WHERE cause = 'event-3'",
    "UPDATE decision SET body = (SELECT max(body) FROM decision)",
    "UPDATE decision SET body = hash FROM audit_link WHERE about = id",
    "DELETE FROM decision WHERE cause = 'event-0'",
    COPY.format(id="slipped-in"),
    "UPDATE verdict SET person = 'Mallory'",
    "DELETE FROM verdict",
    "UPDATE promotion SET sha256 = 'another file'",
    "UPDATE promotion SET gates = (SELECT CAST('{}' AS BYTEA))",
    "DELETE FROM promotion",
]


@pytest.fixture
def used(store: SqlStore) -> SqlStore:
    take(store.open_stream(WORKFLOW), slipping(9))
    record(store, "ask-1", 0.9)
    record(store, "ask-2", 0.2)
    (waiting,) = store.waiting_actions()
    store.give_verdict(Verdict(waiting.id, True, "Dana", "agreed with the owner", NOON), "http:1")
    promotion = Promotion(
        SLUG, "1", "models:/1", "ab", 1, "Tess", "Gus", "good", NOON, {"auc": 0.7}
    )
    store.promote(promotion, "cli:1")
    return store


@pytest.mark.parametrize("statement", TAMPERING)
def test_tampering_shows(used: SqlStore, url: str, statement: str) -> None:
    assert used.verify() == 13
    if url.startswith("sqlite"):
        statement = statement.replace("BYTEA", "BLOB")
    assert tamper(url, statement) > 0
    with pytest.raises(AuditBroken):
        used.verify()


def test_another_key_does_not_verify(used: SqlStore, url: str) -> None:
    other = SqlStore(url, b"another key")
    with pytest.raises(AuditBroken, match="was changed after it was written"):
        other.verify()
    other.close()


@pytest.mark.parametrize("step", ["_check_decisions", "_check_people"])
def test_what_is_written_while_it_verifies_raises_no_false_alarm(
    used: SqlStore, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    done = getattr(audit_log, step)

    def write_first(connection: Connection) -> Any:
        record(used, "ask-3", 0.1)
        return done(connection)

    monkeypatch.setattr(audit_log, step, write_first)
    assert used.verify() == 13


def test_what_is_written_meanwhile_is_not_exported(used: SqlStore) -> None:
    exported = used.export()
    first = next(exported)
    record(used, "ask-3", 0.1)
    rest = list(exported)
    assert len(rest) == 12
    assert first == {
        "chain": "cli:1",
        "seq": 1,
        "at": NOON,
        "actor": "Tess",
        "verb": "promoted",
        "about": "delivery_risk version 1",
        "digest": first["digest"],
        "hash": first["hash"],
    }
    assert used.verify() == 14
