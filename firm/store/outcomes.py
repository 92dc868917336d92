"""Outcomes as they are known of decisions, and the decisions that they may judge."""

from __future__ import annotations

import msgspec
from sqlalchemy import select

from firm.decision import Decision
from firm.errors import UnknownDecision
from firm.ids import DecisionId, EventId
from firm.store.parts import StorePart
from firm.store.rows import read_decision
from firm.store.tables import decision, inbox, outcome
from firm.time import Micros, to_datetime


class KnownOutcome(msgspec.Struct, frozen=True, gc=False):
    """What became of a decision.

    Attributes:
        value: 1.0 if what it foretold came true; None where an earlier outcome was taken back.
        recorded_at: when it was written down; None for those from before that was kept.
        revision: how often the value has changed.
    """

    value: float | None
    known_at: Micros
    recorded_at: Micros | None
    revision: int


class Outcomes(StorePart):
    """Look up what became of decisions."""

    def outcome(self, id_: DecisionId) -> KnownOutcome | None:
        """The outcome of a decision, None while none is known."""
        columns = (outcome.c.value, outcome.c.known_at, outcome.c.recorded_at, outcome.c.revision)
        with self._database.read() as connection:
            row = connection.execute(
                select(*columns).where(outcome.c.decision == id_)
            ).one_or_none()
        return None if row is None else KnownOutcome(*row)

    def newest_decision(self, workflow: str, subject: str, until: Micros) -> Decision:
        """The newest decision on an event of a subject as of an instant; raises UnknownDecision."""
        query = (
            select(decision.c.body)
            .where(
                decision.c.workflow == workflow,
                decision.c.subject == subject,
                decision.c.origin == "stream",
                decision.c.as_of <= until,
            )
            .order_by(decision.c.as_of.desc(), decision.c.id)
            .limit(1)
        )
        with self._database.read() as connection:
            body = connection.execute(query).scalar_one_or_none()
        if body is None:
            raise UnknownDecision(
                f"{workflow} has decided nothing on {subject!r} up to {to_datetime(until)}: name "
                "the decision, or an instant after it"
            )
        return read_decision(body)

    def fate(self, workflow: str, event: EventId) -> str | None:
        """What a workflow has done with an event; None while it has not seen it."""
        query = select(inbox.c.fate).where(inbox.c.workflow == workflow, inbox.c.event_id == event)
        with self._database.read() as connection:
            fate: str | None = connection.execute(query).scalar_one_or_none()
        return fate
