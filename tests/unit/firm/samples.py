"""What these tests share: a workflow that uses many words, events for it, and ways to fold them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import msgspec
from hypothesis import strategies as st

from firm.events import Event, Fact, Name, Position, ScoreRequested, StatusReported
from firm.groups import Observation
from firm.history import Entry, Outcome, Values
from firm.ids import EventId, SubjectId
from firm.money import Money
from firm.react import Arrival, Effects, react
from firm.states import States, encode_state
from firm.time import DAY, Micros, to_micros
from firm.vocabulary import (
    days_in,
    days_until,
    events,
    hashed,
    is_in,
    known_rate,
    ordered,
    parent,
    sentiment,
    series,
    texts,
)
from firm.workflow import (
    ActionSpec,
    Band,
    Feature,
    Gates,
    GroupBy,
    Label,
    ModelSpec,
    Policy,
    Row,
    Slo,
    Workflow,
)

START = to_micros(datetime(2020, 1, 1, tzinfo=UTC))
NOW = to_micros(datetime(2026, 1, 1, tzinfo=UTC))
P = SubjectId("project:1")


class HoursBooked(Fact):
    """Hours that a team booked on a project: folded, but it asks for no score."""

    type = "hours.booked"
    subject_kind = "project"

    hours: float
    team: Name | None = None


def fold(event: Event) -> Values:
    if isinstance(event.fact, HoursBooked):
        return {"hours": event.fact.hours, "team": event.fact.team}
    assert isinstance(event.fact, StatusReported)
    day, budget = event.fact.forecast_completion, event.fact.budget_forecast
    return {
        "forecast": float((day - date(1970, 1, 1)).days) if day else None,
        "budget": float(budget.amount) if budget else None,
        "phase": event.fact.phase,
        "owner": event.fact.owner,
    }


def settle(entries: Sequence[Entry]) -> Mapping[EventId, Outcome]:
    """A report came true if the next report forecasts a later day."""
    reports = [e for e in entries if isinstance(e.values.get("forecast"), float)]
    return {
        one.event: Outcome(float(two.values["forecast"] > one.values["forecast"]), two.at)  # type: ignore[operator]
        for one, two in pairwise(reports)
    }


def observe(entries: Sequence[Entry]) -> Iterator[Observation]:
    """A team is told of all hours that it books, on whatever project."""
    for entry in entries:
        team, booked_hours = entry.values.get("team"), entry.values.get("hours")
        if isinstance(team, str) and isinstance(booked_hours, int | float):
            yield Observation("team_hours", team, entry.at, booked_hours)


forecast, hours = series("forecast"), series("hours")
WORDS = {
    "reports": events(StatusReported.type).count(),
    "booked": hours.total(),
    "booked_lately": hours.within(30).total(),
    "mean_hours": hours.mean(),
    "hours_spread": hours.spread(),
    "hours_trend": hours.trend(),
    "hours_decayed": hours.decayed(20),
    "hours_share": hours.last() / hours.highest(),
    "last_move": forecast.changes().last(),
    "moves_fading": forecast.changes().clip(-50, 50).fading(0.5),
    "since_move": forecast.changes().nonzero().days_since(),
    "slips": forecast.changes().above(10).total(),
    "phases": events().within(90).count(),
    "lowest": forecast.lowest() - forecast.first(),
    "distinct": forecast.distinct(),
    "to_go": days_until("forecast"),
    "in_phase": days_in("phase"),
    "phase": ordered("phase", {"Design": 1, "Build": 2}),
    "booked_rate": hours.rate(90),
    "booked_fading": hours.decayed_total(30),
    "owners": texts("owner").distinct(),
    "is_design": is_in("phase", "Design"),
    "owner_mood": sentiment("owner").mean(),
    "phase_words": hashed("phase", 3)[1],
    "team_hours": parent("team_hours").within(90).mean(),
    "team_silent": parent("team_hours").days_since(),
    "team_trend": parent("team_hours").trend(),
    "team_most": parent("team_hours").highest() - parent("team_hours").last(),
    "all_rate": known_rate("all", prior="all"),
    "owner_rate": known_rate("owner", prior="all", half_life_days=100),
    "team_rate": known_rate("team", prior="all", strength=2, within_days=60),
}
POLICY = Policy(
    bands=(
        Band(name="calm", at_least=0, because="nothing points to it"),
        Band(
            name="act",
            at_least=0.5,
            because="more likely than not",
            actions=(
                ActionSpec(kind="notify", says="Have a look."),
                ActionSpec(kind="replan", says="Move it.", approval="delivery_director"),
            ),
        ),
    )
)
DECLARATION: dict[str, Any] = {
    "slug": "sample_risk",
    "question": "Will the next report forecast a later day?",
    "owner": "The tests",
    "subject": "project",
    "facts": (StatusReported, HoursBooked),
    "triggers": (StatusReported,),
    "fold": fold,
    "features": tuple(
        Feature(name=name, of=of, unit="1", why="for the tests", source="tests")
        for name, of in WORDS.items()
    ),
    "groups": (
        GroupBy(name="all"),
        GroupBy(name="owner", key="owner"),
        GroupBy(name="team", key="team"),
        GroupBy(name="team_hours", key="team", counts="observed", grain_hours=1, keep="values"),
    ),
    "observe": observe,
    "label": Label(question="a later day", settle=settle, maturity_days=100),
    "rule": WORDS["slips"] * 0.5,
    "model": ModelSpec(parameters={}, rounds=1, gates=Gates(auc=0.5)),
    "policy": POLICY,
    "slo": Slo(latency_p99_ms=50, freshness_days=100),
    "lateness_days": 45,
    "risk_class": "limited",
}
SAMPLE = Workflow(**DECLARATION)


class Summing:
    """A scorer of rows, each by itself: the share of a row's values that are there and positive."""

    version = "7"

    def predict(self, rows: Sequence[Row]) -> list[float]:
        return [sum((value or 0) > 0 for value in row) / len(row) for row in rows]


