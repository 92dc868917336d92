"""Decisions over HTTP are recorded once; all decisions are read by time and with outcomes."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context

import pytest

from firm.decision import as_json
from firm.errors import StoreUnavailable, UnknownDecision
from firm.handlers import actions
from firm.store import SqlStore, decisions
from firm.time import DAY
from tests.contract.store.samples import (
    NOON,
    SLUG,
    record,
    record_all,
    record_from_afar,
    rows,
    slipping,
    take,
    taken,
    unknown,
    unsaid,
)
from workflows.delivery_risk import WORKFLOW


def test_a_recorded_decision_is_found_with_its_actions(store: SqlStore) -> None:
    kept, todo = record(store, "ask-1", probability=0.7)
    assert kept == taken("ask-1", 0.7) == store.decision(kept.id)
    assert [r.action for r in store.actions_of(kept.id)] == sorted(todo, key=lambda a: a.id)
    assert store.verify() == 1


def test_who_asks_again_gets_the_first_answer_byte_by_byte(store: SqlStore, url: str) -> None:
    first, _ = record(store, "ask-1", 0.7)
    left = {table: rows(url, table) for table in ("decision", "action", "outbox", "audit_link")}
    again, _ = record(store, "ask-1", 0.9, writer="http:2")
    assert as_json(again) == as_json(first)
    assert {table: rows(url, table) for table in left} == left
    assert store.verify() == 1


def test_several_are_recorded_at_once_each_with_the_answer_that_counts(store: SqlStore) -> None:
    first, _ = record(store, "a", 0.9)
    asked = [
        (taken(c, s), actions(WORKFLOW, taken(c, s)))
        for c, s in [("b", 0.7), ("a", 0.1), ("b", 0.2)]
    ]
    got = store.record_all(asked, "http:1")
    assert got == [taken("b", 0.7), first, taken("b", 0.7)]
    assert store.verify() == 2


def test_threads_of_one_writer_share_its_chain(store: SqlStore, url: str) -> None:
    scores = [n / 100 for n in range(24)]
    with ThreadPoolExecutor(8) as pool:
        got = list(
            pool.map(lambda s: as_json(record(store, f"ask-{int(s * 100) % 6}", s)[0]), scores)
        )
    assert len(set(got)) == 6
    assert len(rows(url, "decision")) == store.verify() == 6


def test_processes_that_record_the_same_give_the_same_answers(store: SqlStore, url: str) -> None:
    causes = [f"ask-{n}" for n in range(40)]
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        one = pool.submit(record_from_afar, url, "http:1", causes)
        other = pool.submit(record_from_afar, url, "http:2", causes)
        assert one.result() == other.result()
    assert store.verify() == len(rows(url, "outbox")) == 40


def test_writers_that_record_the_same_in_another_order_do_not_block_each_other(
    store: SqlStore, url: str
) -> None:
    asked = [(taken(f"ask-{n}"), ()) for n in range(4_000)]
    with ThreadPoolExecutor(2) as pool:
        one = pool.submit(store.record_all, asked, "http:1")
        other = pool.submit(store.record_all, asked[::-1], "http:2")
        assert one.result() == other.result()[::-1]
    assert store.verify() == 4_000


def test_an_unknown_decision_is_named(store: SqlStore) -> None:
    with pytest.raises(UnknownDecision, match=unknown()):
        store.decision(unknown())


def test_decisions_come_in_order_of_time_and_id_within_limits(
    store: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decisions, "CHUNK", 4)
    made = [taken(f"ask-{n}", as_of=NOON + (n % 5) * DAY) for n in range(23)]
    store.record_all([(one, []) for one in made], "http:1")
    ordered = sorted(made, key=lambda d: (d.as_of, d.id))
    assert list(store.decisions(SLUG)) == ordered
    assert list(store.decisions(SLUG, limit=9)) == ordered[:9]
    assert list(store.decisions(SLUG, limit=0)) == []
    within = [d for d in ordered if NOON + DAY <= d.as_of < NOON + 3 * DAY]
    assert list(store.decisions(SLUG, since=NOON + DAY, until=NOON + 3 * DAY)) == within
    assert list(store.decisions(SLUG, subject="project:p2")) == []
    assert list(store.decisions("another")) == []


def test_decisions_are_read_with_the_outcomes_that_judge_them(store: SqlStore) -> None:
    stream = store.open_stream(WORKFLOW)
    take(stream, slipping(4, projects=1))
    known = {d.cause: (value, known_at) for d, value, known_at in store.judged(SLUG)}
    assert known == {
        "event-0": (1.0, NOON + DAY),
        "event-1": (0.0, NOON + 2 * DAY),
        "event-2": (1.0, NOON + 3 * DAY),
        "event-3": (None, None),
    }
    assert [d.cause for d, _, _ in store.judged(SLUG, since=NOON + DAY, until=NOON + 3 * DAY)] == [
        "event-1",
        "event-2",
    ]


def test_a_database_that_does_not_answer_is_worth_a_retry() -> None:
    store = SqlStore("sqlite:////nowhere/at/all.db", b"key")
    with pytest.raises(StoreUnavailable, match="unable to open") as raised:
        store.migrate()
    assert raised.value.retry


def test_a_failed_record_leaves_its_chain_whole(
    store: SqlStore, open_store: Callable[[], SqlStore], url: str
) -> None:
    record(store, "ask-1")
    one = taken("ask-2", 0.7)
    with pytest.raises(Exception, match=r"(?i)null"):
        record_all(store, [(one, unsaid(one))])
    record(open_store(), "ask-4")
    assert store.verify() == len(rows(url, "decision")) == 2
