"""What is promised is told as a budget: what is left of the room for misses, in words."""

from __future__ import annotations

import pytest

from headway.alert_words import budget_in_words
from monitoring import slo
from monitoring.standing import promised


@pytest.mark.parametrize(
    ("promise", "words"),
    [
        (slo.freshness(0, 0), "nothing to count yet"),
        (slo.freshness(0, 1_000), "100% left: 0 of 1,000 missed it, 1% may"),
        (slo.freshness(5, 1_000), "50% left: 5 of 1,000 missed it, 1% may"),
        (slo.labels(12, 110), "overspent, 1.1 times what may be: 12 of 110 missed it, 10% may"),
        (
            slo.freshness(30, 1_000),
            "overspent, 3.0 times what may be: 30 of 1,000 missed it, 1% may; "
            "broken, beyond chance",
        ),
    ],
)
def test_a_budget_is_told_in_words(promise: slo.Promise, words: str) -> None:
    assert budget_in_words(promised(promise)) == words
