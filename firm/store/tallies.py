"""Tallies: what came in, and what became of it, for each day on which it happened."""

from __future__ import annotations

import msgspec
from sqlalchemy import select

from firm.store.parts import StorePart
from firm.store.tables import tally


class Counts(msgspec.Struct, frozen=True, gc=False):
    """How many events met which fate."""

    counted: int = 0
    late: int = 0
    duplicate: int = 0
    rejected: int = 0

    @property
    def received(self) -> int:
        """All events that came in."""
        return self.counted + self.late + self.duplicate + self.rejected

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.counted + other.counted,
            self.late + other.late,
            self.duplicate + other.duplicate,
            self.rejected + other.rejected,
        )


class Tallies(msgspec.Struct, frozen=True):
    """The counts of a workflow by the UTC day (days since 1970) on which the events happened."""

    days: dict[int, Counts]

    @property
    def total(self) -> Counts:
        """The sum over all days."""
        return sum(self.days.values(), Counts())


class TallyBook(StorePart):
    """Read the tallies."""

    def tallies(self, workflow: str) -> Tallies:
        """What has become of all events of a workflow."""
        columns = [tally.c[field] for field in Counts.__struct_fields__]
        query = select(tally.c.day, *columns).where(tally.c.workflow == workflow)
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(tally.c.day)).all()
        return Tallies({day: Counts(*counts) for day, *counts in rows})
