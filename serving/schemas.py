"""What callers send and get, as the OpenAPI document shows it."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
)


def _in_words(value: object) -> object:
    if not isinstance(value, str) or _NUMBER.fullmatch(value):
        raise ValueError("write the time in words, as 2026-11-02T09:30:00Z")
    return value


_NUMBER = re.compile(r"\s*[-+]?[0-9._eE+-]*\s*")
Moment = Annotated[AwareDatetime, BeforeValidator(_in_words)]
"""A time with its zone in ISO 8601: a bare number could be seconds or milliseconds."""
SubjectRef = Annotated[str, StringConstraints(pattern=r"^[a-z_]+:\S.{0,198}$", max_length=200)]

CandidateRef = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]+$", max_length=200)]


class ScoreAsked(BaseModel):
    """A question: how does this subject stand, as of now or as of an earlier instant?"""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"subject": "project:3"}]}
    )

    subject: SubjectRef
    as_of: Moment | None = Field(
        None, description="Answer with what had happened by then; now, if it is left out."
    )


class BatchAsked(BaseModel):
    """The same question of several subjects."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"subjects": ["project:3", "project:7"]}]},
    )

    subjects: list[SubjectRef] = Field(min_length=1)
    as_of: Moment | None = Field(
        None, description="Answer with what had happened by then; now, if it is left out."
    )


class Freshness(BaseModel):
    """The evidence of how fresh an answer is."""

    event_time: AwareDatetime = Field(description="when the newest event in the features happened")
    age_days: float
    stale: bool = Field(description="the age is above the workflow's declared freshness")
    log_offset: int | None = Field(
        description="the last record of the log that changed the subject"
    )
    apart: dict[str, AwareDatetime | None] = Field(
        description="the features whose newest event is another than `event_time`, with its time; "
        "null where nothing was known that they are computed from"
    )


REASON: dict[str, Any] = {
    "feature": "slip_rate",
    "value": 0.8,
    "unit": "share",
    "why": "how often it slipped too far before",
    "source": "status report (PSA)",
    "direction": "raises",
    "log_odds": 1.02,
    "without": 0.37,
    "says": "slip rate is 80% (how often it slipped too far before): "
    "raises the score to 62%; without it, 37%",
}


class ReasonShown(BaseModel):
    """One feature's part in a score."""

    model_config = ConfigDict(json_schema_extra={"examples": [REASON]})

    feature: str
    value: float | None
    unit: str
    why: str
    source: str
    direction: Literal["raises", "lowers", "leaves"]
    log_odds: float = Field(description="what it adds to the score's log-odds (exact TreeSHAP)")
    without: float = Field(ge=0, le=1, description="the probability if it added nothing")
    says: str


class Answer(BaseModel):
    """A score with its decision and all that it rests on."""

    decision_id: str
    workflow: str
    subject: str
    as_of: AwareDatetime
    probability: float = Field(ge=0, le=1, description="calibrated")
    band: str
    because: str
    actions: list[str]
    features: dict[str, float | None]
    units: dict[str, str] = Field(description="the unit of each feature; 1 is a plain number")
    missing: list[str] = Field(description="features without a value")
    awaits: list[str] = Field(description="what the subject still waits for, as approvals")
    freshness: Freshness
    model_version: str = Field(description="the registered version, or `rule` without a model")
    policy_version: str
    rule_because: str = Field(
        "", description="why the rule decided although a version was approved (kill switch)"
    )
    reasons: list[ReasonShown] | None = Field(
        None, description="those that weigh most; there if they are asked for, or declared"
    )
    unexplained: str | None = Field(None, description="why reasons that were asked for are missing")


class FeatureFreshness(BaseModel):
    """One value that a decision rests on."""

    feature: str
    value: float | None
    unit: str
    why: str
    source: str
    event_time: AwareDatetime | None = Field(
        description="when the newest event that it was computed from happened; of what is counted "
        "by group, the beginning of the hour or day"
    )
    age_days: float | None
    stale: bool


class AskedBy(BaseModel):
    """An event as its sender names it."""

    source: str
    id: str


class EvidenceShown(BaseModel):
    """How fresh all was that a decision rests on, and which event asked for it."""

    decision_id: str
    asked_by: AskedBy | None = Field(description="null where it was asked for over HTTP")
    workflow: str
    subject: str
    as_of: AwareDatetime
    model_version: str
    policy_version: str
    event_time: AwareDatetime = Field(description="when the subject's newest event happened")
    age_days: float
    stale: bool = Field(description="the age is above `freshness_days`")
    freshness_days: float = Field(description="as the workflow declares it")
    when_stale: Literal["flag", "refuse"]
    log_offset: int | None
    missing: list[str]
    features: list[FeatureFreshness]


