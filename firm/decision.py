"""A decision with all that it was taken on, and what may follow from it."""

from __future__ import annotations

import math
from typing import Any, Literal

import msgspec

from firm.declared import Role
from firm.events import Position
from firm.ids import ActionId, DecisionId, EventId, EventRef, SubjectId
from firm.ranking import Considered, Ranking
from firm.time import Micros
from firm.workflow import Row

Origin = Literal["stream", "http", "request"]
RULE_VERSION = "rule"
"""The model version of a decision that the declared rule took because no model was live."""


class Evidence(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """How fresh the features are: the newest event in them and where the log stood.

    Attributes:
        apart: the features whose newest event is another, with its time (`firm.evidence`); None
            where nothing was known that they are computed from.
        position: the last record of the log that had been folded, None before the first.
        event_time: when the subject's newest event happened, in microseconds since 1970.
    """

    position: Position | None
    event_time: Micros
    apart: dict[str, Micros | None] = {}


class Asked(msgspec.Struct, frozen=True, gc=False):
    """A question that has come to a score: of whom, as of when, why, with which features.

    Attributes:
        cause: the id of the event, or the idempotency key of the request, that asks.
        row: the features, in the order of `Workflow.feature_names`.
        by_rule: what the declared rule scores; used while no approved model is live.
        late: the event came too late to act on.
        awaits: what the subject still waits for.
        considered: whom the request could be given to, where that is asked.
        asked_by: the event that asks, as its sender names it; None for a request over HTTP.
    """

    subject: SubjectId
    cause: str
    origin: Origin
    as_of: Micros
    evidence: Evidence
    row: Row
    by_rule: float
    late: bool = False
    awaits: tuple[str, ...] = ()
    considered: Considered | None = None
    asked_by: EventRef | None = None


class Decision(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """What was decided, with the snapshot from which it can be taken again to the same score.

    Attributes:
        cause: the id of the event, or the idempotency key of the request, that asked.
        probability: the calibrated score in [0, 1].
        late: the event came too late to act on; the decision is kept, and nothing is done.
        stale: the newest event is older than the workflow's declared freshness.
        features: the row by name, None where a value is missing.
        decided_at: when, in microseconds since 1970.
        awaits: what the subject still waited for; left out of the bytes where it is nothing.
        ranking: whom the request could be given to; left out of the bytes where nobody asked.
        rule_because: why the rule decided although a version had been approved (kill switch).
        trace: the W3C traceparent under which it was scored; left out of the bytes without one.
        asked_by: the event that asked, as its sender names it; left out of the bytes where it was
            a request over HTTP.
    """

    id: DecisionId
    workflow: str
    subject: SubjectId
    cause: str
    origin: Origin
    as_of: Micros
    evidence: Evidence
    probability: float
    band: str
    late: bool
    stale: bool
    model_version: str
    policy_version: str
    features: dict[str, float | None]
    decided_at: Micros
    awaits: tuple[str, ...] = ()
    ranking: Ranking | None = None
    rule_because: str = ""
    trace: str = ""
    asked_by: EventRef | None = None


class Action(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """Something to be done in a system of record because of a decision.

    Attributes:
        withheld: why it is never done; None for all but those of the declared holdout.
    """

    id: ActionId
    decision: DecisionId
    workflow: str
    subject: SubjectId
    kind: str
    says: str
    approval: Role | None
    asked_at: Micros
    withheld: str | None = None


class Person(msgspec.Struct, frozen=True):
    """Somebody who acts on the service: a name that the login vouches for, and roles."""

    name: str
    roles: frozenset[Role]


class Verdict(msgspec.Struct, frozen=True):
    """What a person said of an action that waited for them."""

    action: ActionId
    agreed: bool
    person: str
    reason: str
    at: Micros


class Judged(msgspec.Struct, frozen=True, gc=False):
    """The outcome of one decision; `value` is None where an earlier outcome was taken back."""

    decision: DecisionId
    workflow: str
    event: EventId
    value: float | None
    known_at: Micros


def same_answer(one: Decision, other: Decision) -> bool:
    """Whether two decisions say the same, whenever and by whichever way they were asked."""
    return (
        one.subject == other.subject
        and one.as_of == other.as_of
        and one.band == other.band
        and math.isclose(one.probability, other.probability, rel_tol=0, abs_tol=1e-12)
        and one.features == other.features
        and one.awaits == other.awaits
        and one.model_version == other.model_version
    )


def as_json(value: Any) -> bytes:
    """Canonical JSON: the same value always gives the same bytes."""
    return msgspec.json.encode(value, order="deterministic")
