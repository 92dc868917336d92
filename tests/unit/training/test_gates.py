"""Each gate closes when its figure is on the wrong side, and says so."""

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
import pytest

from firm.errors import GateFailed
from firm.workflow import Gates, Row, Slices
from tests.unit.training.small import WORKFLOW
from training.contest import Contest
from training.fit import Fitted
from training.gates import LARGEST_DIFFERENCE, check, require, serving_difference
from training.judge import Judgement
from training.quality import Quality
from training.rows import TrainingRows
from training.trial import Trial

STRICT = WORKFLOW.model_copy(
    update={
        "model": WORKFLOW.model.model_copy(
            update={
                "gates": Gates(
                    auc=0.7,
                    pr_auc=0.5,
                    calibration_error=0.1,
                    least_rows=50,
                    slices=Slices(by=("part",), auc=0.6),
                )
            }
        )
    }
)
GOOD = Quality(
    n=100,
    base_rate=0.4,
    auc=0.8,
    pr_auc=0.6,
    brier=0.18,
    constant=0.4,
    constant_brier=0.24,
    calibration_error=0.05,
    log_loss=0.5,
)


def judged(
    found: Quality = GOOD,
    contest: Contest | str = "no version is live",
    **slices: Quality,
) -> Judgement:
    none = np.empty(0)
    return Judgement(Trial(none, none, none, found), {}, {"part": slices}, contest)


def test_good_figures_pass() -> None:
    results = check(STRICT, judged(), difference=0.0)
    assert all(result.passed for result in results)
    require(results, "1")


@pytest.mark.parametrize(
    ("wrong", "gate"),
    [
        ({"n": 49}, "rows"),
        ({"auc": 0.69}, "AUC"),
        ({"auc": None}, "AUC"),
        ({"auc": float("nan")}, "AUC"),
        ({"pr_auc": 0.49}, "PR-AUC"),
        ({"brier": 0.24}, "Brier score"),
        ({"calibration_error": 0.11}, "calibration error"),
    ],
)
def test_a_figure_on_the_wrong_side_fails_its_gate_alone(wrong: dict[str, Any], gate: str) -> None:
    results = check(STRICT, judged(msgspec.structs.replace(GOOD, **wrong)), difference=0.0)
    assert [result.gate for result in results if not result.passed] == [gate]
    with pytest.raises(GateFailed, match=gate):
        require(results, "1")


def test_a_served_form_that_differs_fails() -> None:
    results = check(STRICT, judged(), difference=2 * LARGEST_DIFFERENCE)
    with pytest.raises(GateFailed, match="served form's difference is 2e-06"):
        require(results, "1")


def test_every_failed_gate_is_named() -> None:
    poor = msgspec.structs.replace(GOOD, auc=0.5, brier=0.3)
    with pytest.raises(GateFailed, match=r"version 7 .*AUC is 0.5, .*at least 0.7; Brier score"):
        require(check(STRICT, judged(poor), difference=0.0), "7")


def test_no_gate_checked_is_a_failure() -> None:
    with pytest.raises(GateFailed, match="no gate was checked"):
        require([], "1")


class Confused:
    """A served form that is right on complete rows and wrong where a value is missing."""

    version = "confused"

    def __init__(self, fitted: Fitted) -> None:
        self._fitted = fitted

    def predict(self, rows: Sequence[Row]) -> list[float]:
        features = np.array(rows, dtype=np.float64)
        wrong = np.isnan(features).any(axis=1) * 0.5
        scores: list[float] = (self._fitted.predict(features) + wrong).tolist()
        return scores


def test_the_served_form_is_tried_on_missing_values(rows: TrainingRows, fitted: Fitted) -> None:
    complete = rows.features[~np.isnan(rows.features).any(axis=1)]
    assert serving_difference(fitted, Confused(fitted), complete, seed=1) == 0.5


FLAT = msgspec.structs.replace(GOOD, brier=0.25, auc=0.59)


@pytest.mark.parametrize(
    ("part", "passed"),
    [
        (GOOD, True),
        (FLAT, False),
        (msgspec.structs.replace(FLAT, auc=0.6), True),
        (msgspec.structs.replace(FLAT, brier=0.239), True),
        (msgspec.structs.replace(FLAT, auc=None), False),
    ],
)
def test_a_slice_collapses_that_is_neither_better_than_its_constant_nor_ranked(
    part: Quality, passed: bool
) -> None:
    last = check(STRICT, judged(north=part), difference=0.0)[-1]
    assert "part north" in last.gate
    assert last.passed is passed


def test_a_slice_that_is_told_its_rate_alone_as_declared_has_not_collapsed() -> None:
    told = judged(north=FLAT)._replace(unranked=frozenset({"part north"}))
    last = check(STRICT, told, difference=0.0)[-1]
    assert last.passed
    assert "too little is known of it" in str(last)
    other = judged(north=FLAT)._replace(unranked=frozenset({"part south"}))
    assert not check(STRICT, other, difference=0.0)[-1].passed


def test_a_slice_with_hardly_any_of_one_outcome_tells_nothing() -> None:
    rare = msgspec.structs.replace(FLAT, base_rate=0.09)
    results = check(STRICT, judged(north=rare), difference=0.0)
    assert not any("north" in result.gate for result in results)


@pytest.mark.parametrize(("high", "passed"), [(0.0049, True), (0.005, False), (-0.01, True)])
def test_how_much_worse_than_the_champion_it_could_well_be_is_limited(
    high: float, passed: bool
) -> None:
    against = Contest("3", n=400, difference=0.0, low=-0.01, high=high, confidence=0.95)
    (result,) = [r for r in check(STRICT, judged(contest=against), 0.0) if "champion 3" in r.gate]
    assert result.passed is passed


def test_without_a_champion_it_is_said_that_none_was_there() -> None:
    (result,) = [r for r in check(STRICT, judged(), 0.0) if "champion" in r.gate]
    assert result.passed
    assert str(result).endswith("was not held against a limit: no version is live")
