"""The inbox knows an event by its source and its id: what two systems number alike is kept apart,
and what one of them sends again is not taken in again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from firm.events import Position
from firm.ids import EventRef, event_id
from firm.react import Arrival
from firm.store import Counts, SqlStore
from firm.time import DAY
from tests.contract.store.samples import NOON, SLUG, rows, take
from tests.stage import CANONICAL, report, request, sent_by
from workflows.delivery_risk import WORKFLOW

SOURCES = ("/itsm", "/erp")
NUMBERED = [report("1", "p1"), report("2", "p2", day=1), request("3", "p1", day=3)]
"""As one of them numbers its events; the other's are about the same subjects."""
PAYLOADS = [sent_by(source, payload) for payload in NUMBERED for source in SOURCES]


def arrivals(first: int) -> list[Arrival]:
    events = [CANONICAL.event(payload, NOON + 10 * DAY) for payload in PAYLOADS]
    return [Arrival(event, Position(0, first + n)) for n, event in enumerate(events)]


def test_two_systems_that_number_alike_lose_nothing_to_each_other(
    store: SqlStore, url: str
) -> None:
    take(store.open_stream(WORKFLOW), arrivals(0))
    assert Counter(row["fate"] for row in rows(url, "inbox")) == {"counted": 4, "answered": 2}
    asked = {one.asked_by for one in store.decisions(SLUG)}
    assert asked == {EventRef(source, n) for source in SOURCES for n in "123"}
    assert store.verify() == 6
    assert store.tallies(SLUG).total == Counts(counted=4)
    for source in SOURCES:
        assert store.fate(SLUG, event_id(source, "1")) == "counted"


def test_what_they_send_again_is_a_duplicate_also_for_the_next_worker(
    store: SqlStore, open_store: Callable[[], SqlStore], url: str
) -> None:
    take(store.open_stream(WORKFLOW), [*arrivals(0), *arrivals(6)])
    before = {table: rows(url, table) for table in ("inbox", "decision", "action", "outcome")}
    take(open_store().open_stream(WORKFLOW), arrivals(12))
    assert {table: rows(url, table) for table in before} == before
    assert store.tallies(SLUG).total == Counts(counted=4, duplicate=12)
    assert store.verify() == 6
