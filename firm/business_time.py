"""Time as offices count it: Monday to Friday, 24 hours each, in UTC; no holidays."""

from __future__ import annotations

from firm.time import DAY, Micros

WEEK: Micros = 7 * DAY
WORKING: Micros = 5 * DAY
_MONDAY: Micros = 4 * DAY
"""1970-01-05 was the first Monday."""


def week_time(at: Micros) -> Micros:
    """How long ago the week began, on Monday at midnight."""
    return (at - _MONDAY) % WEEK


def business_days(start: Micros, end: Micros) -> float:
    """Business days from one instant to another, with fractions; negative if `end` is earlier."""
    return (_worked(end) - _worked(start)) / DAY


def after_business_days(start: Micros, days: float) -> Micros:
    """The first instant at which so many business days have passed; `days` is positive."""
    weeks, rest = divmod(_worked(start) + round(days * DAY), WORKING)
    if not rest:  # the last of a week's time is over as its weekend begins, not as it ends
        weeks, rest = weeks - 1, WORKING
    return _MONDAY + weeks * WEEK + rest


def _worked(at: Micros) -> Micros:
    """The working time from the first Monday until an instant."""
    weeks, rest = divmod(at - _MONDAY, WEEK)
    return weeks * WORKING + min(rest, WORKING)
