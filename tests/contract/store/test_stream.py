"""One batch is one transaction: all that it brings about, or nothing."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

import msgspec
import pytest
from sqlalchemy import event
from sqlalchemy.exc import IntegrityError

from firm.errors import Fenced
from firm.events import Fact, StatusReported
from firm.react import react
from firm.states import encode_state
from firm.store import Counts, SqlStore, StreamStore
from firm.store.tables import metadata
from firm.time import DAY
from tests.contract.store.samples import (
    NOON,
    SLUG,
    TOPIC,
    arrival,
    record_all,
    report,
    request,
    rows,
    slipping,
    take,
    taken,
    tamper,
)
from workflows.delivery_risk import WORKFLOW


class Strange(Fact):
    """A fact that delivery risk does not fold."""

    type = "project.painted"
    subject_kind = "project"


def test_a_new_stream_knows_nothing(store: SqlStore) -> None:
    stream = store.open_stream(WORKFLOW)
    assert stream.offsets == {}
    assert stream.states.subjects == {}
    assert stream.states.watermark == 0


def test_a_batch_leaves_all_its_effects(store: SqlStore, url: str) -> None:
    batch = [*slipping(9), request(9), slipping(1)[0], request(11, project="unheard of")]
    effects = take(store.open_stream(WORKFLOW), batch)
    assert {row["event_id"]: row["fate"] for row in rows(url, "inbox")} == {
        **{f"event-{n}": "counted" for n in range(9)},
        "event-9": "answered",
        "event-11": "rejected",
    }
    assert list(store.decisions(SLUG)) == sorted(effects.decisions, key=lambda d: (d.as_of, d.id))
    assert len(rows(url, "action")) == len(effects.actions)
    assert len(rows(url, "outcome")) == len(effects.judged) == 6
    assert store.tallies(SLUG).total == Counts(counted=9, duplicate=1, rejected=1)
    assert [(d.topic, d.offset, d.kind) for d in store.dead_letters()] == [
        (TOPIC, 11, "unknown-subject")
    ]
    assert store.verify() == len(effects.audit) == 10


def test_the_next_worker_goes_on_where_the_last_one_stopped(
    store: SqlStore, open_store: Callable[[], SqlStore]
) -> None:
    old = store.open_stream(WORKFLOW)
    take(old, [*slipping(9), request(9)])
    new = open_store().open_stream(WORKFLOW)
    assert new.offsets == {0: 9}
    assert new.states.watermark == old.states.watermark
    assert new.states.requests == {"event-9"}
    for kept, loaded in (
        (old.states.subjects, new.states.subjects),
        (old.states.groups, new.states.groups),
    ):
        assert {k: encode_state(v) for k, v in kept.items()} == {
            k: encode_state(v) for k, v in loaded.items()
        }
    take(new, slipping(6, first=10))
    assert store.verify() == 16


def test_what_a_worker_commits_after_another_took_over_is_not_written(
    store: SqlStore, open_store: Callable[[], SqlStore], url: str
) -> None:
    old = store.open_stream(WORKFLOW)
    take(old, slipping(3))
    new = open_store().open_stream(WORKFLOW)
    before = {table: rows(url, table) for table in metadata.tables}
    with pytest.raises(Fenced, match="taken over"):
        take(old, slipping(3, first=3))
    assert {table: rows(url, table) for table in metadata.tables} == before
    take(new, slipping(3, first=3))
    assert store.verify() == 6


def test_a_commit_under_way_is_waited_for_by_who_takes_over(
    store: SqlStore, open_store: Callable[[], SqlStore]
) -> None:
    old = store.open_stream(WORKFLOW)
    with ThreadPoolExecutor(1) as pool:
        taking_over: list[Future[StreamStore]] = []

        def take_over(*_: object) -> None:
            if not taking_over:
                taking_over.append(pool.submit(open_store().open_stream, WORKFLOW))
                time.sleep(0.3)

        event.listen(store._database.engine, "after_cursor_execute", take_over)
        take(old, slipping(6))
        new = taking_over[0].result()
    assert new.offsets == {0: 5}
    assert new.states.subjects == old.states.subjects
    with pytest.raises(Fenced):
        take(old, slipping(6, first=6))


def _statements_of_a_commit(store: SqlStore) -> int:
    """How many statements the commit of `slipping(6, first=3)` takes."""
    seen: list[str] = []

    def count(_c: object, _cursor: object, statement: str, *_rest: object) -> None:
        seen.append(statement)

    stream = store.open_stream(WORKFLOW)
    event.listen(store._database.engine, "before_cursor_execute", count)
    effects = react(WORKFLOW, slipping(6), stream.states, None, NOON)
    stream.commit(effects, {0: 5}, TOPIC)
    event.remove(store._database.engine, "before_cursor_execute", count)
    return len(seen)


def test_a_commit_that_fails_anywhere_leaves_nothing_and_no_further_commit(
    store: SqlStore, url: str
) -> None:
    steps = _statements_of_a_commit(store)
    assert steps > 8
    before = {table: rows(url, table) for table in metadata.tables if table != "stream"}
    for step in range(steps):
        countdown = [step]

        def fail(*_: object, countdown: list[int] = countdown) -> None:
            if countdown[0] == 0:
                raise RuntimeError("pulled the plug")
            countdown[0] -= 1

        stream = store.open_stream(WORKFLOW)
        event.listen(store._database.engine, "after_cursor_execute", fail)
        with pytest.raises(RuntimeError, match="pulled the plug"):
            take(stream, slipping(6, first=6))
        event.remove(store._database.engine, "after_cursor_execute", fail)
        with pytest.raises(Fenced, match="run ahead"):
            take(stream, slipping(3, first=20))
    assert {table: rows(url, table) for table in metadata.tables if table != "stream"} == before


def test_a_duplicate_missed_in_memory_does_not_abort_the_batch(store: SqlStore, url: str) -> None:
    stream = store.open_stream(WORKFLOW)
    take(stream, slipping(3, projects=1))
    stream.states.subjects.clear()
    take(stream, slipping(4, projects=1))
    assert len(rows(url, "decision")) == len(rows(url, "inbox")) == 4
    sent = [(row["kind"], row["about"]) for row in rows(url, "outbox")]
    assert len(sent) == len(set(sent)) == 4 + len(rows(url, "action")) > 4
    assert store.verify() == 4


def test_what_was_decided_first_stays(store: SqlStore, url: str) -> None:
    (first,) = record_all(store, [(taken("event-0", 0.9), [])])
    effects = take(store.open_stream(WORKFLOW), [report(0)])
    assert effects.decisions[0].id == first.id
    assert store.decision(first.id) == first
    assert [row["kind"] for row in rows(url, "outbox")] == ["decision"]
    assert store.verify() == 1


def test_an_event_that_was_rejected_may_be_redriven(store: SqlStore, url: str) -> None:
    stream = store.open_stream(WORKFLOW)
    take(stream, [request(0)])
    take(stream, [report(1), request(2, event_id="event-0")])
    take(stream, [request(3, event_id="event-0")])
    fates = {row["event_id"]: row["fate"] for row in rows(url, "inbox")}
    assert fates == {"event-0": "answered", "event-1": "counted"}
    assert store.open_stream(WORKFLOW).states.requests == {"event-0"}
    assert store.tallies(SLUG).total == Counts(counted=1, duplicate=1, rejected=1)


def test_a_rejected_event_is_kept_whole_with_its_reason(store: SqlStore) -> None:
    strange = arrival(0, Strange(), "p\x001", NOON)
    rejected = msgspec.structs.replace(strange, payload=b"as\x00it came")
    take(store.open_stream(WORKFLOW), [rejected])
    (letter,) = store.dead_letters(workflow=SLUG)
    assert letter.kind == "unknown-type"
    assert "project.painted" in letter.reason
    assert letter.payload == b"as\x00it came"
    assert letter.received_at == NOON


def test_an_outcome_that_changes_is_revised(store: SqlStore, url: str) -> None:
    stream = store.open_stream(WORKFLOW)
    take(stream, [report(0), report(2, slip=100)])
    assert [(r["value"], r["revision"]) for r in rows(url, "outcome")] == [(1.0, 0)]
    between = report(1, slip=0)
    take(stream, [between])
    assert [(r["value"], r["revision"]) for r in rows(url, "outcome")] == [(0.0, 1), (1.0, 0)]
    gone = arrival(3, StatusReported(phase="Design"), "p1", between.event.occurred_at - 1)
    take(stream, [gone])
    judged = {d.cause: (value, known) for d, value, known in store.judged(SLUG)}
    assert judged["event-0"] == (None, None)
    assert judged["event-1"][0] == 1.0


def test_an_outcome_known_earlier_than_thought_is_no_revision_of_its_value(
    store: SqlStore, url: str
) -> None:
    stream = store.open_stream(WORKFLOW)
    take(stream, [report(0), report(5, slip=100)])
    take(stream, [report(1, slip=100)])
    (first,) = (r for r in rows(url, "outcome") if r["event_id"] == "event-0")
    assert (first["value"], first["known_at"], first["revision"]) == (1.0, NOON + DAY, 0)


def test_events_are_counted_on_the_day_on_which_they_happened(store: SqlStore) -> None:
    stream = store.open_stream(WORKFLOW)
    take(stream, [report(0, day=0), report(1, day=1)])
    take(stream, [report(2, day=1), report(1, day=1), report(3, day=100), report(4, day=2)])
    assert store.tallies(SLUG).days == {
        20_000: Counts(counted=1),
        20_001: Counts(counted=2, duplicate=1),
        20_002: Counts(late=1),
        20_100: Counts(counted=1),
    }
    assert store.tallies(SLUG).total.received == 6


def test_an_empty_batch_moves_only_the_offsets(store: SqlStore) -> None:
    stream = store.open_stream(WORKFLOW)
    stream.commit(react(WORKFLOW, [], stream.states, None, NOON), {1: 7}, TOPIC)
    assert store.open_stream(WORKFLOW).offsets == {1: 7}


def test_a_chain_without_its_head_is_not_begun_anew(store: SqlStore, url: str) -> None:
    take(store.open_stream(WORKFLOW), slipping(3))
    assert tamper(url, "DELETE FROM audit_head") == 1
    stream = store.open_stream(WORKFLOW)
    with pytest.raises(IntegrityError, match="audit_link"):
        take(stream, slipping(3, first=3))
