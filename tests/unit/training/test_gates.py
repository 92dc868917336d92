"""Each gate closes when its figure is on the wrong side, and says so."""

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
import pytest

from firm.errors import GateFailed
from firm.workflow import Gates, Row
from tests.unit.training.small import WORKFLOW
from training.fit import Fitted
from training.gates import LARGEST_DIFFERENCE, check, require, serving_difference
from training.quality import Quality
from training.rows import TrainingRows

STRICT = WORKFLOW.model_copy(
    update={
        "model": WORKFLOW.model.model_copy(
            update={"gates": Gates(auc=0.7, pr_auc=0.5, calibration_error=0.1, least_rows=50)}
        )
    }
)
GOOD = Quality(
    n=100,
    base_rate=0.4,
    auc=0.8,
    pr_auc=0.6,
    brier=0.18,
    constant=0.4,
    constant_brier=0.24,
    calibration_error=0.05,
    log_loss=0.5,
)


def test_good_figures_pass() -> None:
    results = check(STRICT, GOOD, difference=0.0)
    assert all(result.passed for result in results)
    require(results, "1")


@pytest.mark.parametrize(
    ("wrong", "gate"),
    [
        ({"n": 49}, "rows"),
        ({"auc": 0.69}, "AUC"),
        ({"auc": None}, "AUC"),
        ({"auc": float("nan")}, "AUC"),
        ({"pr_auc": 0.49}, "PR-AUC"),
        ({"brier": 0.24}, "Brier score"),
        ({"calibration_error": 0.11}, "calibration error"),
    ],
)
def test_a_figure_on_the_wrong_side_fails_its_gate_alone(wrong: dict[str, Any], gate: str) -> None:
    results = check(STRICT, msgspec.structs.replace(GOOD, **wrong), difference=0.0)
    assert [result.gate for result in results if not result.passed] == [gate]
    with pytest.raises(GateFailed, match=gate):
        require(results, "1")


def test_a_served_form_that_differs_fails() -> None:
    results = check(STRICT, GOOD, difference=2 * LARGEST_DIFFERENCE)
    with pytest.raises(GateFailed, match="served form's difference is 2e-06"):
        require(results, "1")


def test_every_failed_gate_is_named() -> None:
    poor = msgspec.structs.replace(GOOD, auc=0.5, brier=0.3)
    with pytest.raises(GateFailed, match=r"version 7 .*AUC is 0.5, .*at least 0.7; Brier score"):
        require(check(STRICT, poor, difference=0.0), "7")


def test_no_gate_checked_is_a_failure() -> None:
    with pytest.raises(GateFailed, match="no gate was checked"):
        require([], "1")


class Confused:
    """A served form that is right on complete rows and wrong where a value is missing."""

    version = "confused"

    def __init__(self, fitted: Fitted) -> None:
        self._fitted = fitted

    def predict(self, rows: Sequence[Row]) -> list[float]:
        features = np.array(rows, dtype=np.float64)
        wrong = np.isnan(features).any(axis=1) * 0.5
        scores: list[float] = (self._fitted.predict(features) + wrong).tolist()
        return scores


def test_the_served_form_is_tried_on_missing_values(rows: TrainingRows, fitted: Fitted) -> None:
    complete = rows.features[~np.isnan(rows.features).any(axis=1)]
    assert serving_difference(fitted, Confused(fitted), complete, seed=1) == 0.5
