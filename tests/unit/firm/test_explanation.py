"""An explanation says in words what each feature did to a score, and to no other score."""

from __future__ import annotations

from math import log

import msgspec
import pytest

from firm.decision import RULE_VERSION, Decision
from firm.errors import NotReproduced
from firm.explanation import Contributions, explain, explain_rule, in_words
from firm.workflow import Feature
from tests.contract.store.samples import taken
from workflows.delivery_risk import WORKFLOW

NAMES = WORKFLOW.feature_names


def log_odds(probability: float) -> float:
    return log(probability / (1 - probability))


def decided(probability: float, **values: float) -> Decision:
    features = dict.fromkeys(NAMES) | values
    return msgspec.structs.replace(taken("why", probability), features=features, model_version="3")


def contributions(base: float, **added: float) -> Contributions:
    return Contributions(log_odds(base), tuple(added.get(name, 0.0) for name in NAMES))


def test_the_weightiest_reason_comes_first_with_the_probability_without_it() -> None:
    up, down = log_odds(0.8) - log_odds(0.6), log_odds(0.6) - log_odds(0.7)
    found = explain(
        WORKFLOW,
        decided(0.8, slip_rate=0.55, to_go=120.0),
        contributions(0.7, to_go=down, slip_rate=up),
    )
    first, second, third = found.reasons[:3]
    assert (first.feature, first.direction) == ("slip_rate", "raises")
    assert first.without == pytest.approx(0.6)
    assert first.says == (
        "slip rate is 55% (how often it slipped too far before): raises the score to 80%; "
        "without it, 60%"
    )
    assert (second.feature, second.direction) == ("to_go", "lowers")
    assert "to go is 120 days" in second.says
    assert (third.direction, third.log_odds) == ("leaves", 0.0)
    assert [one.feature for one in found.most()] == ["slip_rate", "to_go"]
    assert (
        found.says == "80%, from 70% where nothing is known of a case, mostly by slip rate, to go"
    )


def test_the_base_and_all_reasons_add_up_to_the_score() -> None:
    found = explain(WORKFLOW, decided(0.8), contributions(0.7, age=log_odds(0.8) - log_odds(0.7)))
    assert found.base_log_odds is not None
    assert found.base_log_odds + sum(one.log_odds for one in found.reasons) == found.log_odds
    assert len(found.reasons) == len(NAMES)


def test_another_score_than_the_recorded_one_is_never_explained() -> None:
    with pytest.raises(NotReproduced, match=r"0\.700000 .* 0\.800000"):
        explain(WORKFLOW, decided(0.8), contributions(0.7))


def test_the_rule_says_itself_why_it_scored() -> None:
    stopped = msgspec.structs.replace(
        taken("rule", 0.5), model_version=RULE_VERSION, rule_because="kill switch, Gus: nonsense"
    )
    found = explain_rule(WORKFLOW, stopped)
    assert found.says.startswith("50% by the declared rule, no model (kill switch, Gus: nonsense)")
    assert (found.reasons, found.rule) == ([], WORKFLOW.rule.words)


@pytest.mark.parametrize(
    ("unit", "value", "says"),
    [
        ("share", 0.25, "last move is 25%"),
        ("1", 3.0, "last move is 3"),
        ("days", 12345.6, "last move is 12,346 days"),
        ("days", None, "last move is not known"),
    ],
)
def test_a_value_is_said_in_its_unit(unit: str, value: float | None, says: str) -> None:
    feature = Feature(
        name="last_move", of=WORKFLOW.features[0].of, unit=unit, why="a test", source="a test"
    )
    assert in_words(feature, value) == says
