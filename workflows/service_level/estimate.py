"""What will become of tickets that are not closed at a cut, and of those closed in a batch.

Whether the promise is broken follows almost by itself from the priority and the business days from
opening to closing, and a ticket is closed a fixed time after it is solved. So a solved ticket is
nearly judged already; and one that is still open will fare as older ones did that were still open
at its age. A day on which far more tickets are closed than usual is a clean-up: they waited for it,
and would have been closed at the usual time without it. Its outcomes are true, but teach nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise
from math import inf
from statistics import mean, median
from typing import NamedTuple

from firm.business_time import business_days
from firm.history import Entry
from firm.ids import EventId
from firm.time import DAY, Micros, day_of
from workflows.service_level.fold import closing, missed, opened_at, solving
from workflows.service_level.rising import Rising, between

URGENT = frozenset({"1", "2"})
"""Priorities at which the promise is broken from the first day, nine times in ten."""
LONG = 60.0
"""Business days after which every promise is broken."""
TO_CLOSE = 5.02 * DAY
"""From solved to closed, where too few tickets tell."""
BATCH, A_DAY = 4, 10
"""A clean-up closes more than so many times as many as the middle day with at least so many."""
ENOUGH = 50
REOPENED = 0.02
"""Share of promises broken after a ticket was solved in time, where too few tickets tell."""
AGES = (0.0, 0.1, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0)
"""Business days since a ticket was opened at which the share is taken."""
USUAL, WEIGHT = 0.5, 4.0
"""Few tickets are drawn toward the usual share, with the weight of so many."""


class Case(NamedTuple):
    """A ticket as a cut shows it."""

    event: EventId
    level: str
    opened: Micros
    solved: Micros | None
    closed: Micros | None
    missed: float


def estimate(histories: Sequence[Sequence[Entry]], cut: Micros) -> Mapping[EventId, float]:
    """The estimate for each ticket that was not closed before the cut, or in a clean-up long after
    it was solved, by its first event."""
    return _Estimate([_case(entries) for entries in histories], cut).found()


def _case(entries: Sequence[Entry]) -> Case:
    solved, closed = solving(entries), closing(entries)
    return Case(
        event=entries[0].event,
        level=str(entries[0].values["level"]),
        opened=opened_at(entries),
        solved=solved.at if solved else None,
        closed=closed.at if closed else None,
        missed=missed(closed) if closed else 0.0,
    )


class _Estimate:
    """What the tickets before a cut tell of the clock, and of those whose outcome is open."""

    def __init__(self, cases: Sequence[Case], cut: Micros) -> None:
        self._cases, self._cut = cases, cut
        self._clean_ups = _clean_ups(cases)
        self._to_close = self._usual_to_close()
        self._clock = _clock(cases)
        self._reopened = self._broken_after_solved()

    def found(self) -> dict[EventId, float]:
        chances = ((case.event, self._if_closed_as_usual(case)) for case in self._cases)
        foreseen = {event: chance for event, chance in chances if chance is not None}
        waiting = [c for c in self._cases if c.closed is None and c.event not in foreseen]
        levels = {case.level for case in waiting}
        shares = {level: self._shares(level, foreseen) for level in levels}
        return foreseen | {c.event: self._if_it_waits(c, shares[c.level]) for c in waiting}

    def _if_closed_as_usual(self, case: Case) -> float | None:
        """For one that was solved and is to be closed, or was closed in a clean-up long after."""
        if case.solved is None:
            return None
        if case.closed is None and self._cut - case.solved > self._to_close + DAY / 2:
            return None  # opened again, or held
        if case.closed is not None and not self._was_cleaned_up(case.solved, case.closed):
            return None
        chance = self._clock_at(case, case.solved + round(self._to_close))
        return chance + (1 - chance) * self._reopened

    def _was_cleaned_up(self, solved: Micros, closed: Micros) -> bool:
        late = closed - solved > self._to_close + 2 * DAY
        return late and day_of(closed) in self._clean_ups

    def _if_it_waits(self, case: Case, shares: Sequence[tuple[float, float]]) -> float:
        """It cannot be closed before the usual time from now on is over, and has waited already."""
        least = self._clock_at(case, self._cut + round(self._to_close))
        return max(least, _on(shares, business_days(case.opened, self._cut)))

    def _shares(self, level: str, foreseen: Mapping[EventId, float]) -> list[tuple[float, float]]:
        """By age, the share of broken promises among older tickets that waited at that age."""
        alike = [self._followed(case, foreseen) for case in self._cases if case.level == level]
        found = []
        for age in AGES:
            later = [end for old, waited, end in alike if old >= max(age + 4, 6) and waited > age]
            found.append((age, (sum(later) + USUAL * WEIGHT) / (len(later) + WEIGHT)))
        return found

    def _followed(
        self, case: Case, foreseen: Mapping[EventId, float]
    ) -> tuple[float, float, float]:
        """Its age in business days, how long it waited to be solved, and how it ends: broken, for
        one that still waits."""
        open_ = case.closed is None and case.event not in foreseen
        waited = inf if open_ or case.solved is None else business_days(case.opened, case.solved)
        end = 1.0 if open_ else foreseen.get(case.event, case.missed)
        return business_days(case.opened, self._cut), waited, end

    def _clock_at(self, case: Case, closed: Micros) -> float:
        return self._clock[case.level](business_days(case.opened, closed))

    def _usual_to_close(self) -> float:
        found = [closed - solved for _, solved, closed in self._ordinary()]
        return median(found) if len(found) > ENOUGH else TO_CLOSE

    def _broken_after_solved(self) -> float:
        """How many promises are broken for which the clock alone is no reason."""
        found = [
            max(case.missed - self._clock_at(case, solved + round(self._to_close)), 0.0)
            for case, solved, _ in self._ordinary()
        ]
        return min(mean(found), 0.1) if len(found) > ENOUGH else REOPENED

    def _ordinary(self) -> list[tuple[Case, Micros, Micros]]:
        """The tickets that were closed in no clean-up, with when they were solved and closed."""
        return [
            (case, case.solved, case.closed)
            for case in self._cases
            if case.solved is not None
            and case.closed is not None
            and day_of(case.closed) not in self._clean_ups
        ]


def _clean_ups(cases: Sequence[Case]) -> set[int]:
    closings = Counter(day_of(case.closed) for case in cases if case.closed is not None)
    busy = [n for n in closings.values() if n >= A_DAY]
    return {day for day, n in closings.items() if busy and n > BATCH * median(busy)}


def _clock(cases: Sequence[Case]) -> dict[str, Rising]:
    """By priority, the chance of a broken promise by business days from opening to closing."""
    return {level: Rising(_judged(level, cases)) for level in {case.level for case in cases}}


def _judged(level: str, cases: Sequence[Case]) -> list[tuple[float, float]]:
    closed = [
        (business_days(case.opened, case.closed), case.missed)
        for case in cases
        if case.level == level and case.closed is not None
    ]
    return [(0.0, 0.9 if level in URGENT else 0.0), *closed, (LONG, 1.0)]


def _on(points: Sequence[tuple[float, float]], x: float) -> float:
    for left, right in pairwise(points):
        if x <= right[0]:
            return between(left, right, max(x, left[0]))
    return points[-1][1]
