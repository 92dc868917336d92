"""A planted proxy for a protected attribute is found; a fair model is let through."""

from __future__ import annotations

import numpy as np
import pytest

from monitoring.proxies import ProxyTest, proxy_test

ALPHA = 0.01
NAMES = ("skill", "load", "tenure", "noise")


def _people(seed: int, planted: float, people: int = 120) -> ProxyTest:
    """Simulated people; `planted` is how far the two groups lie apart in tenure, in deviations."""
    luck = np.random.default_rng(seed)
    group = luck.choice(["a", "b"], people)
    inputs = luck.normal(size=(people, len(NAMES)))
    inputs[:, 2] += planted * (group == "b")
    chance = 1 / (1 + np.exp(-inputs[:, 0] - inputs[:, 2]))
    outcome = (luck.random(people) < 1 / (1 + np.exp(-inputs[:, 0]))).astype(float)
    inputs[luck.random(inputs.shape) < 0.05] = np.nan
    return proxy_test(NAMES, inputs, list(group), chance, outcome, seed)


def _alarms(found: ProxyTest) -> bool:
    return min(found.p_value, found.score.p_value) < ALPHA


def test_a_planted_proxy_is_found_and_named_in_each_of_twenty_runs() -> None:
    found = [_people(seed, planted=1.5) for seed in range(20)]
    assert all(one.p_value < ALPHA for one in found)
    assert all(one.features["tenure"].p_value < ALPHA for one in found)
    assert all(one.score.p_value < ALPHA for one in found)


def test_of_twenty_fair_models_at_most_one_raises_an_alarm() -> None:
    assert sum(_alarms(_people(seed, planted=0.0)) for seed in range(20)) <= 1


def test_what_is_missing_for_one_group_only_tells_it() -> None:
    luck = np.random.default_rng(3)
    group = luck.choice(["a", "b"], 80)
    inputs = luck.normal(size=(80, 2))
    inputs[group == "a", 0] = np.nan
    found = proxy_test(("x", "y"), inputs, list(group), inputs[:, 1], np.zeros(80))
    assert found.auc > 0.95
    assert found.features["x"].p_value < ALPHA < found.features["y"].p_value


def test_one_group_cannot_be_tested() -> None:
    with pytest.raises(ValueError, match="1 groups"):
        proxy_test(("x",), np.ones((9, 1)), ["a"] * 9, np.ones(9), np.ones(9))
