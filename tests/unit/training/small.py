"""A small workflow and a small log with a known truth: the higher the budget, the more slips."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

from firm.events import Event, Position, StatusReported
from firm.history import Entry, Outcome, Values
from firm.ids import EventId, SubjectId, derived
from firm.money import Money
from firm.react import Arrival
from firm.time import DAY, to_micros
from firm.vocabulary import events, known_rate, series
from firm.workflow import (
    Band,
    Feature,
    Gates,
    GroupBy,
    Label,
    ModelSpec,
    Policy,
    Slo,
    Workflow,
)

START = to_micros(datetime(2020, 1, 1, tzinfo=UTC))
MONTH = 30 * DAY
REPORTS = 8


def fold(event: Event) -> Values:
    report = event.fact
    assert isinstance(report, StatusReported)
    forecast = report.forecast_completion
    budget = report.budget_forecast
    return {
        "forecast": float(forecast.toordinal()) if forecast else None,
        "budget": float(budget.amount) if budget else None,
    }


def settle(entries: Sequence[Entry]) -> Mapping[EventId, Outcome]:
    """A report is judged by the next: has the forecast of completion moved by over 60 days?"""
    found = {}
    for entry, following in pairwise(entries):
        before, after = entry.values["forecast"], following.values["forecast"]
        if isinstance(before, float) and isinstance(after, float):
            found[entry.event] = Outcome(float(after - before > 60), following.at)
    return found


def feature(name: str, of: object, monotone: int = 0) -> Feature:
    return Feature.model_validate(
        {"name": name, "of": of, "unit": "1", "why": "a test", "source": "a test"}
        | {"monotone": monotone}
    )


WORKFLOW = Workflow(
    slug="small_risk",
    question="Will it slip?",
    owner="The test",
    subject="project",
    facts=(StatusReported,),
    triggers=(StatusReported,),
    fold=fold,
    features=(
        feature("budget", series("budget").last(), monotone=1),
        feature("moved", series("forecast").changes().last()),
        feature("reports", events().count()),
        feature("rate", known_rate("all", strength=5, prior="all")),
    ),
    groups=(GroupBy(name="all"),),
    label=Label(question="the next report slips", settle=settle, maturity_days=40),
    rule=events().count() * 0,
    model=ModelSpec(
        parameters={"max_depth": 2, "eta": 0.1}, rounds=20, gates=Gates(auc=0.6, least_rows=50)
    ),
    policy=Policy(bands=(Band(name="calm", at_least=0, because="no action is declared"),)),
    slo=Slo(latency_p99_ms=50, freshness_days=60),
    lateness_days=10,
    risk_class="minimal",
)


def log(projects: int = 40, seed: int = 1) -> list[Arrival]:
    """REPORTS monthly reports of each project, every tenth without a budget."""
    luck = random.Random(seed)  # noqa: S311 - a log is no secret
    reports = [
        report(project, number, forecast, None if project % 10 == 3 else 1000 * (project % 10))
        for project in range(projects)
        for number, forecast in enumerate(_forecasts(luck, project))
    ]
    return in_order(sorted(reports, key=lambda e: (e.occurred_at, e.id)))


def in_order(reports: Sequence[Event]) -> list[Arrival]:
    return [Arrival(event, Position(0, offset)) for offset, event in enumerate(reports)]


def report(project: int, number: int, forecast: date, budget: int | None) -> Event:
    at = START + number * MONTH + project % 25 * DAY
    return Event(
        id=EventId(derived("test", str(project), str(number))),
        type=StatusReported.type,
        subject=SubjectId(f"project:{project}"),
        occurred_at=at,
        source="test",
        fact=StatusReported(
            forecast_completion=forecast,
            budget_forecast=Money(amount=Decimal(budget), currency="USD") if budget else None,
        ),
    )


def _forecasts(luck: random.Random, project: int) -> list[date]:
    forecast = date(2024, 1, 1)
    forecasts = [forecast]
    while len(forecasts) < REPORTS:
        slips = luck.random() < (1 + project % 10) / 12
        forecast += timedelta(days=90 if slips else 0)
        forecasts.append(forecast)
    return forecasts