class ExplanationShown(BaseModel):
    """Why a decision was taken: `base_log_odds` and all `log_odds` of the reasons add up to its
    `log_odds`, and those are the probability."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "decision_id": "0d1c5b7e-52d1-5b6b-9df0-6f0d6f0c6a0e",
                    "workflow": "delivery_risk",
                    "subject": "project:3",
                    "as_of": "2017-09-01T00:00:00Z",
                    "probability": 0.62,
                    "band": "act",
                    "model_version": "1",
                    "policy_version": "9a0364b9e99b",
                    "says": "62%, from 37% where nothing is known of a case, mostly by slip rate",
                    "base": 0.37,
                    "base_log_odds": -0.53,
                    "log_odds": 0.49,
                    "reasons": [REASON],
                    "rule": "",
                }
            ]
        }
    )

    decision_id: str
    workflow: str
    subject: str
    as_of: AwareDatetime
    probability: float = Field(ge=0, le=1)
    band: str
    model_version: str
    policy_version: str
    says: str
    base: float | None = Field(description="the probability where nothing is known of a case")
    base_log_odds: float | None
    log_odds: float | None
    reasons: list[ReasonShown] = Field(description="of every feature, the weightiest first")
    rule: str = Field(description="the declared rule, where it scored; it has no contributions")


class RankAsked(BaseModel):
    """A question: to whom could this subject be given, as of now or as of an earlier instant?"""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"subject": "ticket:INC0000045"},
                {"subject": "ticket:INC0000045", "candidates": ["24", "70"], "top": 1},
            ]
        },
    )

    subject: SubjectRef
    as_of: Moment | None = Field(
        None, description="Answer with what had happened by then; now, if it is left out."
    )
    candidates: list[CandidateRef] | None = Field(
        None,
        min_length=1,
        max_length=50,
        description="Look at these and no others; those that the workflow knows, if left out.",
    )
    top: int | None = Field(None, ge=1, le=50, description="So many of the best; as declared.")


class RankedCandidate(BaseModel):
    """A candidate that no filter leaves out, with the score of the subject in its hands."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "candidate": "24",
                    "fits": 0.88,
                    "probability": 0.12,
                    "band": "fits",
                    "features": {"reassigned_group": 0.08},
                    "reasons": [
                        {
                            "feature": "reassigned_group",
                            "value": 0.08,
                            "unit": "share",
                            "why": "how often it happened to tickets with the same group",
                            "source": "earlier tickets, as known before the six hours of the score",
                            "direction": "lowers",
                            "log_odds": -0.61,
                            "without": 0.2,
                            "says": "reassigned group is 8% (how often it happened to tickets with "
                            "the same group): lowers the score to 12%; without it, 20%",
                        }
                    ],
                }
            ]
        }
    )

    candidate: str
    fits: float = Field(ge=0, le=1, description="the probability that speaks for it; sorted by it")
    probability: float = Field(ge=0, le=1, description="of the workflow's question, calibrated")
    band: str
    features: dict[str, float | None] = Field(
        description="those that differ from the subject's own"
    )
    reasons: list[ReasonShown] | None = Field(
        None, description="of its score, those that weigh most; there if they are asked for"
    )
    unexplained: str | None = Field(None, description="why reasons that were asked for are missing")


class ExcludedCandidate(BaseModel):
    """A candidate that is left out, with the reasons by the names of their filters."""

    candidate: str
    reasons: dict[str, str]


class RankedAnswer(Answer):
    """A score with its decision and all that it rests on, and whom the subject could be given to,
    the best first. `actions` tell what a person has to agree to."""

    ranking: list[RankedCandidate]
    excluded: list[ExcludedCandidate]
    scored: int = Field(description="how many candidates were scored; the best of them are told")
    approval: str = Field(description="the role that may agree to one that is left out")


class Accepted(BaseModel):
    """An event that was taken in."""

    event_id: str = Field(description="derived from `source` and the sender's own id")
    source: str
    external_id: str = Field(
        description="what the source knows it by: the id that was sent, or the columns of the "
        "mapping's `id`"
    )
    subject: str


class Health(BaseModel):
    """How the copy is, and what is wrong in plain words, by part or workflow."""

    status: str
    wrong: dict[str, str]


class Problem(BaseModel):
    """RFC 9457 problem details."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[dict[str, str]] = []


class NotScored(BaseModel):
    """A subject of a batch that could not be scored."""

    subject: str
    problem: Problem


class BatchAnswer(BaseModel):
    """The answers in the order of the subjects, and those that there are none for."""

    answers: list[Answer]
    problems: list[NotScored]
