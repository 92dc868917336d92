"""What later rows tell of a model before it is fitted on all: when to stop, and its level.

The rows that judge a model are later still: none of them is ever rehearsed on.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import numpy as np
import xgboost

from firm.workflow import Workflow
from training.data import learn_offset, to_xgboost
from training.rows import Floats, TrainingRows

LATER = 0.2
"""Share of the rows, the latest asked, on which the rehearsal is judged."""
LEAST_LATER = 50
"""Rows; fewer tell less than what was declared."""
STEEPEST = 4.0
"""The largest shift that is looked for, in log-odds: from 2 % to 50 %."""


class Rehearsed(NamedTuple):
    """How many rounds to fit, and by how much to shift the log-odds."""

    rounds: int
    shift: float = 0.0


def rehearse(workflow: Workflow, rows: TrainingRows, parameters: dict[str, Any]) -> Rehearsed:
    """Fit on the earlier rows and look at the later ones, where the declaration asks for it.

    Where too few rows are later, or the earlier ones have one outcome only, what is declared stays.
    """
    spec = workflow.model
    declared = Rehearsed(spec.rounds)
    if spec.early_stopping is None and not spec.calibrated:
        return declared
    earlier, later = _parted(rows)
    if len(later) < LEAST_LATER or len(np.unique(earlier.outcome)) < 2:
        return declared
    offset = learn_offset(workflow, earlier.names, earlier.features, earlier.outcome)
    seen, unseen = (
        to_xgboost(part.features, part.names, offset, part.outcome) for part in (earlier, later)
    )
    booster = xgboost.train(
        {**parameters, "eval_metric": "logloss"},
        seen,
        num_boost_round=spec.rounds,
        evals=[(unseen, "later")] if spec.early_stopping else None,
        early_stopping_rounds=spec.early_stopping,
        verbose_eval=False,
    )
    rounds = booster.best_iteration + 1 if spec.early_stopping else spec.rounds
    if not spec.calibrated:
        return Rehearsed(rounds)
    log_odds = booster.predict(unseen, output_margin=True, iteration_range=(0, rounds))
    return Rehearsed(rounds, level_shift(log_odds.astype(np.float64), later.outcome))


def level_shift(log_odds: Floats, outcome: Floats) -> float:
    """By how much n log-odds have to be shifted for their mean probability to be the mean outcome.

    That is the shift of least log loss: its derivative is the difference of the two means.
    """
    low, high = -STEEPEST, STEEPEST
    while high - low > 1e-6:
        middle = (low + high) / 2
        if float(np.mean(1 / (1 + np.exp(-(log_odds + middle))))) < float(outcome.mean()):
            low = middle
        else:
            high = middle
    return (low + high) / 2


def shifted(booster: xgboost.Booster, shift: float) -> xgboost.Booster:
    """The same trees from another base score: the model file holds it, so whoever reads that
    scores alike."""
    if shift == 0.0:
        return booster
    model = json.loads(booster.save_raw("json"))
    learner = model["learner"]["learner_model_param"]
    (base,) = json.loads(learner["base_score"])
    odds = base / (1 - base) * float(np.exp(shift))
    learner["base_score"] = json.dumps([odds / (1 + odds)])
    moved = xgboost.Booster({"nthread": 1})
    moved.load_model(bytearray(json.dumps(model).encode()))
    return moved


def _parted(rows: TrainingRows) -> tuple[TrainingRows, TrainingRows]:
    start = np.quantile(rows.as_of, 1 - LATER, method="lower")
    return rows.where(rows.as_of < start), rows.where(rows.as_of >= start)
