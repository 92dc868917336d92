"""Figures in words: what is left of the room for misses, and how each group fares."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pytest

from headway.alert_words import MOST_GROUPS, budget_in_words, groups_in_words
from monitoring import slo
from monitoring.parts import LEAST
from monitoring.rates import Rate
from monitoring.standing import promised
from monitoring.words import percent


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


def part(name: str, judged: int = 80) -> dict[str, Any]:
    few = judged < LEAST
    share = None if few else asdict(Rate(0.6, 0.481, 0.708, 60))
    wrong = {"false_positives": 24, "false_negatives": 3}
    shares = {"precision": share, "recall": None, "too_few": few}
    return {"by": "owner", "name": name, "judged": judged, **wrong, **shares}


def test_each_group_is_told_in_a_line_and_small_ones_as_too_few() -> None:
    dash = percent(None)
    assert groups_in_words([part("DDC"), part("DOT", 7)]) == {
        "by owner": {
            "DDC": "80 judged: 24 false alerts, 3 missed; precision 60.0% (48.1% to 70.8%), "
            f"recall {dash}",
            "DOT": "7 judged, too few to tell",
        }
    }
    many = groups_in_words([part(f"agency {n}") for n in range(MOST_GROUPS + 5)])["by owner"]
    assert len(many) == MOST_GROUPS + 1
    assert many["others"] == "`--json` has them"
