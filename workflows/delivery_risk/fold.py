"""What delivery risk keeps of a status report, and when a report's outcome is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime

from firm.errors import UnknownType
from firm.events import Event, StatusReported
from firm.history import Entry, Outcome, Values
from firm.ids import EventId
from firm.time import DAY, to_micros

SLIP_DAYS = 60.0
"""A completion that moves by more than this between two reports counts as a slip."""


def fold(event: Event) -> Values:
    """Dates as days since 1970, money in its currency's units, texts as they are."""
    report = event.fact
    if not isinstance(report, StatusReported):
        raise UnknownType(f"delivery_risk folds status reports; got {event.type!r} ({event.id})")
    budget = report.budget_forecast
    return {
        "forecast": _days(report.forecast_completion),
        "start": _days(report.design_start),
        "budget": float(budget.amount) if budget else None,
        "phase": report.phase,
        "category": report.category,
        "owner": report.owner,
        "client": report.client,
    }


def settle(entries: Sequence[Entry]) -> Mapping[EventId, Outcome]:
    """A report is judged by the next one of its project: has the completion moved too far?"""
    outcomes = {}
    for report, following in zip(entries, entries[1:], strict=False):
        before, after = report.values.get("forecast"), following.values.get("forecast")
        if isinstance(before, float) and isinstance(after, float):
            slipped = after - before > SLIP_DAYS
            outcomes[report.event] = Outcome(float(slipped), following.at)
    return outcomes


def _days(day: date | None) -> float | None:
    if day is None:
        return None
    return to_micros(datetime(day.year, day.month, day.day, tzinfo=UTC)) / DAY
