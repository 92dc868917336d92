"""Time as the folds keep it: whole microseconds since 1970 in UTC, and days of 24 hours."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

Micros = int
SECOND: Micros = 1_000_000
HOUR: Micros = 3_600 * SECOND
DAY: Micros = 24 * HOUR
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def to_micros(moment: datetime) -> Micros:
    """Whole microseconds since 1970 of an aware time; ValueError for a naive one."""
    if moment.tzinfo is None:
        raise ValueError(f"{moment!r} has no time zone; give an aware time, best in UTC")
    return (moment - _EPOCH) // timedelta(microseconds=1)


def to_datetime(micros: Micros) -> datetime:
    """The aware UTC time of so many microseconds since 1970."""
    return _EPOCH + timedelta(microseconds=micros)


def day_of(micros: Micros) -> int:
    """The UTC calendar day, as days since 1970."""
    return micros // DAY
