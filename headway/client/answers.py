"""What the service answers, typed. A member that a newer service adds is passed over."""

from __future__ import annotations

from datetime import datetime

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
    """

    event_time: datetime
    age_days: float
    stale: bool
    log_offset: int | None


class Score(msgspec.Struct, frozen=True):
    """A score with its decision and all that it rests on.

    Attributes:
        probability: calibrated, in [0, 1].
        band: the policy's name for it, and `because` what the policy says of the band.
        actions: what follows from it, in words.
        features: by name, None where a value is missing; `missing` names those.
        awaits: what the subject still waits for, as approvals.
        model_version: the registered version, or "rule" without a model.
        rule_because: why the rule decided although a version was approved (kill switch).
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
    """

    candidate: str
    fits: float
    probability: float
    band: str
    features: dict[str, float | None]


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


class Feature(msgspec.Struct, frozen=True):
    """A declared feature."""

    name: str
    unit: str
    why: str
    source: str


class Workflow(msgspec.Struct, frozen=True):
    """A declared workflow and the model that is live in it.

    Attributes:
        bands: the lowest score of each band.
        freshness_days: older features than that are stale.
    """

    slug: str
    question: str
    owner: str
    subject: str
    risk_class: str
    bands: dict[str, float]
    features: list[Feature]
    freshness_days: float
    model_version: str
