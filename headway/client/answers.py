"""What the service answers, typed. A member that a newer service adds is passed over."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec


class Problem(msgspec.Struct, frozen=True):
    """RFC 9457 problem details: `type` is stable, `detail` is for people.

    Attributes:
        errors: the parts of the request that are wrong, each with `where` and `what`.
    """

    type: str
    title: str
    status: int
    detail: str
    errors: list[dict[str, str]] = []

    @property
    def kind(self) -> str:
        """The slug of the problem, as "unknown-subject"."""
        return self.type.rpartition(":")[2]


class Freshness(msgspec.Struct, frozen=True):
    """The evidence of how fresh a score is.

    Attributes:
        event_time: when the newest event in the features happened.
        age_days: its age as of the score.
        stale: the age is above the workflow's declared freshness.
        log_offset: the last record of the log that changed the subject.
        apart: the features whose newest event is another than `event_time`, with its time; None
            where nothing was known that they are computed from.
    """

    event_time: datetime
    age_days: float
    stale: bool
    log_offset: int | None
    apart: dict[str, datetime | None] = {}


class Reason(msgspec.Struct, frozen=True):
    """One feature's part in a score.

    Attributes:
        log_odds: what it adds to the score's log-odds (exact TreeSHAP).
        without: the probability if it added nothing.
        says: the same in words.
    """

    feature: str
    value: float | None
    unit: str
    why: str
    source: str
    direction: Literal["raises", "lowers", "leaves"]
    log_odds: float
    without: float
    says: str


class Score(msgspec.Struct, frozen=True):
    """A score with its decision and all that it rests on.

    Attributes:
        probability: calibrated, in [0, 1].
        band: the policy's name for it, and `because` what the policy says of the band.
        actions: what follows from it, in words.
        features: by name, None where a value is missing; `missing` names those, `units` the units.
        awaits: what the subject still waits for, as approvals.
        model_version: the registered version, or "rule" without a model.
        rule_because: why the rule decided although a version was approved (kill switch).
        reasons: those that weigh most, where they were asked for or the workflow declares them;
            `unexplained` says why there are none.
    """

    decision_id: str
    workflow: str
    subject: str
    as_of: datetime
    probability: float
    band: str
    because: str
    actions: list[str]
    features: dict[str, float | None]
    missing: list[str]
    awaits: list[str]
    freshness: Freshness
    model_version: str
    policy_version: str
    rule_because: str = ""
    units: dict[str, str] = {}
    reasons: list[Reason] | None = None
    unexplained: str | None = None


class Explanation(msgspec.Struct, frozen=True):
    """Why a decision was taken: `base_log_odds` and all `log_odds` of the reasons add up to its
    `log_odds`, and those are the probability.

    Attributes:
        base: the probability where nothing is known of a case.
        reasons: of every feature, the weightiest first.
        rule: the declared rule, where it scored; it has no contributions.
    """

    decision_id: str
    workflow: str
    subject: str
    as_of: datetime
    probability: float
    band: str
    model_version: str
    policy_version: str
    says: str
    base: float | None
    base_log_odds: float | None
    log_odds: float | None
    reasons: list[Reason]
    rule: str


class OutcomeAccepted(msgspec.Struct, frozen=True):
    """An outcome that is in the log for good; it is joined to its decision within seconds.

    Attributes:
        status: "correction" where another one was known before, "duplicate" where this one was.
    """

    event_id: str
    decision_id: str
    workflow: str
    subject: str
    status: str


class Outcome(msgspec.Struct, frozen=True):
    """What is known to have become of a decision.

    Attributes:
        came_true: None while it is not known, or was taken back.
        revision: how often it was corrected.
        matures_at: from then on it is overdue, where none is known.
    """

    decision_id: str
    workflow: str
    subject: str
    question: str
    came_true: bool | None
    known_at: datetime | None
    recorded_at: datetime | None
    revision: int
    matures_at: datetime


class NotScored(msgspec.Struct, frozen=True):
    """A subject of a batch that could not be scored, and why."""

    subject: str
    problem: Problem


class Batch(msgspec.Struct, frozen=True):
    """The scores in the order of the subjects, and those that there are none for."""

    answers: list[Score]
    problems: list[NotScored]


class RankedCandidate(msgspec.Struct, frozen=True):
    """A candidate that no filter leaves out.

    Attributes:
        fits: the probability that speaks for it, by which the candidates are sorted.
        probability: of the workflow's question, calibrated.
        features: those that differ from the subject's own.
        reasons, unexplained: of its score, as a `Score` has them.
    """

    candidate: str
    fits: float
    probability: float
    band: str
    features: dict[str, float | None]
    reasons: list[Reason] | None = None
    unexplained: str | None = None


class ExcludedCandidate(msgspec.Struct, frozen=True):
    """A candidate that is left out, with the reasons by the names of their filters."""

    candidate: str
    reasons: dict[str, str]


class Ranked(Score, frozen=True):
    """A score, and whom the subject could be given to, the best first.

    Attributes:
        scored: how many candidates were scored; the best of them are in `ranking`.
        approval: the role that may agree to a candidate that is left out.
    """

    ranking: list[RankedCandidate] = []
    excluded: list[ExcludedCandidate] = []
    scored: int = 0
    approval: str = ""


class FeatureEvidence(msgspec.Struct, frozen=True):
    """One value that a decision rests on.

    Attributes:
        event_time: when the newest event that it was computed from happened.
    """

    feature: str
    value: float | None
    unit: str
    why: str
    source: str
    event_time: datetime | None
    age_days: float | None
    stale: bool


class AskedBy(msgspec.Struct, frozen=True):
    """An event as its sender names it: the two together are unique."""

    source: str
    id: str


class Evidence(msgspec.Struct, frozen=True):
    """How fresh all was that a decision rests on, and which event asked for it.

    Attributes:
        asked_by: None where it was asked for over HTTP.
        event_time: when the subject's newest event happened.
        stale: the age is above `freshness_days`, which the workflow declares.
    """

    decision_id: str
    asked_by: AskedBy | None
    workflow: str
    subject: str
    as_of: datetime
    model_version: str
    policy_version: str
    event_time: datetime
    age_days: float
    stale: bool
    freshness_days: float
    when_stale: Literal["flag", "refuse"]
    log_offset: int | None
    missing: list[str]
    features: list[FeatureEvidence]


class Feature(msgspec.Struct, frozen=True):
    """A declared feature; `monotone` is 1 where the score may only rise with it, -1 only fall."""

    name: str
    unit: str
    why: str
    source: str
    monotone: int


class BandAction(msgspec.Struct, frozen=True):
    """What is done on a band; `approval` is the role that has to agree first."""

    kind: str
    says: str
    approval: str | None


class Band(msgspec.Struct, frozen=True):
    """A range of scores, up to the next band."""

    name: str
    at_least: float
    because: str
    actions: list[BandAction]


class Label(msgspec.Struct, frozen=True):
    """What the score foretells, and how long a decision is given before it is overdue."""

    question: str
    maturity_days: float


class Promises(msgspec.Struct, frozen=True):
    """What is promised of an answer, and what is done with one on older features."""

    latency_p99_ms: float
    freshness_days: float
    stale: Literal["flag", "refuse"]


class Deciding(msgspec.Struct, frozen=True):
    """Who decides now.

    Attributes:
        champion: the registered version, or "rule" without a model.
        because: why the rule decides although a version was approved.
    """

    champion: str
    canary: str | None
    canary_share: float | None
    because: str


class Workflow(msgspec.Struct, frozen=True):
    """A declared workflow and the model that is live in it.

    Attributes:
        bands: the lowest score of each band; `policy` says what follows on each.
        rule: what decides while no model is approved.
        worker_notice: what people who are scored are told.
        ranks: whether it ranks candidates.
        freshness_days: older features than that are stale.
    """

    slug: str
    question: str
    owner: str
    subject: str
    risk_class: str
    bands: dict[str, float]
    worker_notice: str | None
    features: list[Feature]
    policy: list[Band]
    policy_version: str
    rule: str
    label: Label
    promises: Promises
    freshness_days: float
    ranks: bool
    live: Deciding
    model_version: str
