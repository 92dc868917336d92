"""The impact ratio and its test: what is adverse is found, what chance makes is not."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import fisher_exact  # type: ignore[import-untyped]  # SciPy carries no types

from monitoring.impact import FOUR_FIFTHS, holm, impact


def test_the_ratio_is_that_of_the_guidelines_example() -> None:
    """EEOC, Questions and Answers on the Uniform Guidelines (1979), 12: 48 of 80 and 12 of 40."""
    chosen = [1] * 48 + [0] * 32 + [1] * 12 + [0] * 28
    found = impact(["white"] * 80 + ["black"] * 40, chosen, [1] * 120)
    assert found.least_ratio == pytest.approx(0.5)
    assert found.p_value == pytest.approx(fisher_exact([[48, 32], [12, 28]]).pvalue)


def test_a_low_ratio_of_few_people_can_be_chance() -> None:
    found = impact(["a"] * 6 + ["b"] * 6, [1, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0], [1] * 12)
    assert found.least_ratio is not None
    assert found.least_ratio < FOUR_FIFTHS
    assert found.p_value > 0.5


def test_a_person_considered_a_hundred_times_is_one_person() -> None:
    found = impact(["a", "a", "b", "b"], [60, 50, 20, 30], [100] * 4)
    assert found.p_value > 0.1
    assert all(group.interval is None for group in found.groups)


def test_people_who_recur_raise_false_alarms_no_oftener_than_declared() -> None:
    luck = np.random.default_rng(5)
    alarms = 0
    for seed in range(200):
        habit = luck.beta(2, 2, 40)
        found = impact(
            list(luck.choice(["a", "b", "c"], 40)), luck.binomial(50, habit), [50] * 40, seed
        )
        alarms += found.p_value < 0.05
    assert alarms <= 20


def test_nobody_selected_gives_no_ratio() -> None:
    assert impact(["a", "b"], [0, 0], [1, 1]).least_ratio is None


def test_holm_corrects_as_published() -> None:
    assert holm({"x": 0.01, "y": 0.04, "z": 0.03}) == pytest.approx(
        {"x": 0.03, "y": 0.06, "z": 0.06}
    )