def report(key: str, day: float, subject: str = P, **said: Any) -> Event:
    """A status report so many days after START; `forecast` in days after it, `budget` in USD."""
    start = date(2020, 1, 1)
    if (ahead := said.pop("forecast", None)) is not None:
        said["forecast_completion"] = start + timedelta(days=ahead)
    if (budget := said.pop("budget", None)) is not None:
        said["budget_forecast"] = Money(amount=Decimal(budget), currency="USD")
    return _event(key, day, subject, StatusReported(**said))


def booked(key: str, day: float, hours: float, team: str | None = None, subject: str = P) -> Event:
    return _event(key, day, subject, HoursBooked(hours=hours, team=team))


def request(key: str, day: float, subject: str = P, workflow: str = "sample_risk") -> Event:
    return _event(key, day, subject, ScoreRequested(workflow=workflow))


def _event(key: str, day: float, subject: str, fact: Fact) -> Event:
    at = START + round(day * DAY)
    return Event(EventId(key), fact.type, SubjectId(subject), at, "/tests", fact, key)


def arriving(*events: Event) -> list[Arrival]:
    """The events in the order of a log, the first at offset 0."""
    return [Arrival(event, Position(0, offset)) for offset, event in enumerate(events)]


def taken(
    events: Iterable[Event], workflow: Workflow = SAMPLE, states: States | None = None
) -> tuple[States, Effects]:
    """The events taken in as one batch, decided by the rule."""
    states = States() if states is None else states
    return states, react(workflow, arriving(*events), states, None, NOW)


def written(states: States) -> dict[str, bytes]:
    """Every state in its bytes: all but the place in the log, which is not the events' own.

    A group that lost its last outcome says the same as one that never had any.
    """
    subjects = [msgspec.structs.replace(s, position=None) for s in states.subjects.values()]
    groups = [group for group in states.groups.values() if group.known.buckets]
    return {s.subject: encode_state(s) for s in subjects} | {
        group.group: encode_state(group) for group in groups
    }


def rows(workflow: Workflow, states: States, as_of: Micros) -> dict[str, Row]:
    """The features of every subject of which something was known by then."""
    return {
        subject: workflow.row(states.known(workflow, subject, as_of))
        for subject, state in states.subjects.items()
        if state.history.until(as_of)
    }


days = st.one_of(st.integers(0, 400), st.floats(0, 400, width=32))
subjects = st.sampled_from([P, SubjectId("project:2"), SubjectId("project:3")])
reports = st.builds(
    lambda day, subject, **said: report("", day, subject, **said),
    days,
    subjects,
    forecast=st.none() | st.integers(0, 900),
    budget=st.none() | st.integers(0, 10**9),
    phase=st.sampled_from([None, "Design", "Build", "Paused"]),
    owner=st.sampled_from([None, "DEP", "DOT"]),
)
bookings = st.builds(
    lambda day, hours, team, subject: booked("", day, hours, team, subject),
    days,
    st.floats(0, 1e6, width=32) | st.integers(0, 9),
    st.sampled_from([None, "red", "blue"]),
    subjects,
)


def histories(*kinds: st.SearchStrategy[Event], most: int = 12) -> st.SearchStrategy[list[Event]]:
    """Events with ids of their own, in any order, often at the same instant."""
    several = st.lists(st.one_of(*kinds), min_size=1, max_size=most)
    return several.map(
        lambda events: [
            msgspec.structs.replace(event, id=EventId(f"e{number}"))
            for number, event in enumerate(events)
        ]
    )


def payload(**changed: Any) -> bytes:
    """A good CloudEvent with a canonical fact, but for what is changed (None takes it out)."""
    envelope = {
        "specversion": "1.0",
        "id": "a-1",
        "source": "/tests",
        "type": "project.status_reported",
        "subject": P,
        "time": "2020-01-01T00:00:00Z",
        "data": {"phase": "Design"},
        **changed,
    }
    return json.dumps({k: v for k, v in envelope.items() if v is not None}).encode()
