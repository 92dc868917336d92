"""Whoever changes, removes or slips in a row is found out."""

from __future__ import annotations

from typing import Any

import pytest

from firm.alerts import handle
from firm.decision import Verdict
from firm.errors import AuditBroken
from firm.standing import Promotion
from firm.store import Review, SqlStore, audit_log
from tests.contract.store.samples import NOON, SLUG, record, slipping, take, tamper
from tests.contract.store.test_alerts import found
from workflows.delivery_risk import WORKFLOW

COPY = (
    "INSERT INTO decision SELECT '{id}', workflow, subject, cause, origin, as_of, probability, "
    "band, late, model_version, decided_at, body FROM decision ORDER BY id LIMIT 1"
)
# What no column repeats: only the digest in the chain tells of it.
REWRITE = (
    "UPDATE decision SET body = convert_to(replace(convert_from(body, 'UTF8'), "
    "'last_slip', 'last_trip'), 'UTF8') WHERE cause = 'ask-1'"
)
CHANGED, REMOVED = "was changed after", "was removed after"
GAP, CUT, DIFFER = "is missing before", "the end was cut off", "its row and the chain differ"
TAMPERING = [
    ("UPDATE audit_link SET actor = 'Mallory' WHERE seq = 2 AND chain = 'http:1'", CHANGED),
    ("UPDATE audit_link SET seq = -seq WHERE seq = 2 AND chain = 'http:1'", GAP),
    ("DELETE FROM audit_link WHERE seq = 2 AND chain = 'http:1'", GAP),
    ("DELETE FROM audit_link WHERE seq = 3 AND chain = 'http:1'", CUT),
    ("DELETE FROM audit_link WHERE chain = 'http:1'", CUT),
    ("DELETE FROM audit_head WHERE chain = 'http:1'", "head row was removed"),
    ("UPDATE audit_head SET seq = seq - 1", "the head was changed"),
    ("UPDATE audit_head SET seal = hash", "the head was changed"),
    ("UPDATE decision SET band = 'calm' WHERE band <> 'calm'", CHANGED),
    ("UPDATE decision SET probability = probability + 1e-9", CHANGED),
    ("UPDATE decision SET as_of = as_of + 1 WHERE cause = 'event-3'", CHANGED),
    ("UPDATE decision SET body = (SELECT max(body) FROM decision)", CHANGED),
    (REWRITE, CHANGED),
    ("UPDATE decision SET body = hash FROM audit_link WHERE about = id", "cannot be read"),
    ("DELETE FROM decision WHERE cause = 'event-0'", REMOVED),
    (COPY.format(id="slipped-in"), "slipped-in is in no chain"),
    ("UPDATE verdict SET person = 'Mallory'", DIFFER),
    ("DELETE FROM verdict", DIFFER),
    ("UPDATE promotion SET sha256 = 'another file'", DIFFER),
    ("UPDATE promotion SET gates = (SELECT CAST('{}' AS BYTEA))", DIFFER),
    ("DELETE FROM promotion", DIFFER),
    ("UPDATE alert SET says = 'all is well'", DIFFER),
    ("UPDATE alert SET status = 'resolved'", "is what was said of it last"),
    ("DELETE FROM alert_handling", DIFFER),
    ("UPDATE review SET note = 'promote it'", DIFFER),
    ("UPDATE review SET challenger = '5'", "was changed after it was made"),
    ("DELETE FROM review", DIFFER),
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
    look_into(store)
    return store


def look_into(store: SqlStore) -> None:
    """An alert is raised and taken up, a review of it opened, filled and closed."""
    alert = found()
    store.raise_alerts([alert], NOON)
    store.handle_alert(handle(alert, "open", "acknowledged", "Ada", "", NOON), "governance")
    store.open_review(Review(alert.id, SLUG, "3", NOON), "monitor")
    store.compare(alert.id, "4", {"passed": True, "rows": 300}, NOON, "monitor")
    store.close_review(alert.id, "Gus", "not yet", NOON, "governance")


@pytest.mark.parametrize(("statement", "words"), TAMPERING)
def test_tampering_shows(used: SqlStore, url: str, statement: str, words: str) -> None:
    assert used.verify() == 18
    assert tamper(url, _for_engine(url, statement)) > 0
    with pytest.raises(AuditBroken, match=words):
        used.verify()


def _for_engine(url: str, statement: str) -> str:
    if not url.startswith("sqlite"):
        return statement
    text = statement.replace("convert_from(body, 'UTF8')", "CAST(body AS TEXT)")
    return (
        text.replace("convert_to(", "CAST(")
        .replace(", 'UTF8')", " AS BLOB)")
        .replace("BYTEA", "BLOB")
    )


def test_another_key_does_not_verify(used: SqlStore, url: str) -> None:
    other = SqlStore(url, b"another key")
    with pytest.raises(AuditBroken, match="was changed after it was written"):
        other.verify()
    other.close()


@pytest.mark.parametrize("step", ["verify", "_check_decisions", "_check_people"])
def test_what_is_written_while_it_verifies_raises_no_false_alarm(
    used: SqlStore, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    done = getattr(audit_log, step)

    def write_first(*arguments: Any) -> Any:
        record(used, "ask-3", 0.1)
        return done(*arguments)

    monkeypatch.setattr(audit_log, step, write_first)
    assert used.verify() == 18


def test_what_is_written_meanwhile_is_not_exported(used: SqlStore) -> None:
    exported = used.export()
    first = next(exported)
    record(used, "ask-3", 0.1)
    rest = list(exported)
    assert len(rest) == 17
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
    assert used.verify() == 19
