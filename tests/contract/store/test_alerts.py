"""Alerts are raised once, taken up and resolved; reviews, figures and who was heard are kept beside
them."""

from __future__ import annotations

import msgspec
import pytest

from firm.alerts import Alert, alert_id, handle
from firm.errors import NotAllowed, UnknownDecision
from firm.store import Heard, Review, SqlStore, Watched
from firm.time import DAY, Micros
from tests.contract.store.samples import NOON, SLUG


def found(at: Micros = NOON, kind: str = "inputs-changed", about: str = "") -> Alert:
    return Alert(
        id=alert_id(SLUG, "3", kind, about, at),
        workflow=SLUG,
        version="3",
        kind=kind,
        about=about,
        says="12 of 20 inputs lie away from training",
        matters="it may",
        todo="look",
        owner="Delivery director",
        at=at,
        evidence={"moved": 12.0, "features": ["burn"], "none": None},
    )


def test_an_alert_is_raised_once_and_counted_while_it_is_unresolved(store: SqlStore) -> None:
    first = found()
    assert store.raise_alerts([first], NOON) == [first]
    assert store.raise_alerts([first, found(NOON + DAY), found(NOON + 2 * DAY)], NOON) == []
    (record,) = store.alerts(SLUG)
    assert (record.alert, record.status, record.times) == (first, "open", 3)
    assert record.last_at == NOON + 2 * DAY
    assert store.verify() == 1


def test_what_was_resolved_is_raised_anew_only_if_it_shows_again_later(store: SqlStore) -> None:
    first = found()
    store.raise_alerts([first, found(NOON + DAY)], NOON)
    for status, note in (("acknowledged", ""), ("resolved", "the source is mended")):
        record = store.alert(first.id)
        store.handle_alert(
            handle(record.alert, record.status, status, "Ada", note, NOON), "governance"
        )
    assert store.alerts(SLUG) == []
    again = found(NOON + 3 * DAY)
    assert store.raise_alerts([first, found(NOON + DAY), again], NOON) == [again]
    assert [h.status for h in store.handlings(first.id)] == ["acknowledged", "resolved"]
    assert [r.status for r in store.alerts(SLUG, unresolved=False)] == ["open", "resolved"]
    assert store.verify() == 4


def test_alerts_of_another_kind_or_about_something_else_are_their_own(store: SqlStore) -> None:
    some = [found(), found(kind="scores-changed"), found(about="burn")]
    assert store.raise_alerts(some, NOON) == some


def test_a_resolution_needs_a_person_and_a_reason_and_comes_once(store: SqlStore) -> None:
    one = found()
    store.raise_alerts([one], NOON)
    with pytest.raises(NotAllowed, match="what came of it"):
        handle(one, "open", "resolved", "Ada", " ", NOON)
    with pytest.raises(NotAllowed, match="who you are"):
        handle(one, "open", "acknowledged", "", "", NOON)
    done = handle(one, "open", "resolved", "Ada", "mended", NOON)
    store.handle_alert(done, "governance")
    with pytest.raises(NotAllowed, match="resolved already"):
        store.handle_alert(msgspec.structs.replace(done, person="Gus"), "governance")
    with pytest.raises(UnknownDecision, match="headway alerts list"):
        store.alert(alert_id(SLUG, "3", "never", "", NOON))


def test_a_version_has_one_open_review_at_a_time(store: SqlStore) -> None:
    assert store.open_review(Review("a", SLUG, "3", NOON), "monitor")
    assert not store.open_review(Review("b", SLUG, "3", NOON), "monitor")
    store.compare("a", "4", {"gates": {"auc": ".8"}, "passed": True}, NOON, "monitor")
    (ready,) = store.reviews(SLUG)
    assert (ready.status, ready.challenger, ready.comparison["passed"]) == ("ready", "4", True)
    with pytest.raises(NotAllowed, match="what you decided"):
        store.close_review("a", "Gus", "", NOON, "governance")
    store.close_review("a", "Gus", "version 4 is promoted", NOON, "governance")
    with pytest.raises(NotAllowed, match="closed by Gus"):
        store.close_review("a", "Ada", "again", NOON, "governance")
    assert store.reviews(SLUG) == []
    assert [r.status for r in store.reviews(SLUG, closed=True)] == ["closed"]
    assert not store.open_review(Review("a", SLUG, "3", NOON), "monitor"), "not after a restart"
    assert store.open_review(Review("b", SLUG, "3", NOON), "monitor")
    assert store.verify() == 4


def test_the_newest_figures_of_a_version_are_kept(store: SqlStore) -> None:
    for now in (NOON, NOON + DAY):
        store.keep_figures(Watched(SLUG, "3", now, now, {"decisions": 7, "auc": None}))
    store.keep_figures(Watched(SLUG, "2", NOON, NOON, {}))
    newest, older = store.figures(SLUG)
    assert (newest.now, newest.figures) == (NOON + DAY, {"decisions": 7, "auc": None})
    assert older.version == "2"


def test_of_each_sender_the_newest_that_was_heard_is_kept(store: SqlStore) -> None:
    """One that is waited for has no place in the log until it speaks."""
    waiting, other = Heard("/erp", "moved", None, NOON), Heard("/psa", "moved", 3, NOON)
    store.keep_heard([waiting, other])
    assert store.heard() == [waiting, other]
    spoke = Heard("/erp", "moved", 7, NOON + DAY)
    store.keep_heard([spoke])
    assert store.heard() == [spoke, other]
