"""The impact ratio and its test: what is adverse is found, what chance makes is not."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import fisher_exact  # type: ignore[import-untyped]  # SciPy carries no types

from monitoring.impact import GroupImpact, holm, impact

LEVEL = 0.01


def of(found: tuple[GroupImpact, ...], group: str) -> GroupImpact:
    return next(one for one in found if one.group == group)


def test_the_ratio_is_that_of_the_guidelines_example() -> None:
    """EEOC, Questions and Answers on the Uniform Guidelines (1979), 12: 48 of 80 and 12 of 40."""
    chosen = [1] * 48 + [0] * 32 + [1] * 12 + [0] * 28
    found = impact(["white"] * 80 + ["black"] * 40, chosen, [1] * 120, LEVEL)
    black = of(found, "black")
    assert black.ratio == pytest.approx(0.5)
    exact = fisher_exact([[12, 28], [48, 32]], alternative="less").pvalue
    assert black.p_value == pytest.approx(exact)
    assert of(found, "white").ratio == 1


def test_a_low_ratio_of_few_people_is_not_judged() -> None:
    """Had none of five been shown, chance would have done so in one of forty-two such years."""
    found = impact(["a"] * 5 + ["b"] * 5, [1, 1, 1, 1, 0, 0, 0, 0, 0, 0], [1] * 10, LEVEL)
    assert (of(found, "b").rate, of(found, "b").p_value) == (0, None)
    assert [one.p_value for one in found] == [None, None]


def test_of_fewer_than_five_people_no_figure_is_told() -> None:
    found = impact(["a"] * 40 + ["b"] * 4, [1] * 20 + [0] * 24, [1] * 44, LEVEL)
    small = of(found, "b")
    assert (small.people, small.shown, small.rate, small.ratio, small.p_value) == (4, *[None] * 4)


def test_a_person_considered_a_hundred_times_is_one_person() -> None:
    """The counts would be far beyond chance, were each of them a person."""
    shown = [60, 50, 40, 30, 20, 55, 45, 35, 25, 10]
    found = impact(["a"] * 5 + ["b"] * 5, shown, [100] * 10, level=0.2)
    low = of(found, "b")
    assert low.ratio is not None
    assert low.ratio < 0.9
    assert low.p_value is not None
    assert low.p_value > 0.1


def test_a_group_that_is_shown_half_as_often_is_found_though_its_people_recur() -> None:
    luck = np.random.default_rng(3)
    shown = [*luck.binomial(50, 0.6, 30), *luck.binomial(50, 0.3, 30)]
    found = impact(["a"] * 30 + ["b"] * 30, shown, [50] * 60, LEVEL)
    low = of(found, "b")
    assert low.ratio == pytest.approx(0.5, abs=0.1)
    assert low.p_value is not None
    assert low.p_value < 0.001


def test_people_who_recur_raise_false_alarms_no_oftener_than_declared() -> None:
    luck, alarms = np.random.default_rng(5), 0
    for seed in range(100):
        habit = luck.beta(2, 2, 40)
        groups, shown = list(luck.choice(["a", "b", "c"], 40)), luck.binomial(50, habit)
        found = impact(groups, shown.tolist(), [50] * 40, 0.05, seed)
        p_values = {one.group: one.p_value for one in found if one.p_value is not None}
        alarms += min(holm(p_values).values(), default=1.0) < 0.05
    assert alarms <= 10


def test_where_nobody_is_shown_nothing_is_judged() -> None:
    found = impact(["a"] * 9 + ["b"] * 9, [0] * 18, [1] * 18, LEVEL)
    assert [(one.ratio, one.p_value) for one in found] == [(None, None)] * 2


def test_who_was_shown_oftener_than_considered_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="no oftener"):
        impact(["a"], [2], [1], LEVEL)


def test_holm_corrects_as_published() -> None:
    assert holm({"x": 0.01, "y": 0.04, "z": 0.03}) == pytest.approx(
        {"x": 0.03, "y": 0.06, "z": 0.06}
    )
