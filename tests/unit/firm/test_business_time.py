"""Business days run from Monday to Friday, and stand still at weekends."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firm.business_time import after_business_days, business_days, week_time
from firm.time import DAY, to_micros

MONDAY = to_micros(datetime(2016, 3, 7, tzinfo=UTC))


@pytest.mark.parametrize(
    ("start", "end", "days"),
    [
        (0, 1, 1),
        (0, 5, 5),
        (0, 7, 5),
        (4.5, 7.25, 0.75),
        (5, 7, 0),
        (5.5, 12, 5),
        (7.25, 4.5, -0.75),
    ],
)
def test_weekends_do_not_count(start: float, end: float, days: float) -> None:
    begun, over = (MONDAY + round(day * DAY) for day in (start, end))
    assert business_days(begun, over) == days


def test_the_week_begins_on_monday() -> None:
    assert [week_time(MONDAY + day * DAY) // DAY for day in (0, 6, 7, -1)] == [0, 6, 0, 6]


@given(st.integers(0, 10**16), st.floats(0.001, 400))
def test_so_many_business_days_have_passed_at_that_instant_and_not_before(
    start: int, days: float
) -> None:
    found = after_business_days(start, days)
    assert business_days(start, found) == pytest.approx(days, abs=1e-9)
    assert business_days(start, found - 1) < days
