"""What calibrated scores lead one to expect is what comes about; where they are not, it is not."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import brier_score_loss, precision_score, recall_score, roc_auc_score

from monitoring.estimate import expected
from tests.unit.monitoring.simulated import THRESHOLD, delayed


def test_the_estimate_comes_true_where_scores_are_calibrated() -> None:
    whole = delayed(1).whole
    found, alert = expected(whole.score, THRESHOLD), whole.score >= THRESHOLD
    assert found.precision == pytest.approx(precision_score(whole.outcome, alert), abs=0.01)
    assert found.recall == pytest.approx(recall_score(whole.outcome, alert), abs=0.01)
    assert found.brier == pytest.approx(brier_score_loss(whole.outcome, whole.score), abs=0.01)
    assert found.auc == pytest.approx(roc_auc_score(whole.outcome, whole.score), abs=0.01)
    assert found.rate == pytest.approx(whole.outcome.mean(), abs=0.01)


def test_the_estimate_cannot_see_that_the_same_cases_end_otherwise() -> None:
    whole = delayed(1).whole
    turned, alert = 1 - whole.outcome, whole.score >= THRESHOLD
    found = expected(whole.score, THRESHOLD)
    assert found.precision is not None
    assert abs(found.precision - float(turned[alert].mean())) > 0.2


def test_the_expected_ranking_is_that_over_all_pairs() -> None:
    score = np.array([0.1, 0.4, 0.4, 0.8])
    above = pairs = 0.0
    for i, p in enumerate(score):
        for j, q in enumerate(score):
            if i != j:
                pairs += p * (1 - q)
                above += p * (1 - q) * (1.0 if p > q else 0.5 if p == q else 0.0)
    assert expected(score, 0.5).auc == pytest.approx(above / pairs)


def test_nothing_is_expected_of_nothing() -> None:
    found = expected(np.array([]), 0.5)
    assert (found.rate, found.precision, found.recall, found.brier, found.auc) == (None,) * 5
    certain = expected(np.array([0.0, 0.0]), 0.5)
    assert (certain.alerts, certain.precision, certain.recall, certain.auc) == (0, None, None, None)
