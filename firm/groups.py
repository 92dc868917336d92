"""What is kept of a group (an agency, a team, a client): outcomes already known, day by day.

Counts of whole days are whole numbers, so the order of arrival does not matter. A rate as of an
instant takes the days before that instant's day: what became known today counts from tomorrow.
"""

from __future__ import annotations

import msgspec

from firm.time import Micros, day_of


class Tally(msgspec.Struct, gc=False, array_like=True):
    """Outcomes that became known on one day: how many, and how many came true."""

    known: int = 0
    positive: float = 0.0


class Group(msgspec.Struct):
    """Known outcomes of a group by the UTC day (days since 1970) on which they became known."""

    days: dict[int, Tally] = msgspec.field(default_factory=dict)

    def record(self, known_at: Micros, value: float, count: int = 1) -> None:
        """Count an outcome in (count 1), or take back one that was corrected (count -1)."""
        day = day_of(known_at)
        tally = self.days.setdefault(day, Tally())
        tally.known += count
        tally.positive += count * value
        if tally.known == 0:
            del self.days[day]

    def before(self, as_of: Micros, within_days: int | None = None) -> Tally:
        """Outcomes known before the day of `as_of`, in all or within so many days before it."""
        end = day_of(as_of)
        start = end - within_days if within_days is not None else None
        total = Tally()
        for day, tally in self.days.items():
            if day < end and (start is None or day >= start):
                total.known += tally.known
                total.positive += tally.positive
        return total
