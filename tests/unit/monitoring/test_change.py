"""A change is heard soon, and hardly ever where there is none: as seldom as was declared."""

from __future__ import annotations

import numpy as np
import pytest

from monitoring.change import ChangeDetector

LEVELS = 10


def listen(levels: np.ndarray, ties: np.ndarray, reference: np.ndarray, chance: float):
    """Feed a stream until the alarm."""
    detector = ChangeDetector(np.bincount(reference, minlength=LEVELS), chance)
    for level, tie in zip(levels.tolist(), ties.tolist(), strict=True):
        detector.see(level, tie)
        if detector.alarmed_at is not None:
            break
    return detector


def test_false_alarms_are_no_more_frequent_than_declared() -> None:
    """In 300 stationary streams, each of 600 values after 200 of training; 5 % are declared."""
    alarms = 0
    for seed in range(300):
        rng = np.random.default_rng(seed)
        values = rng.integers(0, 3, 800)
        found = listen(values[200:], rng.random(600), values[:200], chance=0.05)
        alarms += found.alarmed_at is not None
    assert alarms <= 0.05 * 300


@pytest.mark.parametrize("seed", range(5))
def test_a_fall_of_a_rate_is_heard_and_dated(seed: int) -> None:
    """From 60 % to 23 % after 1,000 values: heard within 150, and dated to within 60."""
    rng = np.random.default_rng(seed)
    before, after = rng.random(2_000) < 0.6, rng.random(1_000) < 0.23
    stream = np.concatenate([before[1_000:], after]).astype(int)
    found = listen(stream, rng.random(2_000), before[:1_000].astype(int), chance=0.0025)
    assert found.alarmed_at is not None
    assert 1_000 < found.alarmed_at <= 1_150
    assert abs(found.since - 1_000) <= 60


def test_without_training_a_change_is_heard_against_what_came_before() -> None:
    rng = np.random.default_rng(1)
    stream = np.concatenate([rng.integers(0, 5, 1_000), rng.integers(3, 10, 600)])
    found = listen(stream, rng.random(1_600), np.array([], dtype=int), chance=0.0025)
    assert found.alarmed_at is not None
    assert found.alarmed_at > 1_000


def test_a_short_run_of_like_cases_is_no_change() -> None:
    """Work comes in runs: 25 of the highest level, then as before."""
    rng = np.random.default_rng(2)
    usual = rng.integers(0, 5, 1_000)
    stream = np.concatenate([usual[:500], np.full(25, 9), usual[500:]])
    found = listen(stream, rng.random(1_025), rng.integers(0, 5, 1_000), chance=0.0025)
    assert found.alarmed_at is None
