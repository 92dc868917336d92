"""From a decision to the answer that callers get: a function of the decision alone."""

from __future__ import annotations

from firm.decision import Decision, as_json
from firm.time import DAY, to_datetime
from firm.workflow import Workflow
from serving.schemas import Answer, FeatureShown, Freshness, WorkflowShown


def answer(workflow: Workflow, decision: Decision) -> bytes:
    """The bytes of the answer; the same decision always gives the same bytes."""
    band = workflow.policy.band(decision.probability)
    position = decision.evidence.position
    shown = Answer(
        decision_id=decision.id,
        workflow=decision.workflow,
        subject=decision.subject,
        as_of=to_datetime(decision.as_of),
        probability=decision.probability,
        band=decision.band,
        because=band.because,
        actions=[action.says for action in band.actions],
        features=decision.features,
        awaits=list(decision.awaits),
        missing=sorted(name for name, value in decision.features.items() if value is None),
        freshness=Freshness(
            event_time=to_datetime(decision.evidence.event_time),
            age_days=(decision.as_of - decision.evidence.event_time) / DAY,
            stale=decision.stale,
            log_offset=position.offset if position else None,
        ),
        model_version=decision.model_version,
        policy_version=decision.policy_version,
        rule_because=decision.rule_because,
    )
    return as_json(shown.model_dump(mode="json"))


def describe(workflow: Workflow, model_version: str) -> WorkflowShown:
    """A workflow as callers see it."""
    return WorkflowShown(
        slug=workflow.slug,
        question=workflow.question,
        owner=workflow.owner,
        subject=workflow.subject,
        risk_class=workflow.risk_class,
        bands={band.name: band.at_least for band in workflow.policy.bands},
        features=[
            FeatureShown(name=f.name, unit=f.unit, why=f.why, source=f.source)
            for f in workflow.features
        ],
        freshness_days=workflow.slo.freshness_days,
        model_version=model_version,
    )
