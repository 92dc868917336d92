"""With an offset the trees learn deviations from the rate of a value; the one file serves it."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
import xgboost

from firm.errors import ModelRefused
from firm.workflow import Workflow
from tests.unit.training.small import WORKFLOW
from training.fit import Fitted, fit
from training.gates import LARGEST_DIFFERENCE, serving_difference
from training.offset import ATTRIBUTE, LEAST_RATE, Offset
from training.rows import Floats, TrainingRows
from training.scorer import FileScorer

OFFSET = WORKFLOW.model_copy(
    update={"model": WORKFLOW.model.model_copy(update={"offset_by": "reports"})}
)
SCARCE = WORKFLOW.model_copy(
    update={
        "model": WORKFLOW.model.model_copy(
            update={"offset_by": "reports", "offset_prior": 0.5, "offset_least": 18}
        )
    }
)
"""The 4th and the 6th of 40 reports each have 17 of the rarer outcome, the others 18 to 20."""


@pytest.fixture(scope="module")
def model(rows: TrainingRows) -> Fitted:
    return fit(OFFSET, rows.labelled())


@pytest.fixture(scope="module")
def scarce(rows: TrainingRows) -> Fitted:
    return fit(SCARCE, rows.labelled())


def served(model: Fitted, folder: Path, workflow: Workflow = OFFSET) -> FileScorer:
    path = folder / "model.ubj"
    model.booster.save_model(path)
    content = path.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    return FileScorer(path, digest, len(content), workflow.feature_names, "1")


def test_the_file_alone_scores_as_the_model_in_memory(
    model: Fitted, rows: TrainingRows, tmp_path: Path
) -> None:
    many = np.repeat(rows.features, 20, axis=0)
    difference = serving_difference(model, served(model, tmp_path), many, seed=3)
    assert difference <= LARGEST_DIFFERENCE


def test_a_rate_is_drawn_toward_the_overall_one_by_one_case(
    model: Fitted, rows: TrainingRows
) -> None:
    known = rows.labelled()
    first = known.where(known.features[:, 2] == 1)
    expected = (first.outcome.sum() + known.outcome.mean()) / (len(first) + 1)
    assert model.offset is not None
    assert model.offset.rates[1.0] == pytest.approx(expected)


def test_a_value_that_was_not_seen_or_is_missing_has_the_overall_rate() -> None:
    outcome = np.array([0.0, 0.0, 1.0])
    offset = Offset.learn(("a",), "a", np.array([[1.0], [1.0], [2.0]]), outcome)
    rates = 1 / (1 + np.exp(-offset.margin(np.array([[1.0], [7.0], [np.nan]]))))
    assert rates == pytest.approx([1 / 9, 1 / 3, 1 / 3])


def test_no_rate_is_without_a_finite_logit() -> None:
    offset = Offset("a", 0, {1.0: 0.0, 2.0: 1.0}, 0.5)
    rates = 1 / (1 + np.exp(-offset.margin(np.array([[1.0], [2.0]]))))
    assert rates == pytest.approx([LEAST_RATE, 1 - LEAST_RATE])


def test_the_trees_do_not_split_on_the_feature(model: Fitted) -> None:
    assert "reports" not in model.booster.get_score()
    assert model.booster.get_score()


def test_a_model_without_offset_has_none(fitted: Fitted) -> None:
    assert fitted.booster.attr(ATTRIBUTE) is None
    assert fitted.offset is None


@pytest.mark.parametrize("text", ["", "[]", '{"feature": "x", "rates": [], "otherwise": 1}'])
def test_an_offset_that_is_none_of_these_features_is_refused(
    model: Fitted, tmp_path: Path, text: str
) -> None:
    booster = model.booster.copy()
    booster.set_attr(**{ATTRIBUTE: text})
    wrong = Fitted(booster, model.names, 0.5, 1, 1, {})
    with pytest.raises(ModelRefused, match="has an offset that is none"):
        served(wrong, tmp_path)


def test_contributions_start_from_the_offset(model: Fitted, rows: TrainingRows) -> None:
    log_odds = model.contributions(rows.features).sum(axis=1)
    assert 1 / (1 + np.exp(-log_odds)) == pytest.approx(model.predict(rows.features), abs=1e-5)


def test_a_value_with_too_few_of_the_rarer_outcome_is_told_by_its_rate_alone(
    scarce: Fitted, rows: TrainingRows, tmp_path: Path
) -> None:
    known = rows.labelled()
    fourth = known.where(known.features[:, 2] == 4)
    rate = (fourth.outcome.sum() + 0.5 * known.outcome.mean()) / (len(fourth) + 0.5)
    assert scarce.offset is not None
    assert scarce.offset.alone == {4.0, 6.0}
    assert scarce.predict(fourth.features) == pytest.approx(np.full(len(fourth), rate))
    assert len(np.unique(scarce.predict(known.where(known.features[:, 2] == 3).features))) > 3
    many = np.repeat(rows.features, 20, axis=0)
    assert serving_difference(scarce, served(scarce, tmp_path), many, 3) <= LARGEST_DIFFERENCE


def test_the_trees_learn_nothing_of_such_a_value(scarce: Fitted, rows: TrainingRows) -> None:
    known = rows.labelled()
    assert scarce.offset is not None
    turned = known.outcome.copy()
    for value in scarce.offset.alone:
        of = known.features[:, 2] == value
        turned[of] = turned[of][::-1]
    assert (turned != known.outcome).any()
    again = fit(SCARCE, known.replace(turned, known.known_from))
    third = known.features[known.features[:, 2] == 3]
    assert again.booster.predict(_margins(third), output_margin=True) == pytest.approx(
        scarce.booster.predict(_margins(third), output_margin=True)
    )


def test_where_every_value_has_too_few_the_trees_tell_of_all() -> None:
    features, outcome = np.array([[1.0], [1.0], [2.0], [2.0]]), np.array([0.0, 1.0, 0.0, 1.0])
    assert Offset.learn(("a",), "a", features, outcome, least=2).alone == frozenset()
    assert Offset.learn(("a",), "a", features, outcome, least=1).alone == frozenset()


def test_a_table_of_before_there_were_such_values_is_read() -> None:
    text = '{"feature": "a", "rates": [[1.0, 0.25]], "otherwise": 0.5}'
    assert Offset.from_json(text, ("a",)) == Offset("a", 0, {1.0: 0.25}, 0.5)


def test_what_its_rate_alone_tells_is_explained_by_it_alone(
    scarce: Fitted, rows: TrainingRows, tmp_path: Path
) -> None:
    scorer = served(scarce, tmp_path)
    asked = [tuple(None if np.isnan(v) else v for v in row) for row in rows.features.tolist()]
    found, scores = scorer.contributions(asked), scorer.predict(asked)
    assert [1 / (1 + np.exp(-one.margin)) for one in found] == pytest.approx(scores, abs=1e-5)
    assert {round(one.base, 4) for one in found} == {round(found[0].base, 4)}
    alone = [one for one, row in zip(found, asked, strict=True) if row[2] in {4.0, 6.0}]
    assert alone
    assert all(v == 0 for one in alone for place, v in enumerate(one.of) if place != 2)
    log_odds = scarce.contributions(rows.features).sum(axis=1)
    assert 1 / (1 + np.exp(-log_odds)) == pytest.approx(scarce.predict(rows.features), abs=1e-5)


def _margins(features: Floats) -> xgboost.DMatrix:
    return xgboost.DMatrix(features.astype(np.float32), feature_names=list(WORKFLOW.feature_names))
