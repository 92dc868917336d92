"""What each feature adds to a served score is what XGBoost's own package says it adds."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
import xgboost

from tests.unit.training.small import WORKFLOW
from training.fit import Fitted, fit
from training.libxgboost import Booster
from training.rows import TrainingRows
from training.scorer import FileScorer

NEAR = 1e-5
ROWS = 2_000


def served(model: Fitted, folder: Path) -> FileScorer:
    path = folder / "model.ubj"
    model.booster.save_model(path)
    content = path.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    return FileScorer(path, digest, len(content), model.names, "1")


def asked(rows: TrainingRows) -> list[tuple[float | None, ...]]:
    return [tuple(None if np.isnan(v) else v for v in row) for row in rows.features.tolist()]


def test_contributions_are_those_of_the_package_with_missing_values_among_them() -> None:
    luck = np.random.default_rng(5)
    features = luck.normal(size=(ROWS, 12)).astype(np.float32)
    features[luck.random(features.shape) < 0.2] = np.nan
    outcome = (np.nan_to_num(features[:, 0] * features[:, 1] + features[:, 2]) > 0).astype(float)
    parameters = {"objective": "binary:logistic", "max_depth": 6, "num_parallel_tree": 2}
    data = xgboost.DMatrix(features, outcome)
    trained = xgboost.train(parameters, data, 60)
    expected = trained.predict(data, pred_contribs=True)
    ours = Booster(bytes(trained.save_raw("ubj")))
    found = np.array(ours.contributions(features))
    assert np.abs(found - expected).max() < NEAR
    margins = np.array(ours.margins(features))
    assert found.sum(axis=1) == pytest.approx(margins, rel=NEAR, abs=NEAR)


def test_they_add_up_to_the_log_odds_of_the_score(
    fitted: Fitted, rows: TrainingRows, tmp_path: Path
) -> None:
    scorer, questions = served(fitted, tmp_path), asked(rows)
    found = scorer.contributions(questions)
    scores = [1 / (1 + np.exp(-one.margin)) for one in found]
    assert scores == pytest.approx(scorer.predict(questions), abs=NEAR)
    expected = fitted.contributions(rows.features)
    assert np.abs(np.array([one.of for one in found]) - expected[:, :-1]).max() < NEAR


def test_with_an_offset_its_feature_adds_what_its_rate_differs_from_that_of_all(
    rows: TrainingRows, tmp_path: Path
) -> None:
    declared = WORKFLOW.model.model_copy(update={"offset_by": "reports"})
    model = fit(WORKFLOW.model_copy(update={"model": declared}), rows.labelled())
    scorer, questions = served(model, tmp_path), asked(rows)
    found = scorer.contributions(questions)
    scores = [1 / (1 + np.exp(-one.margin)) for one in found]
    assert scores == pytest.approx(scorer.predict(questions), abs=NEAR)
    offset = model.offset
    assert offset is not None
    unseen = scorer.contributions([(*questions[0][:2], 1e6, *questions[0][3:])])[0]
    assert unseen.of[offset.column] == pytest.approx(0, abs=1e-9)
    assert {round(one.base, 4) for one in found} == {round(unseen.base, 4)}
