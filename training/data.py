"""Training rows as XGBoost takes them."""

from __future__ import annotations

import numpy as np
import xgboost

from firm.workflow import Workflow
from training.offset import Offset
from training.rows import Floats, TrainingRows


def learn_offset(workflow: Workflow, rows: TrainingRows) -> Offset | None:
    """What the trees are to deviate from, by these rows; None where that is not declared."""
    feature = workflow.model.offset_by
    if feature is None:
        return None
    return Offset.learn(rows.names, feature, rows.features, rows.outcome)


def to_xgboost(
    features: Floats,
    names: tuple[str, ...],
    offset: Offset | None,
    outcome: Floats | None = None,
) -> xgboost.DMatrix:
    """A matrix (n, len(names)), 32-bit as it is served, with its outcomes (n) if they are known."""
    seen = features if offset is None else offset.hide(features)
    return xgboost.DMatrix(
        seen.astype(np.float32),
        label=outcome,
        base_margin=None if offset is None else offset.margin(features),
        feature_names=list(names),
        nthread=1,
    )
