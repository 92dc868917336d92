"""Folds and labels that are said by names alone, so that a log can also be replayed in columns.

Any function can fold or settle; one of these can be read as well as called, and a replay of
millions of events reads it (`training.columnar`).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cached_property
from itertools import pairwise

from firm.errors import WrongUnit
from firm.events import Event
from firm.history import Entry, Outcome, Value, Values
from firm.ids import EventId
from firm.money import Money
from firm.time import DAY

EPOCH = date(1970, 1, 1).toordinal()


@dataclass(frozen=True, slots=True)
class Amount:
    """The amount of a sum of money; one in any other currency is rejected with its event."""

    field: str
    currency: str

    def __call__(self, event: Event) -> Value:
        """The amount as a float; None where the fact has none."""
        money = getattr(event.fact, self.field, None)
        if not isinstance(money, Money):
            return None
        if money.currency != self.currency:
            raise WrongUnit(
                f"{self.field} is kept in {self.currency}; got {money.amount} {money.currency}"
            )
        return float(money.amount)


@dataclass(frozen=True, slots=True)
class Stretch:
    """On which stretch of the way to a date an event happens, as a text: "0" up to the first of the
    rising edges, in days, "1" from there up to the second, and so on; "-1" without a date."""

    field: str
    edges: tuple[float, ...]

    def __call__(self, event: Event) -> Value:
        """The number of the stretch."""
        day = _value(getattr(event.fact, self.field, None))
        if not isinstance(day, float):
            return "-1"
        return str(bisect_left(self.edges, day - event.occurred_at / DAY))


@dataclass(frozen=True)
class Keep:
    """A fold that keeps fields of the fact: texts as they are, numbers and flags as floats, dates
    as days since 1970; None where a fact has no such field.

    `fields` are kept under their own names, or a mapping says under which name what is kept.
    """

    fields: tuple[str, ...] | Mapping[str, str | Amount | Stretch]

    def __call__(self, event: Event) -> Values:
        """The values of these fields."""
        return {
            name: _value(getattr(event.fact, kept, None)) if isinstance(kept, str) else kept(event)
            for name, kept in self.kept.items()
        }

    @cached_property
    def kept(self) -> Mapping[str, str | Amount | Stretch]:
        """What is kept, by the name under which it is."""
        fields = self.fields
        return fields if isinstance(fields, Mapping) else {name: name for name in fields}


@dataclass(frozen=True, slots=True)
class NextSays:
    """A label: each entry is judged by the first later one of a type, by its number under a name.

    Once known, such an outcome never changes as long as events come in the order of time.
    """

    type: str
    name: str

    def __call__(self, entries: Sequence[Entry]) -> Mapping[EventId, Outcome]:
        """The outcomes of all entries that have such an entry after them."""
        outcomes: dict[EventId, Outcome] = {}
        judge: Entry | None = None
        for entry in reversed(entries):
            value = None if judge is None else judge.values.get(self.name)
            if judge is not None and isinstance(value, float):
                outcomes[entry.event] = Outcome(value, judge.at)
            if entry.type == self.type:
                judge = entry
        return outcomes


@dataclass(frozen=True, slots=True)
class NextRises:
    """A label: each entry is judged by the next one, by whether its number under a name is higher
    by more than so much. Without a number in both there is no outcome."""

    name: str
    by_more_than: float

    def __call__(self, entries: Sequence[Entry]) -> Mapping[EventId, Outcome]:
        """The outcomes of all entries but the last."""
        outcomes: dict[EventId, Outcome] = {}
        for entry, following in pairwise(entries):
            before, after = entry.values.get(self.name), following.values.get(self.name)
            if isinstance(before, float) and isinstance(after, float):
                rises = float(after - before > self.by_more_than)
                outcomes[entry.event] = Outcome(rises, following.at)
        return outcomes


def _value(value: object) -> Value:
    if isinstance(value, bool | int | float | Decimal):
        return float(value)
    if isinstance(value, date):
        return float(value.toordinal() - EPOCH)
    return value if isinstance(value, str) else None
