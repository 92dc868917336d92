"""An event is known by its source and by what that source calls it: two systems that both number
their events from 1 lose nothing to each other, and what comes again is still a duplicate."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any, NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from firm.canonical import Canonicaliser
from firm.decision import Decision
from firm.events import Event, Fact, ScoreRequested, StatusReported
from firm.mapping import LogMapping
from firm.react import Effects
from firm.time import DAY, to_datetime
from tests.unit.firm.samples import (
    NOW,
    SAMPLE,
    START,
    HoursBooked,
    payload,
    rows,
    taken,
    written,
)

SOURCES = ("/itsm", "/erp")
MAPPING = LogMapping.model_validate(
    {
        "name": "times",
        "source": "/times",
        "event": [
            {
                "type": "vendor.hours",
                "fact": "hours.booked",
                "id": ["Number"],
                "subject": {"kind": "project", "from": "Project"},
                "time": {"from": "At"},
                "fields": {"hours": {"from": "Hours", "as": "number"}},
            }
        ],
    }
)
CANONICALISER = Canonicaliser([StatusReported, HoursBooked, ScoreRequested], [MAPPING])


class Numbered(NamedTuple):
    """An event of one of the sources, as that source numbers it."""

    source: str
    number: int
    at: int
    subject: str
    fact: Fact | None

    def event(self, number: str) -> Event:
        """The canonical event of what the source sends under a number; without a fact, that of a
        vendor's record, which has its number in a column."""
        at = to_datetime(self.at).isoformat()
        if self.fact is None:
            record = {"Number": number, "Project": self.subject[8:], "At": at, "Hours": "3"}
            sent = payload(
                id="any", source=self.source, type="vendor.hours", data=record, subject=None
            )
        else:
            said = self.fact.model_dump(mode="json", exclude_none=True)
            sent = payload(
                id=number,
                source=self.source,
                type=self.fact.type,
                subject=self.subject,
                time=at,
                data=said,
            )
        return CANONICALISER.event(sent, NOW)


facts = st.one_of(
    st.none(),
    st.builds(StatusReported, phase=st.sampled_from(["Design", "Build"]), owner=st.just("DEP")),
    st.builds(HoursBooked, hours=st.integers(0, 9).map(float), team=st.just("red")),
    st.just(ScoreRequested(workflow=SAMPLE.slug)),
)


@st.composite
def numbered(draw: st.DrawFn, instants: st.SearchStrategy[list[int]]) -> list[Numbered]:
    """Events of two sources, each of which numbers its own from 1."""
    counts = Counter[str]()
    found = []
    for days in draw(instants):
        source = draw(st.sampled_from(SOURCES))
        counts[source] += 1
        subject = draw(st.sampled_from(["project:1", "project:2"]))
        found.append(Numbered(source, counts[source], START + days * DAY, subject, draw(facts)))
    return found


apart = st.lists(st.integers(0, 400), min_size=2, max_size=12, unique=True)
together = st.lists(st.integers(0, 2), min_size=2, max_size=8)


def told(effects: Effects) -> list[Any]:
    """What became of each arrival and what was decided, but for ids."""
    return [[received.fate for received in effects.received], list(map(_said, effects.decisions))]


def _said(one: Decision) -> tuple[object, ...]:
    return (one.subject, one.as_of, one.origin, one.probability, one.features, one.late)


@given(numbered(apart), st.data())
def test_sources_with_the_same_numbers_give_what_they_give_with_numbers_of_their_own(
    events: list[Numbered], data: st.DataObject
) -> None:
    log = data.draw(st.permutations([*events, *data.draw(st.lists(st.sampled_from(events)))]))
    same, effects = taken([one.event(str(one.number)) for one in log])
    own, others = taken([one.event(f"{one.source} {one.number}") for one in log])
    assert told(effects) == told(others)
    assert rows(SAMPLE, same, NOW) == rows(SAMPLE, own, NOW)
    assert (same.watermark, len(same.requests)) == (own.watermark, len(own.requests))
    assert len({received.arrival.event.id for received in effects.received}) == len(events)
    decided = [decision.id for decision in effects.decisions]
    assert len(set(decided)) == len(decided)


@given(numbered(together), st.data(), st.randoms(use_true_random=False))
def test_the_order_and_repetition_of_such_events_change_no_state(
    events: list[Numbered], data: st.DataObject, rng: random.Random
) -> None:
    """Many share an instant: what breaks the tie is the id, which no order changes."""
    folded = [one for one in events if not isinstance(one.fact, ScoreRequested)]
    again = data.draw(st.lists(st.sampled_from(folded), max_size=4)) if folded else []
    log = [*folded, *again]
    rng.shuffle(log)
    one, _ = taken([event.event(str(event.number)) for event in folded])
    other, _ = taken([event.event(str(event.number)) for event in log])
    assert written(one) == written(other)
