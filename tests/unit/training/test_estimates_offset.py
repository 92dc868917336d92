"""With an offset the trees learn deviations from the rate of a value; the one file serves it."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from firm.errors import ModelRefused
from firm.workflow import Workflow
from tests.unit.training.small import WORKFLOW
from training.fit import Fitted, fit
from training.gates import LARGEST_DIFFERENCE, serving_difference
from training.offset import ATTRIBUTE, LEAST_RATE, Offset
from training.rows import TrainingRows
from training.scorer import FileScorer

OFFSET = WORKFLOW.model_copy(
    update={"model": WORKFLOW.model.model_copy(update={"offset_by": "reports"})}
)


@pytest.fixture(scope="module")
def model(rows: TrainingRows) -> Fitted:
    return fit(OFFSET, rows.labelled())


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
