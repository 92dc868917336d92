"""Folds and labels that are said by names alone, so that a log can also be replayed in columns.

Any function can fold or settle; one of these can be read as well as called, and a replay of
millions of events reads it (`training.columnar`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from firm.events import Event
from firm.history import Entry, Outcome, Value, Values
from firm.ids import EventId

EPOCH = date(1970, 1, 1).toordinal()


@dataclass(frozen=True, slots=True)
class Keep:
    """A fold that keeps fields of the fact under their own names: texts as they are, numbers and
    flags as floats, dates as days since 1970; None where a fact has no such field."""

    fields: tuple[str, ...]

    def __call__(self, event: Event) -> Values:
        """The values of these fields."""
        return {name: _value(getattr(event.fact, name, None)) for name in self.fields}


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


def _value(value: object) -> Value:
    if isinstance(value, bool | int | float | Decimal):
        return float(value)
    if isinstance(value, date):
        return float(value.toordinal() - EPOCH)
    return value if isinstance(value, str) else None
