"""The rising line is that of scikit-learn's isotonic regression."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.isotonic import IsotonicRegression

from workflows.service_level.rising import Rising

points = st.lists(
    st.tuples(st.integers(0, 20).map(float), st.sampled_from([0.0, 0.25, 1.0])),
    min_size=2,
    max_size=30,
)


@given(points, st.lists(st.floats(-5, 25), min_size=1))
def test_it_is_the_isotonic_regression_of_its_points(
    found: list[tuple[float, float]], asked: list[float]
) -> None:
    x, y = zip(*found, strict=True)
    theirs = IsotonicRegression(out_of_bounds="clip").fit(x, y).predict(asked)
    ours = Rising(found)
    assert [ours(value) for value in asked] == pytest.approx(theirs.tolist(), abs=1e-9)


@given(points)
def test_it_never_falls(found: list[tuple[float, float]]) -> None:
    line = Rising(found)
    heights = [line(step / 4) for step in range(-4, 90)]
    assert all(one <= two + 1e-12 for one, two in pairwise(heights))
