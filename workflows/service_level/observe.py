"""What the tickets of a service desk tell of how long the likes of them take.

Nothing here looks ahead: what is said from an instant on rests on what stood in the log by then.
That a ticket is slow is known once it can no longer be in time; that instant is known beforehand.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import log1p

from firm.business_time import after_business_days
from firm.groups import Observation
from firm.history import Entry, Values
from firm.time import DAY, HOUR, Micros
from firm.workflow import GroupBy
from workflows.service_level.fold import moving, opened_at, solving
from workflows.service_level.groups import HOURS, MOVED, SLOW, SOLVED, SOLVED_BY

USUAL_DAYS, PATIENT_DAYS = 6.5, {"4": 14.5}
"""Business days from opening to closing after which the promise counts as broken, by priority."""
TO_CLOSE: Micros = 5 * DAY
"""A ticket is closed this long after it is solved, and the promise runs until then."""
SILENCE: Micros = 7 * DAY
"""Nine in ten changes of hands come within four days: after seven, none counts as known."""


def observe(entries: Sequence[Entry]) -> Iterator[Observation]:
    """Whether a ticket was slow, how long it took, whether it went to another group, and which
    group solved it."""
    first, opened, solved = entries[0], opened_at(entries), solving(entries)
    limit = PATIENT_DAYS.get(str(first.values["level"]), USUAL_DAYS)
    too_late = max(first.at, after_business_days(opened, limit) - TO_CLOSE)
    in_time = solved is not None and solved.at <= too_late
    known = solved.at if solved is not None and in_time else too_late
    hours = log1p(max(known - opened, 0) / HOUR)
    yield from _in_all(SLOW, first.values, known, float(not in_time))
    yield from _in_all(HOURS, first.values, known, hours)
    yield from _moved(entries, solved)
    if solved is not None:
        yield from _in_all(SOLVED, first.values, solved.at, 0.0)
        by = {**first.values, "group": solved.values["group"]}
        yield from _in_all(SOLVED_BY, by, solved.at, 0.0)


def _moved(entries: Sequence[Entry], solved: Entry | None) -> Iterator[Observation]:
    """Known at once where it moves; that it stays, once it is solved or silent for long."""
    first, moved = entries[0], moving(entries)
    quiet = first.at + SILENCE if solved is None else min(solved.at, first.at + SILENCE)
    in_time = moved is not None and moved.at <= quiet
    known = moved.at if moved is not None and in_time else quiet
    yield from _in_all(MOVED, first.values, known, float(in_time))


def _in_all(
    groups: Sequence[GroupBy], values: Values, at: Micros, value: float
) -> Iterator[Observation]:
    for group in groups:
        key = None if group.key is None else group.key_of(values)
        yield Observation(group.name, key, at, value)
