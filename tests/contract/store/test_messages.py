"""The outbox, the dead letters and the promotions."""

from __future__ import annotations

import pytest

from firm.decision import as_json
from firm.errors import UnknownDecision
from firm.standing import Promotion
from firm.store import DeadLetter, SqlStore
from tests.contract.store.samples import NOON, SLUG, record, tamper


def _letter(offset: int, payload: bytes = b"{", reason: str = "not JSON") -> DeadLetter:
    return DeadLetter("psa.raw", 0, offset, "malformed", reason, payload, NOON + offset)


def _promotion(version: str, at: int) -> Promotion:
    return Promotion(SLUG, version, f"models:/{version}", "ab" * 32, 4_096, "Tess", "Gus",
                     "passes its gates", at, {"auc": 0.71})  # fmt: skip


def test_messages_go_out_in_order_and_once_each(store: SqlStore) -> None:
    decisions = [record(store, f"ask-{n}")[0] for n in range(5)]
    pending = store.pending()
    assert [row.payload for row in pending] == [as_json(decision) for decision in decisions]
    assert [row.key for row in pending] == ["project:p1"] * 5
    assert store.pending(limit=2) == pending[:2]
    store.mark_sent([row.seq for row in pending[:3]], NOON)
    assert store.pending() == pending[3:]


def test_a_message_about_what_somebody_removed_is_not_passed_over(
    store: SqlStore, url: str
) -> None:
    decided, _ = record(store, "ask-1")
    tamper(url, "DELETE FROM decision")
    with pytest.raises(UnknownDecision, match=decided.id):
        store.pending()


def test_a_letter_is_kept_whole_however_large_and_strange(store: SqlStore) -> None:
    letters = [_letter(1, payload=bytes(range(256)) * 40_960), _letter(2, payload=b"")]
    store.reject(letters)
    assert store.dead_letters() == letters
    assert store.count_dead_letters() == 2


def test_the_same_letter_again_changes_nothing(store: SqlStore) -> None:
    store.reject([_letter(1)])
    store.reject([_letter(1, reason="another reason"), _letter(2)])
    assert store.dead_letters() == [_letter(1), _letter(2)]
    store.reject([])


@pytest.mark.parametrize(
    ("reason", "kept"), [("a\x00b", "a\\x00b"), ("a\ud800b", "a\\ud800b"), ("naïve", "naïve")]
)
def test_a_reason_that_no_database_takes_is_escaped(
    store: SqlStore, reason: str, kept: str
) -> None:
    store.reject([_letter(1, reason=reason)])
    assert store.dead_letters()[0].reason == kept


def test_two_workflows_may_refuse_the_same_record(store: SqlStore) -> None:
    one = DeadLetter("firm.events", 0, 1, "unknown-type", "?", b"{}", NOON, workflow="one_flow")
    other = DeadLetter("firm.events", 0, 1, "unknown-type", "?", b"{}", NOON, workflow="other_flow")
    store.reject([one, other])
    assert store.dead_letters() == [one, other]
    assert store.dead_letters(workflow="other_flow") == [other]


def test_a_redriven_letter_waits_no_more(store: SqlStore) -> None:
    store.reject([_letter(1), _letter(2)])
    store.mark_redriven([_letter(1)], NOON)
    assert store.dead_letters() == [_letter(2)]
    assert [letter.redriven_at for letter in store.dead_letters(redriven=True)] == [NOON]
    assert store.count_dead_letters() == 1


def test_what_was_live_at_any_time_can_be_told(store: SqlStore) -> None:
    first, second, back = _promotion("1", 10), _promotion("2", 20), _promotion("1", 30)
    assert store.live(SLUG) is None
    for made in (first, second, back):
        store.promote(made, "cli:1")
    assert store.live(SLUG) == back
    assert [store.live(SLUG, at) for at in (9, 10, 25, 30)] == [None, first, second, back]
    assert store.promotions(SLUG) == [first, second, back]
    assert store.live("another") is None
    assert store.verify() == 3
