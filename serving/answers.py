"""From a decision to the answer that callers get: a function of the decision alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

import msgspec

from firm.candidates import Candidates
from firm.decision import Decision, as_json
from firm.evidence import feature_evidence
from firm.exceptions import exceptions
from firm.explanation import Explanation, Reason
from firm.ids import DecisionId
from firm.ranking import Ranked, Ranking, candidates_of
from firm.time import DAY, Micros, to_datetime
from firm.workflow import Workflow
from serving.batch import Refused
from serving.problems import body_of as problem_body
from serving.schemas import (
    ExcludedCandidate,
    RankedAnswer,
    RankedCandidate,
)


class Why(msgspec.Struct, frozen=True, gc=False):
    """What an answer says of why it is as it is: nothing, unless that was asked for or declared.

    Attributes:
        reasons: those that weigh most, where there are any.
        unexplained: why there are none although there should be.
        candidates: the same of each of a ranking's, in its order.
    """

    reasons: Sequence[Reason] | msgspec.UnsetType = msgspec.UNSET
    unexplained: str | msgspec.UnsetType = msgspec.UNSET
    candidates: tuple[Why, ...] = ()


UNASKED = Why()


class _Freshness(msgspec.Struct, gc=False):
    """`serving.schemas.Freshness` as it is written."""

    age_days: float
    apart: dict[str, datetime | None]
    event_time: datetime
    log_offset: int | None
    stale: bool


class _Answer(msgspec.Struct, gc=False, kw_only=True):
    """`serving.schemas.Answer` as it is written: the fields in the order of their names."""

    actions: list[str]
    as_of: datetime
    awaits: tuple[str, ...]
    band: str
    because: str
    decision_id: str
    features: dict[str, float | None]
    freshness: _Freshness
    missing: list[str]
    model_version: str
    policy_version: str
    probability: float
    reasons: Sequence[Reason] | msgspec.UnsetType = msgspec.UNSET
    rule_because: str
    subject: str
    unexplained: str | msgspec.UnsetType = msgspec.UNSET
    units: msgspec.Raw
    workflow: str


def answer(workflow: Workflow, decision: Decision, why: Why = UNASKED) -> bytes:
    """The bytes of the answer; the same decision, asked in the same way, gives the same bytes."""
    return as_json(_in_full(workflow, decision, why))


def evidence_answer(workflow: Workflow, decision: Decision) -> bytes:
    """The bytes of the evidence of freshness."""
    position = decision.evidence.position
    shown = [
        {**msgspec.structs.asdict(one), "event_time": _time(one.event_time)}
        for one in feature_evidence(workflow, decision)
    ]
    return as_json(
        {
            **_named(decision),
            "asked_by": decision.asked_by,
            "event_time": to_datetime(decision.evidence.event_time),
            "age_days": (decision.as_of - decision.evidence.event_time) / DAY,
            "stale": decision.stale,
            "freshness_days": workflow.slo.freshness_days,
            "when_stale": workflow.slo.stale,
            "log_offset": position.offset if position else None,
            "missing": _missing(decision),
            "features": shown,
        }
    )


def explanation_answer(decision: Decision, found: Explanation) -> bytes:
    """The bytes of an explanation."""
    return as_json(
        {
            **_named(decision),
            "probability": decision.probability,
            "band": decision.band,
            **msgspec.structs.asdict(found),
        }
    )


def _named(decision: Decision) -> dict[str, Any]:
    return {
        "decision_id": decision.id,
        "workflow": decision.workflow,
        "subject": decision.subject,
        "as_of": to_datetime(decision.as_of),
        "model_version": decision.model_version,
        "policy_version": decision.policy_version,
    }


def batch_answer(
    workflow: Workflow,
    found: Sequence[Decision | Refused],
    whys: Mapping[DecisionId, Why],
) -> bytes:
    """The answers in their order, and for the rest why there is none."""
    answers = [
        _in_full(workflow, one, whys.get(one.id, UNASKED))
        for one in found
        if isinstance(one, Decision)
    ]
    problems = [
        {"subject": one.subject, "problem": problem_body(one.error)}
        for one in found
        if isinstance(one, Refused)
    ]
    return as_json({"answers": answers, "problems": problems})


def _in_full(workflow: Workflow, decision: Decision, why: Why) -> _Answer | dict[str, Any]:
    """The answer, to be written by `as_json`."""
    shown = _answer(workflow, decision, why)
    if decision.ranking is None:
        return shown
    ranked = _ranked(workflow, decision, decision.ranking, shown, why.candidates)
    return ranked.model_dump(mode="json", exclude_unset=True)


def _answer(workflow: Workflow, decision: Decision, why: Why) -> _Answer:
    band = workflow.policy.band(decision.probability)
    position = decision.evidence.position
    return _Answer(
        decision_id=decision.id,
        workflow=decision.workflow,
        subject=decision.subject,
        as_of=_moment(decision.as_of),
        probability=decision.probability,
        band=decision.band,
        because=band.because,
        actions=[action.says for action in band.actions],
        features=decision.features,
        awaits=decision.awaits,
        missing=_missing(decision),
        freshness=_Freshness(
            event_time=_moment(decision.evidence.event_time),
            age_days=(decision.as_of - decision.evidence.event_time) / DAY,
            stale=decision.stale,
            log_offset=position.offset if position else None,
            apart={name: _time(at) for name, at in decision.evidence.apart.items()},
        ),
        units=workflow.units_as_json,
        model_version=decision.model_version,
        policy_version=decision.policy_version,
        rule_because=decision.rule_because,
        reasons=why.reasons,
        unexplained=why.unexplained,
    )


def _missing(decision: Decision) -> list[str]:
    features = decision.features
    if None not in features.values():
        return []
    return sorted(name for name, value in features.items() if value is None)


def _time(at: Micros | None) -> datetime | None:
    return None if at is None else _moment(at)


_moment = lru_cache(maxsize=8_192)(to_datetime)
"""Those who ask at one time are told much of the same instants."""


def _ranked(
    workflow: Workflow,
    decision: Decision,
    ranking: Ranking,
    shown: _Answer,
    whys: Sequence[Why],
) -> RankedAnswer:
    """A ranking that was asked for acts on nothing; what it may need is a person's agreement."""
    declared = candidates_of(workflow)
    told = whys or [UNASKED] * len(ranking.ranked)
    out: dict[str, dict[str, str]] = {}
    for one in ranking.excluded:
        for candidate in one.candidates:
            out.setdefault(candidate, {})[one.filter] = one.says
    said = msgspec.json.decode(as_json(shown))
    if decision.origin == "http":
        said["actions"] = [action.says for action in exceptions(workflow, decision)]
    return RankedAnswer(
        **said,
        ranking=[
            _candidate(declared, one, why) for one, why in zip(ranking.ranked, told, strict=True)
        ],
        excluded=[ExcludedCandidate(candidate=c, reasons=out[c]) for c in sorted(out)],
        scored=ranking.admitted,
        approval=declared.approval,
    )


def _candidate(declared: Candidates, one: Ranked, why: Why) -> RankedCandidate:
    said = msgspec.to_builtins(why)
    del said["candidates"]
    return RankedCandidate(
        candidate=one.candidate,
        fits=declared.fit(one.probability),
        probability=one.probability,
        band=one.band,
        features=one.features,
        **said,
    )
