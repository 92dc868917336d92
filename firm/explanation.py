"""Why a decision scored as it did: what each feature adds, told in words and in probability."""

from __future__ import annotations

from collections.abc import Sequence
from math import isclose, tanh
from typing import Literal

import msgspec

from firm.decision import RULE_VERSION, Decision
from firm.errors import NotReproduced
from firm.workflow import Feature, Row, Workflow

Direction = Literal["raises", "lowers", "leaves"]
LARGEST_DIFFERENCE = 1e-4
"""Between the recorded probability and that of the contributions: sums of 32-bit numbers."""
MOST_REASONS = 5
"""So many stand in an answer; an explanation has them all."""


class Contributions(msgspec.Struct, frozen=True, gc=False):
    """What adds up to a score, in log-odds.

    Attributes:
        base: where a case stands of which nothing is known yet.
        of: what each feature adds, in the order of `Workflow.feature_names`.
    """

    base: float
    of: tuple[float, ...]

    @property
    def margin(self) -> float:
        """The log-odds of the score."""
        return self.base + sum(self.of)


class Reason(msgspec.Struct, frozen=True, gc=False):
    """One feature's part in a score.

    Attributes:
        log_odds: what it adds (exact TreeSHAP).
        without: the probability if it added nothing.
    """

    feature: str
    value: float | None
    unit: str
    why: str
    source: str
    direction: Direction
    log_odds: float
    without: float
    says: str


class Explanation(msgspec.Struct, frozen=True, gc=False):
    """All reasons of a score, those that weigh most first.

    Attributes:
        base: the probability of a case of which nothing is known yet.
        base_log_odds, log_odds: the same in log-odds, and that of the score: the difference is the
            sum of what the reasons add.
        rule: what scored where the declared rule did; it has no contributions.
    """

    says: str
    base: float | None
    base_log_odds: float | None
    log_odds: float | None
    reasons: list[Reason]
    rule: str = ""

    def most(self) -> list[Reason]:
        """The reasons that an answer gives."""
        return [one for one in self.reasons if one.log_odds][:MOST_REASONS]


def row_of(workflow: Workflow, decision: Decision) -> Row:
    """The recorded values in the order of `Workflow.feature_names`."""
    try:
        return tuple(decision.features[name] for name in workflow.feature_names)
    except KeyError as error:
        raise NotReproduced(
            f"decision {decision.id} has no feature {error}: {workflow.slug} has been declared "
            "anew since; look at it with the declaration of then"
        ) from error


def with_candidates(decision: Decision) -> list[Decision]:
    """The decision, and after it what it would be in the hands of each candidate of its ranking."""
    ranked = decision.ranking.ranked if decision.ranking else ()
    held = (
        msgspec.structs.replace(
            decision,
            features={**decision.features, **one.features},
            probability=one.probability,
            band=one.band,
            ranking=None,
        )
        for one in ranked
    )
    return [decision, *held]


def explain_rule(workflow: Workflow, decision: Decision) -> Explanation:
    """Why the declared rule scored as it did: it says so itself."""
    why = f" ({decision.rule_because})" if decision.rule_because else ""
    says = f"{decision.probability:.0%} by the declared rule, no model{why}: {workflow.rule.words}"
    return Explanation(
        says=says,
        base=None,
        base_log_odds=None,
        log_odds=None,
        reasons=[],
        rule=workflow.rule.words,
    )


def is_by_rule(decision: Decision) -> bool:
    """Whether the declared rule scored."""
    return decision.model_version == RULE_VERSION


def explain(workflow: Workflow, decision: Decision, found: Contributions) -> Explanation:
    """The reasons of a model's score.

    Raises:
        NotReproduced: the contributions add up to another score than the recorded one.
    """
    margin, recorded = found.margin, decision.probability
    if not isclose(_probability(margin), recorded, rel_tol=0, abs_tol=LARGEST_DIFFERENCE):
        raise NotReproduced(
            f"version {decision.model_version} gives {_probability(margin):.6f} for what decision "
            f"{decision.id} was taken on, {recorded:.6f} is on record: find out what was changed"
        )
    row = row_of(workflow, decision)
    reasons = [
        _reason(feature, value, added, margin)
        for feature, value, added in zip(workflow.features, row, found.of, strict=True)
    ]
    reasons.sort(key=lambda one: -abs(one.log_odds))
    base = _probability(found.base)
    return Explanation(_in_all(recorded, base, reasons), base, found.base, margin, reasons)


def _reason(feature: Feature, value: float | None, added: float, margin: float) -> Reason:
    direction: Direction = "leaves" if not added else "raises" if added > 0 else "lowers"
    without = _probability(margin - added)
    effect = {
        "raises": f"raises the score to {_probability(margin):.0%}; without it, {without:.0%}",
        "lowers": f"lowers the score to {_probability(margin):.0%}; without it, {without:.0%}",
        "leaves": "makes no difference here",
    }
    return Reason(
        feature=feature.name,
        value=value,
        unit=feature.unit,
        why=feature.why,
        source=feature.source,
        direction=direction,
        log_odds=added,
        without=without,
        says=f"{in_words(feature, value)} ({feature.why}): {effect[direction]}",
    )


def in_words(feature: Feature, value: float | None) -> str:
    """A feature with its value as one says it: 'slip rate is 55 %', 'to go is 120 days'."""
    name = feature.name.replace("_", " ")
    if value is None:
        return f"{name} is not known"
    if feature.unit == "share":
        return f"{name} is {value:.0%}"
    number = f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return f"{name} is {number}" if feature.unit == "1" else f"{name} is {number} {feature.unit}"


def _in_all(probability: float, base: float, reasons: Sequence[Reason]) -> str:
    most = [one.feature.replace("_", " ") for one in reasons[:3] if one.log_odds]
    mostly = f", mostly by {', '.join(most)}" if most else ""
    return f"{probability:.0%}, from {base:.0%} where nothing is known of a case{mostly}"


def _probability(log_odds: float) -> float:
    return (1 + tanh(log_odds / 2)) / 2
