"""From training rows to a fitted XGBoost model, the same one for the same rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import xgboost
from numpy.typing import NDArray

from firm.errors import CannotTrain
from firm.workflow import Workflow
from training.offset import ATTRIBUTE, Offset
from training.rows import Floats, TrainingRows


@dataclass(frozen=True, slots=True)
class Fitted:
    """A model in memory with what it was made from.

    Attributes:
        base_rate: share of the training rows whose outcome is 1; the constant to beat.
        parameters: as they were handed to XGBoost.
        offset: what the trees deviate from, where that is declared.
    """

    booster: xgboost.Booster
    names: tuple[str, ...]
    base_rate: float
    rows: int
    rounds: int
    parameters: dict[str, Any]
    offset: Offset | None = None

    def predict(self, features: Floats) -> Floats:
        """Probabilities (n) of a matrix (n, len(names)) with NaN where a value is missing."""
        data = _data(features, self.names, self.offset)
        return self.booster.predict(data).astype(np.float64)

    def contributions(self, features: Floats) -> Floats:
        """Exact TreeSHAP values (n, len(names) + 1) in log-odds; the last column is the bias."""
        data = _data(features, self.names, self.offset)
        shap = self.booster.predict(data, pred_contribs=True)
        return shap.astype(np.float64)


def fit(workflow: Workflow, rows: TrainingRows, nthread: int = 1) -> Fitted:
    """Fit the declared model on rows whose outcomes are all known, or estimated.

    One thread by default: sums in another order give another last bit.

    Raises:
        CannotTrain: there is no row, an outcome is unknown, or all outcomes are alike.
    """
    _check(workflow, rows)
    used = parameters(workflow, nthread)
    offset = _offset(workflow, rows)
    data = _data(rows.features, rows.names, offset, rows.outcome)
    booster = xgboost.train(used, data, num_boost_round=workflow.model.rounds)
    if offset is not None:
        booster.set_attr(**{ATTRIBUTE: offset.to_json()})
    return Fitted(
        booster=booster,
        names=rows.names,
        base_rate=float(rows.outcome.mean()),
        rows=len(rows),
        rounds=workflow.model.rounds,
        parameters=used,
        offset=offset,
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


def _offset(workflow: Workflow, rows: TrainingRows) -> Offset | None:
    feature = workflow.model.offset_by
    if feature is None:
        return None
    return Offset.learn(rows.names, feature, rows.features, rows.outcome)


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
    features: Floats,
    names: tuple[str, ...],
    offset: Offset | None,
    outcome: NDArray[np.float64] | None = None,
) -> xgboost.DMatrix:
    """The data as XGBoost takes them: 32-bit, as they are served."""
    seen = features if offset is None else offset.hide(features)
    return xgboost.DMatrix(
        seen.astype(np.float32),
        label=outcome,
        base_margin=None if offset is None else offset.margin(features),
        feature_names=list(names),
        nthread=1,
    )
