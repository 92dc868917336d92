"""What stands in for a protected attribute is found and named; what does not is let through."""

from __future__ import annotations

import numpy as np
import pytest

from monitoring.proxies import ProxyTest, proxy_test

LEVEL = 0.01
NAMES = ("skill", "load", "tenure", "noise")


def told(seed: int, planted: float, people: int = 120) -> ProxyTest:
    """Simulated people; `planted` is how far the two groups lie apart in tenure, in deviations."""
    luck = np.random.default_rng(seed)
    group = luck.choice(["a", "b"], people)
    inputs = luck.normal(size=(people, len(NAMES)))
    inputs[:, 2] += planted * (group == "b")
    inputs[luck.random(inputs.shape) < 0.05] = np.nan
    return proxy_test(NAMES, inputs, list(group), seed)


def test_a_planted_feature_is_found_and_it_alone_is_named() -> None:
    for seed in range(3):
        found = told(seed, planted=1.5)
        assert found.together.p_value < LEVEL
        assert found.together.auc > 0.7
        assert [name for name, one in found.alone.items() if one.p_value < LEVEL] == ["tenure"]


def test_features_that_tell_only_together_are_found_together() -> None:
    """Each of twenty tells hardly more than chance; their sum tells a lot."""
    luck = np.random.default_rng(5)
    group = luck.choice(["a", "b"], 150)
    inputs = luck.normal(size=(150, 20)) + 0.3 * (group == "b")[:, None]
    found = proxy_test([f"f{n}" for n in range(20)], inputs, list(group))
    assert found.together.p_value < LEVEL
    assert found.together.auc > max(one.auc for one in found.alone.values())


def test_what_is_missing_for_one_group_only_tells_it() -> None:
    luck = np.random.default_rng(3)
    group = luck.choice(["a", "b"], 80)
    inputs = luck.normal(size=(80, 2))
    inputs[group == "a", 0] = np.nan
    found = proxy_test(("x", "y"), inputs, list(group))
    assert found.together.auc > 0.95
    assert found.alone["x"].p_value < LEVEL < found.alone["y"].p_value


def test_one_group_cannot_be_tested() -> None:
    with pytest.raises(ValueError, match="1 groups"):
        proxy_test(("x",), np.ones((9, 1)), ["a"] * 9)
