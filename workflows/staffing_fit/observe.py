"""What the tickets of a service desk tell of its groups, symptoms, callers and their pairs.

Nothing here looks ahead: what is said from an instant on rests on what stood in the log by then.
A later change of mind is another observation.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from firm.groups import Observation
from firm.history import Entry, Values
from firm.time import DAY, Micros
from firm.workflow import GroupBy
from workflows.staffing_fit.fold import holds, is_reassigned, is_solved
from workflows.staffing_fit.groups import HELD, REASSIGNED, SOLVED, SOLVED_BY

SILENCE: Micros = 7 * DAY
"""Nine in ten reassignments come within four days: after seven, none counts as known."""


def observe(entries: Sequence[Entry]) -> Iterator[Observation]:
    """Whether a ticket was reassigned, which group solved it, and which groups had it when."""
    first = entries[0]
    solved = next(filter(is_solved, entries), None)
    for at, value, count in _reassigned(entries, first.at, solved):
        yield from _in_all(REASSIGNED, first.values, at, value, count)
    if solved is not None:
        yield from _in_all(SOLVED, first.values, solved.at)
        by = {**first.values, "group": solved.values["group"]}
        yield from _in_all(SOLVED_BY, by, solved.at)
    yield from _held(entries)


def _held(entries: Sequence[Entry]) -> Iterator[Observation]:
    """Each group that takes the ticket, and leaves it: by passing it on, or by solving it."""
    holder: str | None = None
    for entry in entries:
        now = holds(entry)
        if now != holder:
            if holder is not None:
                yield Observation(HELD.name, holder, entry.at, -1.0)
            if now is not None:
                yield Observation(HELD.name, now, entry.at, 1.0)
        holder = now


def _reassigned(
    entries: Sequence[Entry], opened: Micros, solved: Entry | None
) -> Iterator[tuple[Micros, float, float]]:
    """When it is taken as known, its value, and for how many tickets it stands."""
    changed = next(filter(is_reassigned, entries), None)
    quiet = opened + SILENCE if solved is None else min(solved.at, opened + SILENCE)
    if changed is not None and changed.at <= quiet:
        yield changed.at, 1.0, 1.0
        return
    yield quiet, 0.0, 1.0
    if changed is not None:
        yield changed.at, 1.0, 0.0


def _in_all(
    groups: Sequence[GroupBy], values: Values, at: Micros, value: float = 0.0, count: float = 1.0
) -> Iterator[Observation]:
    for group in groups:
        key = None if group.key is None else group.key_of(values)
        yield Observation(group.name, key, at, value, count)
