"""How fresh each feature is: when the newest of what it was computed from happened."""

from __future__ import annotations

import msgspec

from firm.decision import Decision, Evidence
from firm.events import Position
from firm.time import DAY, Micros
from firm.vocabulary import Known
from firm.workflow import Feature, Input, Workflow


class FeatureEvidence(msgspec.Struct, frozen=True, gc=False):
    """One value that a decision rests on.

    Attributes:
        event_time: when the newest event that it was computed from happened; of what is counted
            by group, the beginning of the bucket (a day, say). None where nothing was known.
        age_days: how old that was as of the decision.
        stale: whether that is above the workflow's declared freshness.
    """

    feature: str
    value: float | None
    unit: str
    why: str
    source: str
    event_time: Micros | None
    age_days: float | None
    stale: bool


def evidence_of(workflow: Workflow, known: Known, position: Position | None) -> Evidence:
    """The evidence of a question on what is known as of an instant.

    `apart` says only what is not as the newest event: mostly that holds for all own features.
    """
    newest = known.entries[-1].at
    times: dict[Input, Micros | None] = {}
    own: dict[Input, Micros | None] = known.lasting.setdefault(evidence_of, {})
    apart: dict[str, Micros | None] = {}
    for inputs, names in workflow.read_by:
        at: Micros | None = None
        for one in inputs:
            kept = times if one[0] == "group" else own
            if one not in kept:
                kept[one] = _newest(one, known)
            found = kept[one]
            if found is not None and (at is None or found > at):
                at = found
        if at != newest:
            apart |= dict.fromkeys(names, at)
    return Evidence(position, newest, apart)


def feature_evidence(workflow: Workflow, decision: Decision) -> list[FeatureEvidence]:
    """Each value of a decision with its unit, its time and where it comes from."""
    declared = {feature.name: feature for feature in workflow.features}
    return [
        _one(workflow, decision, name, value, declared.get(name))
        for name, value in decision.features.items()
    ]


def _one(
    workflow: Workflow,
    decision: Decision,
    name: str,
    value: float | None,
    feature: Feature | None,
) -> FeatureEvidence:
    evidence = decision.evidence
    at = evidence.apart.get(name, evidence.event_time)
    age = None if at is None else (decision.as_of - at) / DAY
    return FeatureEvidence(
        feature=name,
        value=value,
        unit=feature.unit if feature else "",
        why=feature.why if feature else "",
        source=feature.source if feature else "",
        event_time=at,
        age_days=age,
        stale=age is not None and age > workflow.slo.freshness_days,
    )


def _newest(read: Input, known: Known) -> Micros | None:
    """When the newest of what is read happened; None where there is nothing."""
    kind, name = read
    if kind == "group":
        group = known.groups.get(name)
        return None if group is None else group.last_before(known.as_of)
    if kind == "type":
        return next((entry.at for entry in reversed(known.entries) if entry.type == name), None)
    for entry in reversed(known.entries):
        if entry.values.get(name) is not None:
            return entry.at
    return None
