"""Report what became of a decision: found, checked, and put into the log like any other event."""

from __future__ import annotations

from typing import Any, Literal, Protocol

import msgspec

from firm.decision import Decision
from firm.envelope import Envelope, seal_envelope
from firm.errors import InvalidValue, TimeOutOfRange, UnknownDecision
from firm.ids import DecisionId, EventId, derived, event_id
from firm.reported import OutcomeReported
from firm.store import KnownOutcome
from firm.time import Micros, to_datetime

SOURCE = "/headway/outcomes"
Status = Literal["accepted", "correction", "duplicate"]


class Judges(Protocol):
    """What is known of decisions and of what became of them."""

    def decision(self, id_: DecisionId) -> Decision:
        """One decision; raises UnknownDecision."""

    def newest_decision(self, workflow: str, subject: str, until: Micros) -> Decision:
        """The newest on an event of a subject as of an instant; raises UnknownDecision."""

    def outcome(self, id_: DecisionId) -> KnownOutcome | None:
        """What is known to have become of it."""

    def fate(self, workflow: str, event: EventId) -> str | None:
        """What a workflow has done with an event."""


class Report(msgspec.Struct, frozen=True):
    """An outcome on its way into the log.

    Attributes:
        payload: the event as it goes into the log; None where it was taken in before.
    """

    decision: Decision
    event: EventId
    status: Status
    payload: bytes | None


class Reports:
    """The use case, with what it looks up behind its port."""

    def __init__(self, store: Judges) -> None:
        self._store = store

    def judged(
        self, decision: str | None, workflow: str | None, subject: str | None, until: Micros
    ) -> Decision:
        """The decision that is meant: by its id, or the newest on a subject's events as of then.

        Raises:
            InvalidValue: neither an id nor a subject with its workflow.
            UnknownDecision: there is none.
        """
        if decision is not None:
            if not decision.isprintable():
                raise UnknownDecision(f"no decision has the id {decision!r}")
            return self._store.decision(DecisionId(decision))
        if workflow is None or subject is None:
            raise InvalidValue("name the decision_id, or the workflow and the subject")
        return self._store.newest_decision(workflow, subject, until)

    def report(
        self, judged: Decision, came_true: bool, known_at: Micros, key: str | None
    ) -> Report:
        """What goes into the log. The same outcome, or the same key, is always the same event.

        Raises:
            TimeOutOfRange: it is said to have been known before the decision.
        """
        if known_at < judged.as_of:
            raise TimeOutOfRange(
                f"known_at {to_datetime(known_at)} lies before the decision, which is as of "
                f"{to_datetime(judged.as_of)}: say when the outcome became known"
            )
        parts = ("key", key) if key else (judged.id, str(came_true), str(known_at))
        own = derived("outcome", judged.workflow, *parts)
        event = event_id(SOURCE, own)
        fate = self._store.fate(judged.workflow, event)
        if fate is not None and fate != "rejected":
            return Report(judged, event, "duplicate", None)
        before = self._store.outcome(judged.id)
        corrects = before is not None and before.value not in (None, float(came_true))
        data: dict[str, Any] = {
            "workflow": judged.workflow,
            "decision": judged.id,
            "cause": judged.cause,
            "came_true": came_true,
        }
        sealed = Envelope(
            own, SOURCE, OutcomeReported.type, data, to_datetime(known_at), judged.subject
        )
        return Report(
            judged, event, "correction" if corrects else "accepted", seal_envelope(sealed)
        )

    def known(self, decision: Decision) -> KnownOutcome | None:
        """What is known to have become of a decision."""
        return self._store.outcome(decision.id)
