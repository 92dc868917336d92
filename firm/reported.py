"""Outcomes that somebody reports outright, instead of leaving them to later events."""

from __future__ import annotations

from firm.errors import UnknownDecision
from firm.events import Event, Fact, Name
from firm.history import History, Reported
from firm.ids import DecisionId, EventId, decision_id

ASKED_OVER_HTTP = ("http:", "rank:")
"""How the causes begin of decisions that no event asked for."""


class OutcomeReported(Fact):
    """Somebody says whether what a decision foretold came true; the event's time is when that
    became known. A later report on the same decision corrects an earlier one.

    `cause` is what asked for the decision, as the decision names it; without it, the decision is
    looked for among those on the subject's events.
    """

    type = "outcome.reported"
    subject_kind = "*"

    workflow: Name
    decision: Name
    came_true: bool
    cause: Name | None = None


def reported(workflow: str, event: Event, history: History, requests: set[EventId]) -> Reported:
    """The outcome that an event reports, with the cause of the decision that it judges.

    Raises:
        UnknownDecision: the subject has no such decision.
    """
    fact = event.fact
    assert isinstance(fact, OutcomeReported)  # noqa: S101  (whoever calls has looked)
    decision = DecisionId(fact.decision)
    causes = [EventId(fact.cause)] if fact.cause else [one.event for one in history.entries]
    for cause in causes:
        known = cause in requests or cause.startswith(ASKED_OVER_HTTP) or history.has(cause)
        if known and decision_id(workflow, cause) == decision:
            return Reported(event.occurred_at, event.id, cause, float(fact.came_true))
    raise UnknownDecision(
        f"event {event.ref} reports the outcome of decision {fact.decision!r}, which {workflow} "
        f"has not taken on {event.subject!r}; check the ids, or send it after what it judges"
    )
