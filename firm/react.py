"""From a batch of events to its effects: one function, the same for the stream and the replay.

It reads no clock and does no I/O. Whatever transport is under it hands in the events in the order
of the log, and writes all effects in one transaction.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Literal

import msgspec

from firm.audit import AuditEntry, digest
from firm.decision import Action, Asked, Decision, Judged, Origin
from firm.errors import HeadwayError, UnknownType
from firm.events import Event, Position, ScoreRequested
from firm.evidence import evidence_of
from firm.groups import Observation
from firm.handlers import actions, ask, record_outcomes
from firm.history import Entry, History
from firm.ids import EventId
from firm.live import Live
from firm.ports import Scorer
from firm.ranking import Considered, consider
from firm.reported import OutcomeReported, reported
from firm.states import GroupState, States, SubjectState
from firm.time import DAY, Micros
from firm.vocabulary import Known
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
    deciding: Live | Scorer | None,
    decided_at: Micros,
) -> Effects:
    """Fold a batch into the states, score what asks for it, and say what follows.

    `deciding` is read once, so that a batch is never mixed; a scorer alone is a champion.
    """
    live = deciding if isinstance(deciding, Live) else Live(deciding)
    batch = Batch(workflow, states, ranking=True)
    for arrival in arrivals:
        batch.take(arrival)
    decisions = live.decide(workflow, batch.asked, decided_at)
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


class Batch:
    """A batch under way: what it has touched, asked and learnt so far.

    The replay for training goes no further than this: no score, so nothing that follows from one.
    With `ranking`, questions look at the candidates too, those that the workflow wants to.
    """

    def __init__(self, workflow: Workflow, states: States, ranking: bool = False) -> None:
        self._workflow = workflow
        self._states = states
        self._ranking = ranking
        self.received: list[Received] = []
        self.asked: list[Asked] = []
        self.subjects: dict[str, SubjectState] = {}
        self.groups: dict[str, GroupState] = {}
        self.judged: dict[EventId, Judged] = {}

    def take(self, arrival: Arrival) -> None:
        """Fold one arrival into the states; what is wrong with it is kept as its reason."""
        try:
            fate = self._fate(arrival)
        except HeadwayError as error:
            self.received.append(Received(arrival, "rejected", f"{error.kind}: {error}"))
        else:
            self.received.append(Received(arrival, fate))

    def _fate(self, arrival: Arrival) -> Fate:
        if isinstance(arrival.event.fact, ScoreRequested):
            return self._answer(arrival)
        if isinstance(arrival.event.fact, OutcomeReported):
            return self._judge(arrival)
        return self._fold(arrival)

    def _judge(self, arrival: Arrival) -> Fate:
        """An outcome that is reported moves no time on: it may be reported long after."""
        workflow, states, event = self._workflow, self._states, arrival.event
        state = states.subjects.get(event.subject) or SubjectState(event.subject)
        found = reported(workflow.slug, event, state.history, states.requests)
        told = list(self._told(state))
        if not state.history.report(found):
            return "duplicate"
        state.position = arrival.position
        self.subjects[event.subject] = state
        self._settle(state, told)
        return "late" if self._is_late(event) else "counted"

    def _is_late(self, event: Event) -> bool:
        lateness = int(self._workflow.lateness_days * DAY)
        return event.occurred_at < self._states.watermark - lateness

    def _answer(self, arrival: Arrival) -> Fate:
        event = arrival.event
        if event.id in self._states.requests:
            return "duplicate"
        known = self._states.known(self._workflow, event.subject, event.occurred_at)
        self._ask(arrival, known, "request")
        self._states.requests.add(event.id)
        return "answered"

    def _fold(self, arrival: Arrival) -> Fate:
        workflow, states, event = self._workflow, self._states, arrival.event
        if not workflow.folds(event):
            raise UnknownType(
                f"{workflow.slug} folds {sorted(workflow.folded)}; got {event.type!r} ({event.ref})"
            )
        entry = Entry(event.occurred_at, event.id, event.type, workflow.fold(event))
        state = states.subject(event.subject)
        if state.history.has(event.id):
            return "duplicate"
        told = list(self._told(state))
        state.history.add(entry)
        state.position = arrival.position
        self.subjects[event.subject] = state
        self._settle(state, told)
        late = self._is_late(event)
        states.watermark = max(states.watermark, event.occurred_at)
        if workflow.asks_for_score(state.history.through(event.id)):
            known = states.known(workflow, event.subject, event.occurred_at)
            self._ask(arrival, known, "stream", late)
        return "late" if late else "counted"

    def _ask(self, arrival: Arrival, known: Known, origin: Origin, late: bool = False) -> None:
        workflow, event = self._workflow, arrival.event
        evidence = evidence_of(workflow, known, arrival.position)
        considered = self._consider(known, origin) if self._ranking else None
        self.asked.append(
            ask(
                workflow,
                event.subject,
                known,
                evidence,
                event.id,
                origin,
                late,
                considered,
                event.ref,
            )
        )

    def _consider(self, known: Known, origin: Origin) -> Considered | None:
        declared, states = self._workflow.candidates, self._states
        if declared is None or (declared.stream == "requests" and origin != "request"):
            return None
        return consider(self._workflow, known, states.groups, states.keys(declared.pool))

    def _settle(self, state: SubjectState, told: list[Observation]) -> None:
        workflow, history = self._workflow, state.history
        changed = history.settle(workflow.label.settle(history.entries))
        if (now := list(self._told(state))) != told:
            before, after = Counter(told), Counter(now)
            for observation, times in (after - before).items():
                self._count(observation, times)
            for observation, times in (before - after).items():
                self._count(observation, -times)
        for judged in record_outcomes(workflow, changed, self._asked(history)):
            self.judged[judged.event] = judged

    def _asked(self, history: History) -> Callable[[EventId], bool]:
        """Whether an event, or a request that is none, was answered with a decision."""
        return lambda cause: (
            not history.has(cause) or self._workflow.asks_for_score(history.through(cause))
        )

    def _told(self, state: SubjectState) -> Iterator[Observation]:
        return self._workflow.observations(state.history.entries, state.history.outcomes)

    def _count(self, observation: Observation, times: int) -> None:
        declared = self._workflow.group(observation.group)
        group = self._states.group(observation.group_id, declared.grain, declared.keeps_values)
        group.known.record(observation.at, times * observation.value, times * observation.count)
        self.groups[observation.group_id] = group


def _audit(decision: Decision) -> AuditEntry:
    return AuditEntry(
        at=decision.decided_at,
        actor=f"model {decision.model_version}",
        verb="decided",
        about=decision.id,
        digest=digest(decision),
    )
