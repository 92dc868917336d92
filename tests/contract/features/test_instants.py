"""At any instant, training's row is what requests, the online store and the database answer: on
real logs."""

from __future__ import annotations

import asyncio
import random
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import islice

import numpy as np
import pytest
from redis import Redis

from features.live import LiveStates
from features.online import FeastStates
from firm.events import Event, Position, ScoreRequested
from firm.ids import EventId, SubjectId
from firm.react import Arrival, react
from firm.states import States, known_as_of
from firm.store import SqlStore, StreamStore
from firm.time import DAY, SECOND, Micros
from firm.workflow import Row, Workflow
from headway.catalogue import canonicaliser, declared
from headway.clock import now
from headway.logs import find_log, take_in
from headway.parts.postgres import Postgres
from tests.contract.store.conftest import postgres
from training.replay import replay_whole

__all__ = ["postgres"]

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

INSTANTS = 1_000
BATCH = 2_000
YEAR: Micros = 365 * DAY
KNOWN = declared()
CANONICAL = canonicaliser(KNOWN)
LOGS = {
    "delivery_risk": ("capital_projects", None),
    "billing_readiness": ("payment_requests", None),
    "billing_readiness_with_amount": ("payment_requests", None),
    "staffing_fit": ("service_incidents", 20_000),
    "service_level": ("service_incidents", 20_000),
}
"""The log of each workflow, and how many of its first events are taken: the incidents' would take
minutes, and a week of them holds every kind."""
Question = tuple[SubjectId, Micros]


def events_of(slug: str) -> list[Arrival]:
    name, most = LOGS[slug]
    file, mapping = find_log(name)
    return list(islice(take_in(file, mapping, CANONICAL, now()).arrivals, most))


def questions(workflow: Workflow, arrivals: Sequence[Arrival]) -> list[Question]:
    """Who is asked about and when: between events, at events, just after them and just before the
    subject's next one, at the edges of buckets, and years after the last event."""
    luck = random.Random(11)  # noqa: S311 - not for secrets
    times = defaultdict[SubjectId, list[Micros]](list)
    for arrival in arrivals:
        times[arrival.event.subject].append(arrival.event.occurred_at)
    grains = sorted({int(group.grain_hours * 3600 * SECOND) for group in workflow.groups}) or [DAY]
    last = arrivals[-1].event.occurred_at
    found = []
    for _ in range(INSTANTS):
        event = luck.choice(arrivals).event
        grain = luck.choice(grains)
        other = luck.randint(event.occurred_at, last)
        own = times[event.subject]
        later = own[bisect_right(own, event.occurred_at) :] or [last + YEAR]
        at = luck.choice(
            [
                other,
                event.occurred_at,
                event.occurred_at + 1,
                later[0] - 1,
                -(-other // grain) * grain,
                -(-other // grain) * grain + luck.choice([-1, 1]),
                last + luck.randint(1, 9) * YEAR,
            ]
        )
        found.append((event.subject, max(at, event.occurred_at)))
    return found


def replayed(
    workflow: Workflow, arrivals: Sequence[Arrival], asked: Sequence[Question]
) -> dict[Question, Row]:
    """What training has for each question, asked when the log had come as far as its instant."""
    order = sorted(asked, key=lambda question: question[1])
    rows = replay_whole(workflow, _with_requests(workflow, arrivals, order)).rows
    by_event = {event: place for place, event in enumerate(rows.event.tolist())}
    found = {}
    for number, question in enumerate(order):
        values = rows.features[by_event[f"asked-{number}"]].tolist()
        found[question] = tuple(None if np.isnan(value) else value for value in values)
    return found


def _with_requests(
    workflow: Workflow, arrivals: Sequence[Arrival], asked: Sequence[Question]
) -> Iterator[Arrival]:
    times = [arrival.event.occurred_at for arrival in arrivals]
    start = 0
    for number, (subject, at) in enumerate(asked):
        end = bisect_right(times, at)
        yield from arrivals[start:end]
        start = end
        fact = ScoreRequested(workflow=workflow.slug)
        event = Event(
            id=EventId(f"asked-{number}"),
            type=fact.type,
            source="/tests",
            subject=subject,
            occurred_at=at,
            fact=fact,
        )
        yield Arrival(event, Position(0, len(times) + number))
    yield from arrivals[start:]


def taken_in(workflow: Workflow, arrivals: Sequence[Arrival], stream: StreamStore) -> States:
    for start in range(0, len(arrivals), BATCH):
        batch = arrivals[start : start + BATCH]
        effects = react(workflow, batch, stream.states, None, 0)
        stream.commit(effects, {0: start + len(batch) - 1}, "events")
    return stream.states


def live_rows(url: str, workflow: Workflow, asked: Sequence[Question]) -> list[Row]:
    """What requests are answered from, one after another by the same reader, as in a service."""

    async def answered() -> list[Row]:
        live = LiveStates(url, [workflow])
        try:
            return [await answer(live, *question) for question in asked]
        finally:
            await live.close()

    async def answer(live: LiveStates, subject: SubjectId, at: Micros) -> Row:
        ((state, groups),) = await live.read_all(workflow, [(subject, at)])  # type: ignore[misc]
        return workflow.row(known_as_of(workflow, subject, state, groups, at))

    return asyncio.run(answered())


def online_row(online: FeastStates, workflow: Workflow, subject: SubjectId, at: Micros) -> Row:
    state, groups = online.read(workflow, subject, at)
    return workflow.row(known_as_of(workflow, subject, state, groups, at))


@pytest.mark.parametrize("slug", LOGS)
def test_training_requests_online_store_and_database_agree_at_a_thousand_instants(
    slug: str, redis: Redis, redis_url: str, online: FeastStates, postgres: Postgres
) -> None:
    workflow, arrivals = KNOWN[slug], events_of(slug)
    asked = questions(workflow, arrivals)
    expected = replayed(workflow, arrivals, asked)
    store = SqlStore(postgres.create_database(slug), b"a key of this test alone")
    store.migrate()
    taken_in(workflow, arrivals, store.open_stream(workflow))
    kept = store.states(workflow)
    store.close()
    online.rewrite_all(workflow, kept)
    differing: dict[str, tuple[object, ...]] = {}
    live = live_rows(redis_url, workflow, asked)
    for question, requested in zip(asked, live, strict=True):
        subject, at = question
        rows = (
            expected[question],
            requested,
            workflow.row(kept.known(workflow, subject, at)),
            online_row(online, workflow, subject, at),
        )
        for name, *values in zip(workflow.feature_names, *rows, strict=True):
            if len(set(values)) > 1:
                differing.setdefault(name, (*question, *values))
    assert differing == {}, "by feature, the first question and the four answers to it"


def test_every_workflow_is_held_to_it() -> None:
    assert set(LOGS) == set(KNOWN)
