"""What delivery risk keeps of a status report, and when a report's outcome is known."""

from __future__ import annotations

import itertools
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime

from firm.errors import UnknownType, WrongUnit
from firm.events import Event, StatusReported
from firm.history import Entry, Outcome, Values
from firm.ids import EventId
from firm.money import Money
from firm.time import DAY, to_micros

SLIP_DAYS = 60.0
"""A completion that moves by more than this between two reports counts as a slip."""
CURRENCY = "USD"
STRETCHES = (240.0, 480.0, 900.0, 1600.0)
"""Edges, in days to completion, between stretches of a project that slip at rates of their own."""


def fold(event: Event) -> Values:
    """Dates as days since 1970, money in its currency's units, texts as they are."""
    report = event.fact
    if not isinstance(report, StatusReported):
        raise UnknownType(f"delivery_risk folds status reports; got {event.type!r} ({event.id})")
    forecast = _days(report.forecast_completion)
    to_go = forecast - event.occurred_at / DAY if forecast is not None else None
    return {
        "forecast": forecast,
        "start": _days(report.design_start),
        "budget": _dollars(report.budget_forecast),
        "phase": report.phase,
        "owner": report.owner,
        "owner_phase": f"{report.owner}|{report.phase}",
        "phase_to_go": f"{report.phase}|{_stretch(to_go)}",
    }


def settle(entries: Sequence[Entry]) -> Mapping[EventId, Outcome]:
    """A report is judged by the next one of its project: has the completion moved too far?"""
    outcomes = {}
    for report, following in itertools.pairwise(entries):
        before, after = report.values.get("forecast"), following.values.get("forecast")
        if isinstance(before, float) and isinstance(after, float):
            slipped = after - before > SLIP_DAYS
            outcomes[report.event] = Outcome(float(slipped), following.at)
    return outcomes


def _dollars(budget: Money | None) -> float | None:
    if budget is not None and budget.currency != CURRENCY:
        raise WrongUnit(f"budgets are kept in {CURRENCY}; got {budget.amount} {budget.currency}")
    return None if budget is None else float(budget.amount)


def _stretch(to_go: float | None) -> int:
    """Which stretch of the way to completion, in days, the project is on; -1 where unknown."""
    return -1 if to_go is None else bisect_left(STRETCHES, to_go)


def _days(day: date | None) -> float | None:
    if day is None:
        return None
    return to_micros(datetime(day.year, day.month, day.day, tzinfo=UTC)) / DAY
