"""Figures are taken from cohorts that are old enough; what is merely known by now misleads."""

from __future__ import annotations

import numpy as np
import pytest

from firm.time import DAY
from monitoring.cases import Cases
from monitoring.maturity import maturity_curve
from tests.unit.monitoring.simulated import NOW, THRESHOLD, cases, delayed

MATURITY_DAYS = 30.0


def figures(some: Cases) -> dict[str, float]:
    """The share that happens, precision, recall and Brier score of the known outcomes."""
    known = some.where(some.known)
    alert, happened = known.score >= THRESHOLD, known.outcome == 1
    return {
        "rate": float(happened.mean()),
        "precision": float(happened[alert].mean()),
        "recall": float(alert[happened].mean()),
        "brier": float(np.mean((known.score - known.outcome) ** 2)),
    }


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_matured_cohorts_agree_with_the_truth_and_what_is_known_so_far_does_not(seed: int) -> None:
    """With outcomes that come late if it happens, over 60 days of which 30 have matured."""
    truth = delayed(seed, count=200_000)
    whole = figures(truth.whole)
    matured = figures(truth.seen.matured(NOW, MATURITY_DAYS))
    naive = figures(truth.seen)
    assert matured == pytest.approx(whole, abs=0.01)
    off = {name: abs(naive[name] - whole[name]) for name in ("rate", "precision")}
    assert min(off.values()) > 0.02, (whole, matured, naive)


def test_the_curve_is_that_of_kaplan_and_meier_worked_out_by_hand() -> None:
    """Known after 1 and 3 days; two wait, since 2 and 4 days: 1/4, then half of those left."""
    days = np.array([10, 10, 2, 4]) * DAY
    waiting = cases(
        score=[0.5] * 4,
        outcome=[1, 0, np.nan, np.nan],
        as_of=NOW - days,
        known_at=[NOW - 9 * DAY, NOW - 7 * DAY, NOW + DAY, NOW + DAY],
    )
    curve = maturity_curve(waiting, NOW)
    assert curve.age.tolist() == [1.0, 3.0]
    assert curve.share.tolist() == pytest.approx([1 / 4, 1 - 3 / 4 * 1 / 2])
    assert curve.known_by(0.5) == 0.0
    assert curve.known_by(2.0) == pytest.approx(0.25)
    assert curve.age_at(0.6) == 3.0
    assert curve.age_at(0.9) is None


def test_the_curve_tells_the_delays_that_were_simulated() -> None:
    """The share known by an age, from 60 days of which most have not matured."""
    truth = delayed(4)
    curve = maturity_curve(truth.seen, NOW)
    for days in (1.0, 5.0, 10.0, 20.0):
        really = float(np.mean(truth.whole.known_at - truth.whole.as_of <= days * DAY))
        assert curve.known_by(days) == pytest.approx(really, abs=0.01)


def test_nothing_is_known_of_a_label_that_never_came() -> None:
    curve = maturity_curve(cases(score=[0.2]), NOW)
    assert curve.known_by(10.0) is None
    assert curve.age_at(0.5) is None


def test_what_was_known_later_is_hidden_at_an_instant() -> None:
    some = cases(score=[0.1, 0.2, 0.3], outcome=[1, 0, 1], as_of=[1, 2, 9], known_at=[3, 8, 10])
    seen = some.seen_at(5)
    assert seen.as_of.tolist() == [1, 2]
    assert seen.known.tolist() == [True, False]
