"""What is kept of one subject: its folded events in order of time, and its known outcomes.

The order in which events arrive does not matter: entries stand in the order of (time, event id),
so any permutation and any repetition of the same events gives the same history, byte for byte.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Mapping, Sequence

import msgspec

from firm.ids import EventId
from firm.time import Micros

Value = float | str | None
Values = dict[str, Value]


class Entry(msgspec.Struct, frozen=True, gc=False, order=True, array_like=True):
    """One folded event: the values a workflow needs of it, and no more."""

    at: Micros
    event: EventId
    type: str = ""
    values: Values = {}


class Outcome(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """What became of one entry: 1.0 if the label's question came true, and when that was known."""

    value: float
    known_at: Micros


class Reported(msgspec.Struct, frozen=True, gc=False, order=True, array_like=True):
    """An outcome that was reported outright: when it became known, by which event, of the decision
    that `cause` asked for."""

    at: Micros
    event: EventId
    cause: EventId
    value: float


class History(msgspec.Struct):
    """The entries of one subject in order of time, and the outcomes known so far by event id.

    `reported` are outcomes that were reported outright, in order of time; of several on one
    decision the newest counts, and before what is settled by later events.
    """

    entries: list[Entry] = msgspec.field(default_factory=list)
    outcomes: dict[EventId, Outcome] = msgspec.field(default_factory=dict)
    reported: list[Reported] = msgspec.field(default_factory=list)

    def report(self, one: Reported) -> bool:
        """Keep a reported outcome in its place; False if it is there already."""
        if any(other.event == one.event for other in self.reported):
            return False
        insort(self.reported, one)
        return True

    def has(self, event: EventId) -> bool:
        """Whether the entry of an event is there already."""
        return any(entry.event == event for entry in self.entries)

    def add(self, entry: Entry) -> bool:
        """Put the entry in its place; False if it is there already."""
        if self.has(entry.event):
            return False
        if not self.entries or _order(self.entries[-1]) < _order(entry):
            self.entries.append(entry)
        else:
            insort(self.entries, entry, key=_order)
        return True

    def until(self, as_of: Micros) -> Sequence[Entry]:
        """The entries up to and including `as_of`, oldest first."""
        if not self.entries or self.entries[-1].at <= as_of:
            return self.entries
        return self.entries[: bisect_right(self.entries, as_of, key=_time)]

    def through(self, event: EventId) -> Sequence[Entry]:
        """The entries up to and including that of an event; none if it is not here."""
        for place in range(len(self.entries), 0, -1):
            if self.entries[place - 1].event == event:
                return self.entries[:place]
        return ()

    def settle(self, outcomes: Mapping[EventId, Outcome]) -> dict[EventId, Outcome | None]:
        """Take over the outcomes as they are known now, and those that were reported; return those
        that changed, old ones gone as None."""
        if self.reported:
            outcomes = {
                **outcomes,
                **{one.cause: Outcome(one.value, one.at) for one in self.reported},
            }
        changed: dict[EventId, Outcome | None] = {
            event: outcome
            for event, outcome in outcomes.items()
            if self.outcomes.get(event) != outcome
        }
        changed |= {event: None for event in self.outcomes if event not in outcomes}
        self.outcomes = dict(outcomes)
        return changed


def newest_number(entries: Sequence[Entry], name: str) -> float | None:
    """The number that was folded last under this name; None where none was."""
    for entry in reversed(entries):
        value = entry.values.get(name)
        if isinstance(value, float):
            return value
    return None


def _order(entry: Entry) -> tuple[Micros, EventId]:
    return entry.at, entry.event


def _time(entry: Entry) -> Micros:
    return entry.at
