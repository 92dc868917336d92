"""How much each feature adds to a registered version's score: exact TreeSHAP, in log-odds."""

from __future__ import annotations

from collections.abc import Callable

import xgboost

from firm.workflow import Workflow
from training.fit import Fitted
from training.offset import ATTRIBUTE, Offset
from training.registered import RegisteredVersion
from training.rows import Floats
from training.scorer import checked_bytes


def explainer(workflow: Workflow, version: RegisteredVersion) -> Callable[[Floats], Floats]:
    """From rows (n, m) the contributions (n, m) of their features.

    Raises:
        ModelRefused: the file is not what was registered.
    """
    booster = xgboost.Booster({"nthread": 1})
    booster.load_model(bytearray(checked_bytes(version.path, version.sha256, version.size)))
    text, names = booster.attr(ATTRIBUTE), workflow.feature_names
    offset = Offset.from_json(text, names) if text else None
    fitted = Fitted(booster, names, base_rate=0.0, rows=0, rounds=0, parameters={}, offset=offset)
    return lambda features: fitted.contributions(features)[:, :-1]
