"""Whole microseconds, exact both ways."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firm.time import DAY, day_of, to_datetime, to_micros


@given(st.datetimes(min_value=datetime(1900, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001
def test_a_time_comes_back_exactly(moment: datetime) -> None:
    assert to_datetime(to_micros(moment)) == moment


def test_the_zone_counts() -> None:
    east = timezone(timedelta(hours=2))
    assert to_micros(datetime(1970, 1, 1, 2, tzinfo=east)) == 0


def test_a_naive_time_is_refused() -> None:
    with pytest.raises(ValueError, match="no time zone"):
        to_micros(datetime(2020, 1, 1))  # noqa: DTZ001


@pytest.mark.parametrize(("micros", "day"), [(0, 0), (DAY - 1, 0), (DAY, 1), (-1, -1)])
def test_a_day_goes_from_midnight_to_midnight_utc(micros: int, day: int) -> None:
    assert day_of(micros) == day
