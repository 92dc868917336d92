"""How likely a ticket is to be reassigned yet, for tickets whose outcome is not known at a cut."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from math import inf
from typing import NamedTuple

from firm.history import Entry
from firm.ids import EventId
from firm.time import DAY, Micros
from workflows.staffing_fit.fold import is_reassigned, is_solved

AGES = (0.0, 0.04, 0.17, 0.5, 1.0, 2.0, 3.0, 5.0, 7.0, 10.0, 14.0, 21.0, 30.0, 45.0)
"""Days since it was opened, at which the share is taken; between them it is a straight line."""
FOLLOWED = 14.0
"""For so many days after an age a ticket must have been followed, to tell what comes after it."""
USUAL, WEIGHT = 0.3, 5.0
"""Few tickets are drawn toward the usual share, with the weight of so many."""


class Case(NamedTuple):
    """A ticket as a cut shows it: its age and what had happened to it, in days since it opened."""

    event: EventId
    age: float
    reassigned: float
    solved: float


def estimate(histories: Sequence[Sequence[Entry]], cut: Micros) -> Mapping[EventId, float]:
    """The estimate for each ticket that was not reassigned by the cut, by its first event.

    One that is solved is as good as never reassigned: three in a thousand are. Of the others, as
    many will be as of the older tickets that had come to the same age with neither.
    """
    cases = [_case(entries, cut) for entries in histories]
    shares = [(age, _share_after(age, cases)) for age in AGES]
    return {
        case.event: 0.0 if case.solved < inf else _between(shares, case.age)
        for case in cases
        if case.reassigned == inf
    }


def _case(entries: Sequence[Entry], cut: Micros) -> Case:
    opened = entries[0].at

    def first(which: Iterable[Entry]) -> float:
        return next(((entry.at - opened) / DAY for entry in which), inf)

    return Case(
        event=entries[0].event,
        age=(cut - opened) / DAY,
        reassigned=first(filter(is_reassigned, entries)),
        solved=first(filter(is_solved, entries)),
    )


def _share_after(age: float, cases: Sequence[Case]) -> float:
    """The share of the tickets still open and unmoved at this age that were reassigned later."""
    waiting = [c for c in cases if c.age >= age + FOLLOWED and min(c.reassigned, c.solved) > age]
    moved = sum(case.reassigned < inf for case in waiting)
    return (moved + USUAL * WEIGHT) / (len(waiting) + WEIGHT)


def _between(points: Sequence[tuple[float, float]], x: float) -> float:
    """The value at x of the line through the points; beyond their ends it stays level."""
    for (left, low), (right, high) in pairwise(points):
        if x <= right:
            return low + (high - low) * max(x - left, 0.0) / (right - left)
    return points[-1][1]
