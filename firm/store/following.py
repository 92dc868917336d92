"""Follow what is written: decisions, outcomes and actions in the order in which they were kept."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
from sqlalchemy import Column, Select, select, tuple_

from firm.decision import Decision
from firm.ids import DecisionId
from firm.store.parts import StorePart
from firm.store.rows import read_decision
from firm.store.tables import action, decision, outcome
from firm.time import Micros

PAGE = 2_000


class Told(msgspec.Struct, frozen=True, gc=False):
    """An outcome as it was last written; `revision` is how often its value had changed by then.

    Attributes:
        value: None where it was taken back.
        recorded_at: when it was written, by the clock of the writer.
        as_of: of the decision that it judges; None where there is no such decision.
    """

    decision: DecisionId
    value: float | None
    known_at: Micros
    revision: int
    recorded_at: Micros
    as_of: Micros | None


class Following(StorePart):
    """Read what was written between two instants of the writers' clocks."""

    def decided_between(self, workflow: str, since: Micros, until: Micros) -> Iterator[Decision]:
        """Decisions with since <= decided_at < until, in the order of (decided_at, as_of, id)."""
        place = (decision.c.decided_at, decision.c.as_of, decision.c.id)
        query = select(*place, decision.c.body).where(decision.c.workflow == workflow)
        for row in self._pages(_within(query, decision.c.decided_at, since, until), place):
            yield read_decision(row.body)

    def told_between(self, workflow: str, since: Micros, until: Micros) -> Iterator[Told]:
        """Outcomes that were written or revised with since <= recorded_at < until, in order."""
        place = (outcome.c.recorded_at, outcome.c.known_at, outcome.c.decision)
        query = (
            select(*place, outcome.c.value, outcome.c.revision, decision.c.as_of)
            .join_from(outcome, decision, decision.c.id == outcome.c.decision, isouter=True)
            .where(outcome.c.workflow == workflow)
        )
        for row in self._pages(_within(query, outcome.c.recorded_at, since, until), place):
            yield Told(
                row.decision,
                row.value,
                row.known_at,
                row.revision,
                row.recorded_at,
                row.as_of,
            )

    def acted_between(self, workflow: str, since: Micros, until: Micros) -> Iterator[DecisionId]:
        """Decisions an action of which was done with since <= settled_at < until, in order."""
        place = (action.c.settled_at, action.c.id)
        query = select(*place, action.c.decision).where(
            action.c.workflow == workflow, action.c.status == "done"
        )
        for row in self._pages(_within(query, action.c.settled_at, since, until), place):
            yield row.decision

    def _pages(self, query: Select[Any], place: tuple[Any, ...]) -> Iterator[Any]:
        ordered = query.order_by(*place).limit(PAGE)
        page = ordered
        while True:
            with self._database.read() as connection:
                rows = connection.execute(page).all()
            yield from rows
            if len(rows) < PAGE:
                return
            page = ordered.where(tuple_(*place) > tuple(rows[-1][: len(place)]))


def _within(query: Select[Any], column: Column[Any], since: Micros, until: Micros) -> Select[Any]:
    return query.where(column >= since, column < until)
