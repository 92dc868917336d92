"""Events and decisions for the store's tests, and a look into its tables."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any, cast

import msgspec
from sqlalchemy import create_engine, text

from firm.decision import Action, Decision, Evidence
from firm.events import Event, Fact, Position, ScoreRequested, StatusReported
from firm.handlers import actions
from firm.ids import DecisionId, EventId, SubjectId, decision_id
from firm.react import Arrival, Effects, react
from firm.store import SqlStore, StreamStore
from firm.store.group_commit import Asked
from firm.time import DAY, Micros
from firm.workflow import Workflow
from workflows.delivery_risk import WORKFLOW

KEY = b"a key that lies outside the database"
TOPIC = "firm.events"
NOON: Micros = 20_000 * DAY + DAY // 2
SLUG = WORKFLOW.slug


def report(offset: int, project: str = "p1", day: int | None = None, slip: int = 0) -> Arrival:
    """A status report; its id depends on the offset."""
    fact = StatusReported(
        phase="Design",
        forecast_completion=date(2025, 1, 1) + timedelta(days=slip),
        owner=f"owner of {project}",
    )
    return arrival(offset, fact, project, NOON + (offset if day is None else day) * DAY)


def request(offset: int, project: str = "p1", event_id: str | None = None) -> Arrival:
    """A request for a score on the stream."""
    fact = ScoreRequested(workflow=SLUG)
    return arrival(offset, fact, project, NOON + 500 * DAY, event_id)


def arrival(
    offset: int, fact: Fact, project: str, at: Micros, event_id: str | None = None
) -> Arrival:
    """A fact about a project as it stands in partition 0 of the log."""
    id_ = EventId(event_id or f"event-{offset}")
    event = Event(id_, fact.type, SubjectId(f"project:{project}"), at, "test", fact)
    return Arrival(event, Position(0, offset))


def slipping(count: int, first: int = 0, projects: int = 3) -> list[Arrival]:
    """Reports of some projects; each second report moves the completion by 100 days."""
    return [
        report(n, project=f"p{n % projects}", slip=100 * ((n // projects) % 2))
        for n in range(first, first + count)
    ]


def take(
    stream: StreamStore, arrivals: Sequence[Arrival], workflow: Workflow = WORKFLOW
) -> Effects:
    """React to a batch and commit it."""
    effects = react(workflow, arrivals, stream.states, None, NOON)
    stream.commit(effects, {0: arrivals[-1].position.offset} if arrivals else {}, TOPIC)
    return effects


def taken(cause: str, probability: float = 0.1, as_of: Micros = NOON) -> Decision:
    """A decision that was asked for over HTTP."""
    return Decision(
        id=decision_id(SLUG, cause),
        workflow=SLUG,
        subject=SubjectId("project:p1"),
        cause=cause,
        origin="http",
        as_of=as_of,
        evidence=Evidence(Position(0, 1), as_of),
        probability=probability,
        band=WORKFLOW.policy.band(probability).name,
        late=False,
        stale=False,
        model_version="3",
        policy_version=WORKFLOW.policy_version,
        features={"reports": 1.0, "last_slip": None},
        decided_at=as_of,
    )


def unsaid(decision: Decision) -> list[Action]:
    """Actions that no database takes: they do not say what is to be done."""
    return [
        msgspec.structs.replace(one, says=cast(str, None)) for one in actions(WORKFLOW, decision)
    ]


def record(store: SqlStore, cause: str, probability: float = 0.1, writer: str = "http:1") -> Any:
    """Record a decision with what follows from it; returns the decision and its actions."""
    one = taken(cause, probability)
    todo = actions(WORKFLOW, one)
    return record_all(store, [(one, todo)], writer)[0], todo


def record_all(store: SqlStore, asked: Sequence[Asked], writer: str = "http:1") -> list[Decision]:
    """What the recorder of a process gives for decisions that are asked for at once."""

    async def recorded() -> list[Decision]:
        group = store.recorder(writer)
        try:
            return await group.record_all(asked)
        finally:
            await group.close()

    return asyncio.run(recorded())


def record_from_afar(url: str, writer: str, causes: Sequence[str]) -> list[bytes]:
    """What another process gets that records the same causes, each with a score of its own."""
    store = SqlStore(url, KEY)
    score = 0.1 if writer.endswith("1") else 0.2
    got = [record_all(store, [(taken(cause, score), [])], writer)[0] for cause in causes]
    store.close()
    return [msgspec.json.encode(one, order="deterministic") for one in got]


def migrate_from_afar(url: str) -> None:
    """Another process that starts on the same database."""
    store = SqlStore(url, KEY)
    store.migrate()
    store.close()


def unknown() -> DecisionId:
    """The id of a decision that nobody took."""
    return decision_id(SLUG, "never")


def tamper(url: str, statement: str) -> int:
    """What somebody does who has the password of the database; returns how many rows it hit."""
    engine = create_engine(url)
    with engine.begin() as connection:
        hit = connection.execute(text(statement)).rowcount
    engine.dispose()
    return hit


def rows(url: str, table: str) -> list[dict[str, Any]]:
    """All rows of a table, in the order of all its columns."""
    engine = create_engine(url)
    with engine.connect() as connection:
        found = connection.execute(text(f"SELECT * FROM {table}")).mappings().all()  # noqa: S608
    engine.dispose()
    return sorted((dict(row) for row in found), key=repr)
