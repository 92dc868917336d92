"""What is kept of a group (an agency, a team, a client): outcomes already known, day by day.

Counts of whole days are whole numbers, so the order of arrival does not matter. A rate as of an
instant takes the days before that instant's day: what became known today counts from tomorrow.
"""

from __future__ import annotations

import msgspec

from firm.time import Micros, day_of


class Tally(msgspec.Struct, gc=False, array_like=True):
    """How many outcomes became known, and how many of them came true (weighted, with a decay)."""

    known: float = 0.0
    positive: float = 0.0


class Group(msgspec.Struct):
    """Known outcomes of a group by the UTC day (days since 1970) on which they became known.

    The days stand in order, so that any order of arrival is written down in the same bytes.
    """

    days: dict[int, Tally] = msgspec.field(default_factory=dict)

    def record(self, known_at: Micros, value: float, count: int = 1) -> None:
        """Count an outcome in (count 1), or take back one that was corrected (count -1)."""
        day = day_of(known_at)
        if day not in self.days:
            self._add(day)
        tally = self.days[day]
        tally.known += count
        tally.positive += count * value
        if tally.known == 0:
            del self.days[day]

    def before(
        self,
        as_of: Micros,
        within_days: int | None = None,
        half_life_days: float | None = None,
    ) -> Tally:
        """Outcomes known before the day of `as_of`: all, or those of so many days before it.

        With a half-life, an outcome weighs half as much for each that has passed since the day on
        which it became known.
        """
        end = day_of(as_of)
        start = end - within_days if within_days is not None else None
        known = positive = 0.0
        for day in sorted(self.days):
            if day >= end:
                break
            if start is not None and day < start:
                continue
            weight = 1.0 if half_life_days is None else 0.5 ** ((end - day) / half_life_days)
            known += weight * self.days[day].known
            positive += weight * self.days[day].positive
        return Tally(known, positive)

    def _add(self, day: int) -> None:
        newest = next(reversed(self.days), day)
        self.days[day] = Tally()
        if day < newest:
            self.days = dict(sorted(self.days.items()))
