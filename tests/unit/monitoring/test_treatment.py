"""An alert that is acted on may prevent its label; precision is told as had it been left alone."""

from __future__ import annotations

import numpy as np
import pytest

from monitoring.cases import Cases
from monitoring.treatment import judge_treated
from tests.unit.monitoring.simulated import THRESHOLD, cases, remedied


@pytest.mark.parametrize("seed", [1, 2, 3, 4, 5])
def test_a_holdout_gives_the_precision_back_that_remediation_hides(seed: int) -> None:
    """Remediation prevents 70 %; a tenth of the subjects is left alone."""
    some, would, alert = remedied(seed, holdout=0.1)
    truth = float(would[alert].mean())
    recall = float(alert[would == 1].mean())
    found = judge_treated(some, THRESHOLD)
    assert found.basis == "holdout"
    assert found.precision
    assert found.naive_precision
    assert found.recall
    assert found.naive_recall
    assert found.precision.share == pytest.approx(truth, abs=0.03)
    assert found.precision.low <= truth <= found.precision.high
    assert found.recall.share == pytest.approx(recall, abs=0.03)
    assert abs(found.naive_precision.share - truth) > 0.3
    assert abs(found.naive_recall.share - recall) > 0.1


def test_alerts_passed_over_by_their_score_are_weighted_by_it() -> None:
    """Nobody declared a holdout, and high scores are acted on more often than low ones: to take
    the untreated as they are would understate the precision."""
    some, would, alert = remedied(6, holdout=0.0)
    rng = np.random.default_rng(7)
    treated = alert & (rng.random(len(some)) < np.clip(2 * some.score - 0.75, 0.1, 0.95))
    outcome = np.where(treated & (rng.random(len(some)) < 0.7), 0.0, would)
    found = judge_treated(
        Cases(some.as_of, some.score, outcome, some.known_at, treated, some.held), THRESHOLD
    )
    truth = float(would[alert].mean())
    assert found.basis == "untreated"
    assert found.precision
    assert found.untreated
    assert found.precision.share == pytest.approx(truth, abs=0.03)
    assert abs(found.untreated.share - truth) > 0.03


def test_treated_and_untreated_alerts_are_told_apart() -> None:
    found = judge_treated(
        cases(
            score=[0.9] * 6 + [0.1] * 2,
            outcome=[0, 0, 0, 1, 1, 1, 1, 0],
            treated=[True] * 4 + [False] * 4,
        ),
        THRESHOLD,
    )
    assert found.treated
    assert found.untreated
    assert found.precision
    assert (found.treated.share, found.treated.n) == (0.25, 4)
    assert (found.untreated.share, found.untreated.n) == (1.0, 2)
    assert found.precision.share == 1.0


def test_where_every_alert_was_acted_on_nothing_is_claimed() -> None:
    found = judge_treated(cases(score=[0.9], outcome=[0], treated=[True]), THRESHOLD)
    assert (found.basis, found.precision, found.recall, found.covered) == ("none", None, None, 0.0)


def test_without_an_alert_there_is_nothing_to_judge() -> None:
    found = judge_treated(cases(score=[0.1], outcome=[1]), THRESHOLD)
    assert found.naive_precision is None
    assert found.precision is None
    assert found.naive_recall
    assert found.naive_recall.share == 0.0
