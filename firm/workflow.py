"""A workflow is a declaration: what is asked, of whom, from which features, and what follows.

Everything else is derived from it: the Feast views, the stream's agent, the training set, the
registered model, the route, the monitors and the contract tests.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from firm.events import Event, Fact
from firm.history import Entry, Outcome, Values
from firm.ids import EventId
from firm.vocabulary import Expr, Known

Slug = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{1,48}$")]
Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=3)]
Role = Literal[
    "project_manager",
    "delivery_director",
    "resource_manager",
    "finance",
    "hr",
    "enterprise_integration",
    "data_scientist",
    "governance_reviewer",
    "process_owner",
    "auditor",
]
Row = tuple[float | None, ...]
Direction = Literal[-1, 0, 1]


class Declared(BaseModel):
    """A part of a declaration: frozen, and refused if it has a field that nobody knows."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)


class Feature(Declared):
    """A number that a model sees, with its unit, why it should tell and where it comes from.

    `monotone` is +1 where the score may only rise with the feature, -1 where it may only fall.
    """

    name: Slug
    of: Expr
    unit: Words | Literal["1"]
    why: Words
    source: Words
    monotone: Direction = 0


class GroupBy(Declared):
    """A group whose known outcomes are counted; `key` names the folded text, None is everyone."""

    name: Slug
    key: str | None = None


class Label(Declared):
    """What the score foretells, and when its truth is known.

    `settle` gives, from all entries of a subject in order of time, the outcomes known of them by
    event id. It is a pure function of the entries, so it comes out the same in any order of
    arrival. `maturity_days` is how long a decision is given before it counts as overdue.
    """

    question: Words
    settle: Callable[[Sequence[Entry]], Mapping[EventId, Outcome]]
    maturity_days: Annotated[float, Field(gt=0)]


class Gates(Declared):
    """What a trained version must reach on the rows after its cut before it may be promoted."""

    auc: Annotated[float, Field(ge=0, le=1)]
    pr_auc: Annotated[float, Field(ge=0, le=1)] = 0.0
    calibration_error: Annotated[float, Field(gt=0, le=1)] = 1.0
    least_rows: Annotated[int, Field(ge=1)] = 100


class ModelSpec(Declared):
    """How the model is fitted: XGBoost parameters, rounds and the gates it has to pass."""

    parameters: dict[str, Any]
    rounds: Annotated[int, Field(ge=1, le=20_000)]
    gates: Gates
    seed: int = 7


class ActionSpec(Declared):
    """What is done on a band; with `approval`, only after a person in that role agreed."""

    kind: Slug
    says: Words
    approval: Role | None = None


class Band(Declared):
    """A range of scores, from `at_least` up to the next band, with its reason and its actions."""

    name: Slug
    at_least: Annotated[float, Field(ge=0, le=1)]
    because: Words
    actions: tuple[ActionSpec, ...] = ()


class Policy(Declared):
    """From a score to a band, and from the band to the actions."""

    bands: tuple[Band, ...]

    @model_validator(mode="after")
    def _bands_cover_all_scores_in_order(self) -> Self:
        starts = [band.at_least for band in self.bands]
        if not starts or starts[0] != 0 or starts != sorted(set(starts)):
            raise ValueError(f"bands must start at 0 and rise; they start at {starts}")
        return self

    def band(self, probability: float) -> Band:
        """The highest band that the score reaches."""
        return next(b for b in reversed(self.bands) if probability >= b.at_least)

    @property
    def alarm_at(self) -> float:
        """The lowest score on which something is done; 1.0 where nothing ever is."""
        return next((band.at_least for band in self.bands if band.actions), 1.0)


class Slo(Declared):
    """What is promised of an answer."""

    latency_p99_ms: Annotated[float, Field(gt=0)]
    freshness_days: Annotated[float, Field(gt=0)]
    stale: Literal["flag", "refuse"] = "flag"


class Watch(Declared):
    """When monitoring speaks up."""

    drifted_share: Annotated[float, Field(ge=0, le=1)] = 0.3
    false_positive_rate: Annotated[float, Field(ge=0, le=1)] = 0.2
    least_outcomes: Annotated[int, Field(ge=1)] = 100


class Workflow(Declared):
    """One use case, whole. `fold` picks of an event the values that features and label need.

    `rule` scores while no approved model is live; `lateness_days` is how far behind the newest
    event another may come and still be acted on: a later one is counted, but changes no plan.
    """

    slug: Slug
    question: Words
    owner: Words
    subject: Slug
    facts: tuple[type[Fact], ...]
    triggers: tuple[type[Fact], ...]
    fold: Callable[[Event], Values]
    features: tuple[Feature, ...]
    groups: tuple[GroupBy, ...] = ()
    label: Label
    rule: Expr
    model: ModelSpec
    policy: Policy
    slo: Slo
    watch: Watch = Watch()
    lateness_days: Annotated[float, Field(gt=0)]
    risk_class: Literal["minimal", "limited", "high"]
    worker_notice: Words | None = None

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        problems = [
            *_repeated("feature", [f.name for f in self.features]),
            *_repeated("group", [g.name for g in self.groups]),
            *(
                f"trigger {t.__name__} is not among the facts that are folded"
                for t in self.triggers
                if t not in self.facts
            ),
        ]
        if not self.features:
            problems.append("declares no feature; a model needs at least one")
        if not self.triggers:
            problems.append("declares no trigger; name the facts that ask for a score")
        if self.risk_class == "high" and self.worker_notice is None:
            problems.append("scores people (risk class high) and so needs a worker_notice")
        if problems:
            raise ValueError("; ".join(problems))
        return self

    @cached_property
    def feature_names(self) -> tuple[str, ...]:
        """The order of the columns of every row."""
        return tuple(f.name for f in self.features)

    @cached_property
    def _folded(self) -> frozenset[str]:
        return frozenset(fact.type for fact in self.facts)

    @cached_property
    def triggering(self) -> frozenset[str]:
        """The types of events that ask for a score."""
        return frozenset(fact.type for fact in self.triggers)

    def folds(self, event: Event) -> bool:
        """Whether the workflow takes in this event."""
        return event.type in self._folded

    def is_triggered_by(self, event: Event) -> bool:
        """Whether the event asks for a score."""
        return event.type in self.triggering

    def row(self, known: Known) -> Row:
        """The features as of an instant, in the order of `feature_names`."""
        return tuple(feature.of(known) for feature in self.features)

    def membership(self, entries: Sequence[Entry]) -> dict[str, str]:
        """The group id of the subject in each declared group, as its entries have it."""
        found = {}
        for group in self.groups:
            if group.key is None:
                found[group.name] = group.name
            elif (value := _newest_text(entries, group.key)) is not None:
                found[group.name] = f"{group.name}:{value}"
        return found

    @cached_property
    def policy_version(self) -> str:
        """Changes whenever a band, an action or an approval changes."""
        return hashlib.sha256(self.policy.model_dump_json().encode()).hexdigest()[:12]


def _newest_text(entries: Sequence[Entry], name: str) -> str | None:
    for entry in reversed(entries):
        value = entry.values.get(name)
        if isinstance(value, str):
            return value
    return None


def _repeated(what: str, names: Sequence[str]) -> list[str]:
    return [
        f"{what} {name!r} is declared twice" for name in sorted(set(names)) if names.count(name) > 1
    ]
