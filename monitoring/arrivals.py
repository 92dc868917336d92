"""When outcomes arrive: days on which they come in one batch, and stretches in which none come.

Both are artefacts of how labels are written down. A clean-up that closes weeks of waiting cases in
a day says nothing of the work of that day, and what waited for it was not judged at its usual age.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from statistics import median
from typing import NamedTuple

import numpy as np

from firm.time import DAY, Micros, day_of
from monitoring.cases import Flags, Ints

BUSY = 10
"""Outcomes; days with fewer say nothing of what is usual."""
LEAST_DAYS = 3
"""Busy days before anything is called usual."""
BATCH, MANY = 4, 0.9
"""A batch brings more than so many times as many outcomes as nine in ten of the busy days."""
LONGER = 2
"""The middle outcome of a batch had waited so many times as long as is usual: else there was more
work."""
QUIET, LONG = 0.25, 7
"""Silence is so many days in a row with less than this share of what is usual."""


class Span(NamedTuple):
    """A stretch of time, from its first instant to before its end."""

    start: Micros
    end: Micros


@dataclass(frozen=True)
class Batch:
    """A day on which waiting outcomes came all at once.

    Attributes:
        day: days since 1970.
        at: when it was clear, the instant of the first outcome too many.
        count, usual: outcomes of that day, and what nine in ten busy days before stay below.
        age, usual_age: how many days its middle outcome had waited, and one before.
        happened: the share of its outcomes that are 1.
    """

    day: int
    at: Micros
    count: int
    usual: float
    age: float
    usual_age: float
    happened: float


class _Day:
    """The outcomes of one day, in the order in which they were told: 24 bytes each."""

    def __init__(self) -> None:
        self.known_at, self.age, self.outcome = array("q"), array("d"), array("d")

    def __len__(self) -> int:
        return len(self.age)


class Arrivals:
    """Outcomes by the day on which they were known. A day is judged once it is over, by those
    before it; what is told of it later changes no verdict.

    Attributes:
        batches: the days on which more came than usual, after a longer wait than usual.
    """

    def __init__(self) -> None:
        self.batches: list[Batch] = []
        self._days: dict[int, _Day] = {}
        self._quiet: list[int] = []
        self._next: int | None = None

    def add(self, as_of: Micros, known_at: Micros, outcome: float) -> None:
        """An outcome became known of a decision."""
        day = self._days.setdefault(day_of(known_at), _Day())
        day.known_at.append(known_at)
        day.age.append(max(known_at - as_of, 0) / DAY)
        day.outcome.append(outcome)

    def close_days(self, now: Micros) -> None:
        """Judge the days that are over by now."""
        if self._next is None:
            self._next = min(self._days, default=None)
        while self._next is not None and self._next < day_of(now):
            self._judge(self._next)
            self._next += 1

    def batch_of(self, day: int) -> Batch | None:
        """What came on a day, if it is a batch by what is known so far."""
        told = self._days.get(day)
        busy = self._busy(day)
        if told is None or not busy or len(told) <= BATCH * np.quantile(busy, MANY):
            return None
        before = [age for d, those in self._days.items() if d < day for age in those.age]
        usual, age, usual_age = float(np.quantile(busy, MANY)), median(told.age), median(before)
        if age < LONGER * usual_age:
            return None
        return Batch(
            day=day,
            at=sorted(told.known_at)[int(BATCH * usual)],
            count=len(told),
            usual=usual,
            age=age,
            usual_age=usual_age,
            happened=sum(told.outcome) / len(told),
        )

    def silences(self, before: int) -> list[Span]:
        """The stretches of closed days before a day in which outcomes did not come as usual."""
        found, quiet = [], [day for day in self._quiet if day < before]
        for _, run in groupby(enumerate(quiet), key=lambda pair: pair[1] - pair[0]):
            days = [day for _, day in run]
            if len(days) >= LONG:
                found.append(Span(days[0] * DAY, (days[-1] + 1) * DAY))
        return found

    def disturbed(self, before: int) -> list[Span]:
        """Batches and silences as it was clear when a day began, each silence together with the
        batch that ended it."""
        batches = [batch for batch in self.batches if batch.day < before]
        ends = {batch.day * DAY: (batch.day + 1) * DAY for batch in batches}
        silent = [Span(s.start, ends.get(s.end, s.end)) for s in self.silences(before)]
        return sorted({*silent, *(Span(start, end) for start, end in ends.items())})

    def _judge(self, day: int) -> None:
        busy = self._busy(day)
        if busy and len(self._days.get(day, ())) < QUIET * median(busy):
            self._quiet.append(day)
        if (batch := self.batch_of(day)) is not None:
            self.batches.append(batch)

    def _busy(self, before: int) -> list[int]:
        busy = [len(told) for day, told in self._days.items() if day < before and len(told) >= BUSY]
        return busy if len(busy) >= LEAST_DAYS else []


def overlaps(spans: Sequence[Span], starts: Ints, ends: Ints) -> Flags:
    """Which of n stretches of time overlap with any of the spans."""
    found = np.zeros(len(starts), dtype=np.bool_)
    for span in spans:
        found |= (starts < span.end) & (ends > span.start)
    return found
