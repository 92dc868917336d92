"""From a batch of events to its effects: one function, the same for the stream and the replay.

It reads no clock and does no I/O. Whatever transport is under it hands in the events in the order
of the log, and writes all effects in one transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

from firm.audit import AuditEntry, digest
from firm.decision import Action, Asked, Decision, Evidence, Judged
from firm.errors import HeadwayError
from firm.events import Event, Position, ScoreRequested
from firm.handlers import actions, ask, record_outcomes, score
from firm.history import Entry, Outcome
from firm.ids import EventId
from firm.ports import Scorer
from firm.states import GroupState, States, SubjectState
from firm.time import DAY, Micros
from firm.workflow import Workflow

Fate = Literal["counted", "late", "duplicate", "rejected", "answered"]


class Arrival(msgspec.Struct, frozen=True, gc=False):
    """An event, where in the log it stands, and the bytes that it came as.

    The bytes are kept if a workflow rejects the event; a replay needs none.
    """

    event: Event
    position: Position
    payload: bytes = b""


class Received(msgspec.Struct, frozen=True, gc=False):
    """What became of one arrival; `reason` says why it was rejected."""

    arrival: Arrival
    fate: Fate
    reason: str = ""


class Effects(msgspec.Struct):
    """All that a batch brings about, to be written in one transaction."""

    workflow: str
    received: list[Received]
    subjects: list[SubjectState]
    groups: list[GroupState]
    decisions: list[Decision]
    actions: list[Action]
    judged: list[Judged]
    audit: list[AuditEntry]
    watermark: Micros
    decided_at: Micros


def react(
    workflow: Workflow,
    arrivals: Sequence[Arrival],
    states: States,
    scorer: Scorer | None,
    decided_at: Micros,
) -> Effects:
    """Fold a batch into the states, score what asks for it, and say what follows."""
    batch = _Batch(workflow, states)
    for arrival in arrivals:
        batch.take(arrival)
    decisions = score(workflow, batch.asked, scorer, decided_at)
    to_do = [action for decision in decisions for action in actions(workflow, decision)]
    return Effects(
        workflow=workflow.slug,
        received=batch.received,
        subjects=list(batch.subjects.values()),
        groups=list(batch.groups.values()),
        decisions=decisions,
        actions=to_do,
        judged=list(batch.judged.values()),
        audit=[_audit(d) for d in decisions],
        watermark=states.watermark,
        decided_at=decided_at,
    )


class _Batch:
    """The batch under way: what it has touched, asked and learnt so far."""

    def __init__(self, workflow: Workflow, states: States) -> None:
        self._workflow = workflow
        self._states = states
        self.received: list[Received] = []
        self.asked: list[Asked] = []
        self.subjects: dict[str, SubjectState] = {}
        self.groups: dict[str, GroupState] = {}
        self.judged: dict[EventId, Judged] = {}

    def take(self, arrival: Arrival) -> None:
        try:
            fate = self._fate(arrival)
        except HeadwayError as error:
            self.received.append(Received(arrival, "rejected", f"{error.kind}: {error}"))
        else:
            self.received.append(Received(arrival, fate))

    def _fate(self, arrival: Arrival) -> Fate:
        if isinstance(arrival.event.fact, ScoreRequested):
            return self._answer(arrival)
        return self._fold(arrival)

    def _answer(self, arrival: Arrival) -> Fate:
        event = arrival.event
        if event.id in self._states.requests:
            return "duplicate"
        known = self._states.known(self._workflow, event.subject, event.occurred_at)
        evidence = Evidence(arrival.position, known.entries[-1].at)
        self.asked.append(ask(self._workflow, event.subject, known, evidence, event.id, "request"))
        self._states.requests.add(event.id)
        return "answered"

    def _fold(self, arrival: Arrival) -> Fate:
        workflow, states, event = self._workflow, self._states, arrival.event
        entry = Entry(event.occurred_at, event.id, event.type, workflow.fold(event))
        state = states.subject(event.subject)
        if not state.history.add(entry):
            return "duplicate"
        state.position = arrival.position
        self.subjects[event.subject] = state
        self._settle(state)
        late = event.occurred_at < states.watermark - int(workflow.lateness_days * DAY)
        states.watermark = max(states.watermark, event.occurred_at)
        if workflow.is_triggered_by(event):
            known = states.known(workflow, event.subject, event.occurred_at)
            evidence = Evidence(arrival.position, known.entries[-1].at)
            self.asked.append(
                ask(workflow, event.subject, known, evidence, event.id, "stream", late)
            )
        return "late" if late else "counted"

    def _settle(self, state: SubjectState) -> None:
        before = state.history.outcomes
        changed = state.history.settle(settled(self._workflow, state.history.entries))
        for event, outcome in changed.items():
            self._count(before.get(event), -1)
            self._count(outcome, 1)
        triggering = {e.event for e in state.history.entries if e.type in self._workflow.triggering}
        for judged in record_outcomes(self._workflow, changed, triggering.__contains__):
            self.judged[judged.event] = judged

    def _count(self, outcome: Outcome | None, count: int) -> None:
        if outcome is None:
            return
        for name in outcome.groups:
            group = self._states.group(name)
            group.known.record(outcome.known_at, outcome.value, count)
            self.groups[name] = group


def settled(workflow: Workflow, entries: Sequence[Entry]) -> dict[EventId, Outcome]:
    """The outcomes known of a subject's entries, each with the groups in which it counts."""
    outcomes = workflow.label.settle(entries)
    return {
        entry.event: Outcome(
            outcomes[entry.event].value,
            outcomes[entry.event].known_at,
            tuple(workflow.membership(entries[: place + 1]).values()),
        )
        for place, entry in enumerate(entries)
        if entry.event in outcomes
    }


def _audit(decision: Decision) -> AuditEntry:
    return AuditEntry(
        at=decision.decided_at,
        actor=f"model {decision.model_version}",
        verb="decided",
        about=decision.id,
        digest=digest(decision),
    )
