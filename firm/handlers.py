"""The four use cases: score, approve, act, record an outcome. All transports come through here.

A score comes about in three steps: the workflow's features are computed from what is known as of
an instant (`ask`), the live model turns the row into a probability (or the declared rule does,
while no model is approved), and the policy turns the probability into a band with its actions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from firm.decision import (
    RULE_VERSION,
    Action,
    Asked,
    Decision,
    Evidence,
    Judged,
    Origin,
    Person,
    Verdict,
)
from firm.errors import NotAllowed
from firm.history import Outcome
from firm.holdout import REASON, is_held_out
from firm.ids import EventId, EventRef, SubjectId, action_id, decision_id
from firm.ports import ActionTarget, Scorer
from firm.predictions import predict
from firm.ranking import Considered, Ranking, in_words
from firm.time import DAY, Micros
from firm.vocabulary import Known
from firm.workflow import Workflow


def ask(
    workflow: Workflow,
    subject: SubjectId,
    known: Known,
    evidence: Evidence,
    cause: str,
    origin: Origin,
    late: bool = False,
    considered: Considered | None = None,
    asked_by: EventRef | None = None,
) -> Asked:
    """Put a question: compute the features as of `known.as_of`, from what was known by then."""
    return Asked(
        subject=subject,
        cause=cause,
        origin=origin,
        as_of=known.as_of,
        evidence=evidence,
        row=workflow.row(known),
        by_rule=workflow.rule(known) or 0.0,
        late=late,
        awaits=tuple(workflow.awaits(known)) if workflow.awaits else (),
        considered=considered,
        asked_by=asked_by,
    )


def score(
    workflow: Workflow,
    asked: Sequence[Asked],
    scorer: Scorer | None,
    decided_at: Micros,
    because: str = "",
) -> list[Decision]:
    """Answer each question with one decision, by the live model or, without one, by the rule;
    `because` says why there is none.

    The candidates of all questions are scored with them, in one call of the model.
    """
    version = RULE_VERSION if scorer is None else scorer.version
    found = zip(asked, predict(workflow, asked, scorer), strict=True)
    return [
        _decide(workflow, a, p, ranking, version, decided_at, "" if scorer else because)
        for a, (p, ranking) in found
    ]


def actions(workflow: Workflow, decision: Decision) -> list[Action]:
    """What follows from a decision: nothing if its event came too late to act on. For a subject of
    the declared holdout the actions are kept with that reason, and withheld."""
    if decision.late:
        return []
    withheld = REASON if is_held_out(workflow, decision.subject) else None
    band = workflow.policy.band(decision.probability)
    waiting = f" Still missing: {', '.join(decision.awaits)}." if decision.awaits else ""
    likeliest = in_words(workflow, decision.ranking) if decision.ranking else ""
    return [
        Action(
            id=action_id(decision.id, spec.kind),
            decision=decision.id,
            workflow=workflow.slug,
            subject=decision.subject,
            kind=spec.kind,
            says=spec.says + waiting + likeliest,
            approval=spec.approval,
            asked_at=decision.as_of,
            withheld=withheld,
        )
        for spec in band.actions
    ]


def approve(action: Action, person: Person, agreed: bool, reason: str, at: Micros) -> Verdict:
    """A person agrees to an action that waits for their role, or refuses it, with a reason.

    Raises:
        NotAllowed: the action waits for nobody, the person lacks the role, or gives no reason.
    """
    if action.approval is None:
        raise NotAllowed(f"action {action.id} ({action.kind}) needs no approval; it runs by itself")
    if action.approval not in person.roles:
        raise NotAllowed(
            f"action {action.id} ({action.kind}) waits for the role {action.approval}; "
            f"{person.name} has {sorted(person.roles) or 'none'}: ask somebody who has it"
        )
    if not reason.strip():
        raise NotAllowed("a verdict needs a reason: say why in a few words")
    return Verdict(action.id, agreed, person.name, reason.strip(), at)


def act(action: Action, target: ActionTarget) -> str:
    """Have the system of record do it; the action's id is the idempotency key, so a repeat is
    harmless. Returns the system's own reference."""
    return target.perform(action)


def record_outcomes(
    workflow: Workflow,
    changed: Mapping[EventId, Outcome | None],
    triggered: Callable[[EventId], bool],
) -> list[Judged]:
    """The outcomes that became known, or changed, each with the decision that it judges."""
    return [
        Judged(
            decision=decision_id(workflow.slug, event),
            workflow=workflow.slug,
            event=event,
            value=outcome.value if outcome else None,
            known_at=outcome.known_at if outcome else 0,
        )
        for event, outcome in changed.items()
        if triggered(event)
    ]


def _decide(
    workflow: Workflow,
    asked: Asked,
    probability: float,
    ranking: Ranking | None,
    version: str,
    decided_at: Micros,
    because: str,
) -> Decision:
    age_days = (asked.as_of - asked.evidence.event_time) / DAY
    return Decision(
        id=decision_id(workflow.slug, asked.cause),
        workflow=workflow.slug,
        subject=asked.subject,
        cause=asked.cause,
        origin=asked.origin,
        as_of=asked.as_of,
        evidence=asked.evidence,
        probability=probability,
        band=workflow.policy.band(probability).name,
        late=asked.late,
        stale=age_days > workflow.slo.freshness_days,
        model_version=version,
        policy_version=workflow.policy_version,
        features=dict(zip(workflow.feature_names, asked.row, strict=True)),
        decided_at=decided_at,
        awaits=asked.awaits,
        ranking=ranking,
        rule_because=because,
        asked_by=asked.asked_by,
    )
