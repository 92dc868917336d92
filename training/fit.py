"""From training rows to a fitted XGBoost model, the same one for the same rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import xgboost

from firm.errors import CannotTrain
from firm.workflow import Workflow
from training.data import learn_offset, to_xgboost
from training.offset import ATTRIBUTE, Offset
from training.rehearsal import rehearse, shifted
from training.rows import Floats, TrainingRows


@dataclass(frozen=True, slots=True)
class Fitted:
    """A model in memory with what it was made from.

    Attributes:
        base_rate: share of the training rows whose outcome is 1; the constant to beat.
        parameters: as they were handed to XGBoost.
        rounds: as they were declared, or found by the rehearsal.
        offset: what the trees deviate from, where that is declared.
        shift: of the log-odds, found by the rehearsal; it is part of the booster already.
    """

    booster: xgboost.Booster
    names: tuple[str, ...]
    base_rate: float
    rows: int
    rounds: int
    parameters: dict[str, Any]
    offset: Offset | None = None
    shift: float = 0.0

    def predict(self, features: Floats) -> Floats:
        """Probabilities (n) of a matrix (n, len(names)) with NaN where a value is missing."""
        data = to_xgboost(features, self.names, self.offset)
        found = self.booster.predict(data).astype(np.float64)
        return found if self.offset is None else self.offset.tell(features, found)

    def contributions(self, features: Floats) -> Floats:
        """Exact TreeSHAP values (n, len(names) + 1) in log-odds; the last column is the bias."""
        data = to_xgboost(features, self.names, self.offset)
        shap = self.booster.predict(data, pred_contribs=True).astype(np.float64)
        if self.offset is not None:
            alone = self.offset.is_alone(features)
            shap[alone] = 0.0
            shap[alone, -1] = self.offset.margin(features)[alone]
        return shap


def fit(workflow: Workflow, rows: TrainingRows, nthread: int = 1) -> Fitted:
    """Fit the declared model on rows whose outcomes are all known, or estimated.

    One thread by default: sums in another order give another last bit.

    Raises:
        CannotTrain: there is no row, an outcome is unknown, or all outcomes are alike.
    """
    _check(workflow, rows)
    used = parameters(workflow, nthread)
    rehearsed = rehearse(workflow, rows, used)
    offset = learn_offset(workflow, rows.names, rows.features, rows.outcome)
    data = to_xgboost(rows.features, rows.names, offset, rows.outcome)
    booster = xgboost.train(used, data, num_boost_round=rehearsed.rounds)
    booster = shifted(booster, rehearsed.shift)
    if offset is not None:
        booster.set_attr(**{ATTRIBUTE: offset.to_json()})
    return Fitted(
        booster=booster,
        names=rows.names,
        base_rate=float(rows.outcome.mean()),
        rows=len(rows),
        rounds=rehearsed.rounds,
        parameters=used,
        offset=offset,
        shift=rehearsed.shift,
    )


def parameters(workflow: Workflow, nthread: int = 1) -> dict[str, Any]:
    """The XGBoost parameters that a declaration means: its own, its constraints and its seed."""
    offset = {"base_score": 0.5} if workflow.model.offset_by else {}
    return {
        "tree_method": "hist",
        **offset,
        **workflow.model.parameters,
        "objective": "binary:logistic",
        "monotone_constraints": tuple(f.monotone for f in workflow.features),
        "seed": workflow.model.seed,
        "nthread": nthread,
    }


def _check(workflow: Workflow, rows: TrainingRows) -> None:
    if rows.names != workflow.feature_names:
        raise CannotTrain(
            f"the rows have features {list(rows.names)}, {workflow.slug} declares "
            f"{list(workflow.feature_names)}; replay the log again with this declaration"
        )
    if not len(rows) or np.isnan(rows.outcome).any():
        raise CannotTrain(
            f"{workflow.slug}: {len(rows):,} rows, {int(np.isnan(rows.outcome).sum()):,} of them "
            "without an outcome; fit on `rows.known_at(cut)` of a cut that leaves some"
        )
    if len(np.unique(rows.outcome)) < 2:
        raise CannotTrain(
            f"{workflow.slug}: all {len(rows):,} known outcomes are {rows.outcome[0]:g}; there is "
            "nothing to tell apart; wait for the other outcome or choose a later cut"
        )
