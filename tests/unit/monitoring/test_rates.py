"""A share comes with the range in which the true one lies."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest  # type: ignore[import-untyped]  # SciPy carries no types

from monitoring.rates import rate


@pytest.mark.parametrize(("part", "whole"), [(0, 5), (3, 10), (50, 200), (7, 7)])
def test_the_interval_is_wilsons(part: int, whole: int) -> None:
    found = rate(part, whole)
    theirs = binomtest(part, whole).proportion_ci(method="wilson")
    assert found
    assert (found.low, found.high) == pytest.approx((theirs.low, theirs.high))


def test_the_interval_holds_the_truth_as_often_as_it_says() -> None:
    draws = np.random.default_rng(1).binomial(40, 0.15, 4_000)
    found = [rate(int(part), 40) for part in draws]
    held = np.mean([one is not None and one.low <= 0.15 <= one.high for one in found])
    assert 0.93 < held < 0.98


def test_there_is_no_share_of_nothing() -> None:
    assert rate(0, 0) is None
