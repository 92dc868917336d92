"""Training rows as XGBoost takes them."""

from __future__ import annotations

import numpy as np
import xgboost

from firm.workflow import Workflow
from training.offset import Offset
from training.rows import Floats


def learn_offset(
    workflow: Workflow, names: tuple[str, ...], features: Floats, outcome: Floats
) -> Offset | None:
    """What the trees are to deviate from, by n rows; None where that is not declared."""
    spec = workflow.model
    if spec.offset_by is None:
        return None
    return Offset.learn(
        names, spec.offset_by, features, outcome, spec.offset_prior, spec.offset_least
    )


def to_xgboost(
    features: Floats,
    names: tuple[str, ...],
    offset: Offset | None,
    outcome: Floats | None = None,
) -> xgboost.DMatrix:
    """A matrix (n, len(names)), 32-bit as it is served, with its outcomes (n) if they are known.

    Where they are, the rows that an offset tells alone weigh nothing: trees do not learn of them.
    """
    seen = features if offset is None else offset.hide(features)
    return xgboost.DMatrix(
        seen.astype(np.float32),
        label=outcome,
        weight=None if outcome is None or offset is None else offset.weight(features),
        base_margin=None if offset is None else offset.margin(features),
        feature_names=list(names),
        nthread=1,
    )
