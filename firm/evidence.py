"""How fresh each feature is: when the newest of what it was computed from happened."""

from __future__ import annotations

import msgspec

from firm.decision import Decision, Evidence
from firm.events import Position
from firm.time import DAY, Micros
from firm.vocabulary import Known
from firm.workflow import Feature, Input, Workflow

_Beside = tuple[Micros | None, tuple[str, ...], tuple[str, ...]]
"""When the newest of a subject's own happened, of what features are computed from that read groups
too; these groups; and the names of the features."""
_Own = tuple[Micros, dict[str, Micros | None], list[_Beside]]


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
    kept: _Own | None = known.lasting.get(evidence_of)
    if kept is None:
        kept = known.lasting[evidence_of] = _own(workflow, known)
    newest, own, beside = kept
    apart, as_of = own.copy(), known.as_of
    times = {name: group.last_before(as_of) for name, group in known.groups.items()}
    for at, groups, names in beside:
        found = at
        for name in groups:
            time = times.get(name)
            if time is not None and (found is None or time > found):
                found = time
        if found != newest:
            for name in names:
                apart[name] = found
    return Evidence(position, newest, apart)


def _own(workflow: Workflow, known: Known) -> _Own:
    """What holds for as long as the subject's entries are the same."""
    newest = known.entries[-1].at
    apart: dict[str, Micros | None] = {}
    beside: list[_Beside] = []
    for inputs, names in workflow.read_by:
        own = (_newest(one, known) for one in inputs if one[0] != "group")
        at = max((time for time in own if time is not None), default=None)
        groups = tuple(name for kind, name in inputs if kind == "group")
        if groups:
            beside.append((at, groups, names))
        elif at != newest:
            apart |= dict.fromkeys(names, at)
    return newest, apart, beside


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
    """When the newest of a subject's own that is read happened; None where there is nothing."""
    kind, name = read
    if kind == "type":
        return next((entry.at for entry in reversed(known.entries) if entry.type == name), None)
    for entry in reversed(known.entries):
        if entry.values.get(name) is not None:
            return entry.at
    return None
