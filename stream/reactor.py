"""What one workflow's agent does with a batch of records: react, commit, serve.

The database's offset is the truth. Records that Faust passes a second time are skipped, and
records that it passes over (it can commit past a message in flight) are fetched and taken first.
"""

from __future__ import annotations

from collections.abc import Sequence

import structlog

from firm.errors import HeadwayError, UnknownWorkflow
from firm.events import Event, Position, ScoreRequested
from firm.ports import Models, OnlineStates
from firm.react import Arrival, Effects, react
from firm.reported import OutcomeReported
from firm.store import DeadLetter, StreamStore
from firm.time import Micros
from firm.workflow import Workflow
from stream.reader import Reader, Record
from stream.topics import EVENTS

log = structlog.get_logger(__name__)


class Reactor:
    """One workflow's way from records to committed effects."""

    def __init__(
        self,
        workflow: Workflow,
        store: StreamStore,
        reader: Reader,
        models: Models,
        online: OnlineStates,
        slugs: frozenset[str],
    ) -> None:
        self._workflow = workflow
        self._slugs = slugs
        self._store = store
        self._reader = reader
        self._models = models
        self._online = online
        self._passed = -1

    @property
    def next_offset(self) -> int:
        """The first record that has not been taken in yet."""
        return max(self._store.offsets.get(0, -1), self._passed) + 1

    def take(self, records: Sequence[Record], decided_at: Micros) -> Effects | None:
        """Take in the records that are new, all in one transaction; None if none concerns it.

        Records that concern other workflows alone are passed without a transaction: who begins
        again before them passes them again.
        """
        fresh = [record for record in records if record.offset >= self.next_offset]
        if not fresh:
            return None
        arrivals, refused = self._read(fresh)
        if not arrivals and not refused:
            self._passed = fresh[-1].offset
            return None
        states = self._store.states
        live = self._models.now(self._workflow.slug)
        effects = react(self._workflow, arrivals, states, live, decided_at)
        self._store.commit(effects, {0: fresh[-1].offset}, EVENTS, refused)
        self._online.write(self._workflow, effects.subjects, effects.groups, states.groups)
        return effects

    def _read(self, records: Sequence[Record]) -> tuple[list[Arrival], list[DeadLetter]]:
        arrivals, refused = [], []
        for record in records:
            try:
                event = self._reader.event(record)
                if self._concerns(event):
                    place = Position(0, record.offset)
                    arrivals.append(Arrival(event, place, record.payload))
            except HeadwayError as error:
                refused.append(_dead_letter(record, error))
        return arrivals, refused

    def _concerns(self, event: Event) -> bool:
        if not isinstance(event.fact, ScoreRequested | OutcomeReported):
            return self._workflow.folds(event)
        if event.fact.workflow not in self._slugs:
            raise UnknownWorkflow(
                f"event {event.ref} names workflow {event.fact.workflow!r}; "
                f"declared are {sorted(self._slugs)}"
            )
        return event.fact.workflow == self._workflow.slug


def _dead_letter(record: Record, error: HeadwayError) -> DeadLetter:
    log.warning("refused", offset=record.offset, kind=error.kind, reason=str(error)[:300])
    return DeadLetter(
        topic=EVENTS,
        partition=0,
        offset=record.offset,
        workflow=None,
        kind=error.kind,
        reason=str(error),
        payload=record.payload,
        received_at=record.received_at,
    )
