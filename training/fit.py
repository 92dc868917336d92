"""From training rows to a fitted XGBoost model, the same one for the same rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import xgboost
from numpy.typing import NDArray

from firm.errors import CannotTrain
from firm.workflow import Workflow
from training.rows import Floats, TrainingRows


@dataclass(frozen=True, slots=True)
class Fitted:
    """A model in memory with what it was made from.

    Attributes:
        base_rate: share of the training rows whose outcome is 1; the constant to beat.
        parameters: as they were handed to XGBoost.
    """

    booster: xgboost.Booster
    names: tuple[str, ...]
    base_rate: float
    rows: int
    rounds: int
    parameters: dict[str, Any]

    def predict(self, features: Floats) -> Floats:
        """Probabilities (n) of a matrix (n, len(names)) with NaN where a value is missing."""
        return self.booster.predict(_data(features, self.names)).astype(np.float64)

    def contributions(self, features: Floats) -> Floats:
        """Exact TreeSHAP values (n, len(names) + 1) in log-odds; the last column is the bias."""
        shap = self.booster.predict(_data(features, self.names), pred_contribs=True)
        return shap.astype(np.float64)


def fit(workflow: Workflow, rows: TrainingRows, nthread: int = 1) -> Fitted:
    """Fit the declared model on rows whose outcomes are all known.

    One thread by default: sums in another order give another last bit.

    Raises:
        CannotTrain: there is no row, an outcome is unknown, or all outcomes are alike.
    """
    _check(workflow, rows)
    used = parameters(workflow, nthread)
    data = _data(rows.features, rows.names, rows.outcome)
    booster = xgboost.train(used, data, num_boost_round=workflow.model.rounds)
    return Fitted(
        booster=booster,
        names=rows.names,
        base_rate=float(rows.outcome.mean()),
        rows=len(rows),
        rounds=workflow.model.rounds,
        parameters=used,
    )


def parameters(workflow: Workflow, nthread: int = 1) -> dict[str, Any]:
    """The XGBoost parameters that a declaration means: its own, its constraints and its seed."""
    return {
        "tree_method": "hist",
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


def _data(
    features: Floats, names: tuple[str, ...], outcome: NDArray[np.float64] | None = None
) -> xgboost.DMatrix:
    """The data as XGBoost takes them: 32-bit, as they are served."""
    return xgboost.DMatrix(
        features.astype(np.float32), label=outcome, feature_names=list(names), nthread=1
    )
