"""The same rows give the same model; what cannot be learnt from is refused with a reason."""

import numpy as np
import pytest

from firm.errors import CannotTrain
from firm.workflow import Workflow
from tests.unit.training.small import WORKFLOW
from training.fit import Fitted, fit
from training.rows import TrainingRows


def test_the_same_rows_give_the_same_bytes(rows: TrainingRows, fitted: Fitted) -> None:
    again = fit(WORKFLOW, rows.labelled())
    assert again.booster.save_raw("ubj") == fitted.booster.save_raw("ubj")


def test_the_score_never_falls_with_a_feature_declared_to_rise(fitted: Fitted) -> None:
    ladder = np.array([[budget, 0, 5, 0.4] for budget in range(0, 12_000, 100)], dtype=np.float64)
    scores = fitted.predict(ladder)
    assert (np.diff(scores) >= 0).all()
    assert scores[-1] > scores[0]


def test_contributions_add_up_to_the_score(rows: TrainingRows, fitted: Fitted) -> None:
    log_odds = fitted.contributions(rows.features).sum(axis=1)
    assert 1 / (1 + np.exp(-log_odds)) == pytest.approx(fitted.predict(rows.features), abs=1e-5)


def test_the_base_rate_is_that_of_the_rows_learnt_from(rows: TrainingRows, fitted: Fitted) -> None:
    assert fitted.base_rate == rows.labelled().outcome.mean()


def test_rows_without_outcome_are_refused(rows: TrainingRows) -> None:
    with pytest.raises(CannotTrain, match="without an outcome"):
        fit(WORKFLOW, rows)


def test_no_rows_are_refused(rows: TrainingRows) -> None:
    with pytest.raises(CannotTrain, match="0 rows"):
        fit(WORKFLOW, rows.where(rows.as_of < 0))


def test_one_outcome_only_is_refused(rows: TrainingRows) -> None:
    with pytest.raises(CannotTrain, match="nothing to tell apart"):
        fit(WORKFLOW, rows.where(rows.outcome == 1))


def test_rows_of_another_declaration_are_refused(rows: TrainingRows) -> None:
    fewer = Workflow.model_validate(
        {name: getattr(WORKFLOW, name) for name in Workflow.model_fields}
        | {"features": WORKFLOW.features[:2]}
    )
    with pytest.raises(CannotTrain, match="replay the log again"):
        fit(fewer, rows.labelled())
