"""Facts refuse values that cannot be true; events are values."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from pydantic import ValidationError

from firm.events import Position, StatusReported
from firm.money import Money
from tests.unit.firm.samples import HoursBooked, report


@pytest.mark.parametrize(
    "said",
    [
        {"forecast_completion": "1989-12-31"},
        {"forecast_completion": "2200-01-02"},
        {"forecast_completion": True},
        {"phase": ""},
        {"phase": "   "},
        {"phase": "x" * 201},
        {"phase": 5},
        {"nobody_knows": 1},
        {"budget_forecast": 5},
    ],
    ids=str,
)
def test_a_report_refuses(said: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match=next(iter(said))):
        StatusReported.model_validate(said)


@pytest.mark.parametrize("day", ["1990-01-01", "2200-01-01"])
def test_plan_dates_reach_up_to_their_limits(day: str) -> None:
    said = StatusReported.model_validate({"forecast_completion": day})
    assert said.forecast_completion == date.fromisoformat(day)


@pytest.mark.parametrize("amount", ["NaN", "Infinity", "-Infinity", "10000000000001", "-1e14"])
def test_money_refuses_amounts_that_are_no_amounts(amount: str) -> None:
    with pytest.raises(ValidationError, match="amount"):
        Money.model_validate({"amount": amount, "currency": "USD"})


@pytest.mark.parametrize("currency", ["usd", "US", "USDX", "", None, "US\n"])
def test_money_refuses_what_is_no_currency(currency: object) -> None:
    with pytest.raises(ValidationError, match="currency"):
        Money.model_validate({"amount": "1", "currency": currency})


def test_money_keeps_every_digit() -> None:
    money = Money.model_validate({"amount": "0.1000000000000000055511151231", "currency": "USD"})
    assert money.amount == Decimal("0.1000000000000000055511151231")


@pytest.mark.parametrize("hours", ["NaN", float("inf"), float("-inf"), "1e999"])
def test_no_fact_of_any_workflow_takes_a_number_that_is_not_finite(hours: object) -> None:
    with pytest.raises(ValidationError, match="hours"):
        HoursBooked.model_validate({"hours": hours})


def test_facts_and_events_do_not_change() -> None:
    event = report("e", 1, phase="Design")
    with pytest.raises(ValidationError, match="frozen"):
        event.fact.phase = "Build"  # type: ignore[attr-defined]
    with pytest.raises(AttributeError):
        event.id = "other"  # type: ignore[misc]
    assert msgspec.structs.replace(event) == event


def test_an_events_time_is_in_utc() -> None:
    assert report("e", 1.5).time == datetime(2020, 1, 2, 12, tzinfo=UTC)


def test_positions_stand_in_the_order_of_the_log() -> None:
    assert Position(0, 9) < Position(0, 10) < Position(1, 0)
