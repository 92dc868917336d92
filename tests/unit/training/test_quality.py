"""The figures are those of the textbook, and input of one class gives no figure, not a crash."""

import numpy as np
import pytest

from training.quality import Bin, quality, reliability

OUTCOME = np.array([0.0, 0.0, 1.0, 1.0])
SCORE = np.array([0.1, 0.4, 0.35, 0.8])


def test_figures_of_a_known_example() -> None:
    figures = quality(OUTCOME, SCORE, constant=0.25)
    assert figures.n == 4
    assert figures.base_rate == 0.5
    assert figures.auc == 0.75
    assert figures.pr_auc == pytest.approx(0.8333, abs=1e-4)
    assert figures.brier == pytest.approx((0.01 + 0.16 + 0.4225 + 0.04) / 4)
    assert figures.constant_brier == pytest.approx((0.0625 * 2 + 0.5625 * 2) / 4)
    assert figures.log_loss == pytest.approx(-np.log([0.9, 0.6, 0.35, 0.8]).mean())


def test_the_calibration_error_weighs_bins_by_their_rows() -> None:
    figures = quality(np.array([1.0, 0.0, 0.0, 1.0]), np.array([0.55, 0.55, 0.05, 1.0]), 0.5)
    assert figures.calibration_error == pytest.approx(0.5 * 0.05 + 0.25 * 0.05)


def test_bins_without_rows_are_left_out() -> None:
    bins = reliability(OUTCOME, np.array([0.0, 0.05, 0.95, 1.0]))
    assert bins == [Bin(2, 0.025, 0.0), Bin(2, 0.975, 1.0)]


def test_the_constant_may_differ_by_row() -> None:
    figures = quality(OUTCOME, SCORE, constant=np.array([0.0, 0.0, 1.0, 1.0]))
    assert (figures.constant, figures.constant_brier) == (0.5, 0.0)


@pytest.mark.parametrize(("outcome", "pr_auc"), [(0.0, None), (1.0, 1.0)])
def test_one_class_has_no_auc(outcome: float, pr_auc: float | None) -> None:
    figures = quality(np.full(4, outcome), SCORE, constant=0.5)
    assert (figures.auc, figures.pr_auc) == (None, pr_auc)


def test_no_rows_cannot_be_judged() -> None:
    with pytest.raises(ValueError, match="at least one"):
        quality(np.array([]), np.array([]), constant=0.5)
