"""Wrong answers in money and days, at today's threshold and at the one that would cost least."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest
from pydantic import ValidationError

from firm.money import Money
from firm.workflow import Stakes
from monitoring.costs import costs
from tests.unit.monitoring.simulated import delayed

STAKES = Stakes(
    false_alert=Money(amount=Decimal(10), currency="EUR"),
    missed=Money(amount=Decimal(90), currency="EUR"),
    missed_days=2.5,
    because="made up for a test",
)


def test_false_alerts_and_missed_cases_are_counted_in_money_and_days() -> None:
    score, outcome = np.array([0.9, 0.8, 0.2, 0.1, 0.4]), np.array([1.0, 0.0, 1.0, 0.0, 1.0])
    found = costs(score, outcome, 0.5, STAKES)
    assert found
    assert (found.false_alerts, found.missed) == (1, 2)
    assert (found.cost, found.days) == (Decimal(190), 5.0)
    assert found.least == Decimal(10)
    assert found.curve[50] == found.cost


def test_calibrated_scores_cost_least_at_the_ratio_of_the_stakes() -> None:
    """An alert pays where p * 90 exceeds (1 - p) * 10, so from p = 0.1 on."""
    whole = delayed(1).whole
    found = costs(whole.score, whole.outcome, 0.5, STAKES)
    assert found
    assert found.cheapest == pytest.approx(0.1, abs=0.03)
    assert found.least < found.cost


def test_nothing_judged_costs_nothing_that_could_be_told() -> None:
    assert costs(np.array([]), np.array([]), 0.5, STAKES) is None


def test_two_currencies_are_refused() -> None:
    with pytest.raises(ValidationError, match="declare both in one currency"):
        Stakes(
            false_alert=Money(amount=Decimal(1), currency="EUR"),
            missed=Money(amount=Decimal(1), currency="USD"),
            because="made up for a test",
        )
