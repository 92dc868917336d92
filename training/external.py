"""The declared model fitted on rows in files by XGBoost's external memory.

Memory holds a batch of rows and the gradients; the binned features lie in a cache on disk.
https://xgboost.readthedocs.io/en/stable/tutorials/external_memory.html
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import xgboost

from firm.errors import CannotTrain
from firm.workflow import Workflow
from training.data import learn_offset
from training.fit import Fitted, parameters
from training.material import Material
from training.offset import ATTRIBUTE, Offset
from training.partitions import Part
from training.rehearsal import Rehearsed, shifted
from training.rows import Floats

XGBOOST_BINS = 256
"""`max_bin`, where a declaration says nothing of it."""


def fit_external(
    workflow: Workflow, material: Material, rehearsed: Rehearsed | None = None, nthread: int = 1
) -> Fitted:
    """Fit by external memory, one thread by default: the same rows then give the same model.

    Raises:
        CannotTrain: there is no row, or all outcomes are alike.
    """
    prepared = prepare(workflow, material, rehearsed, nthread)
    with tempfile.TemporaryDirectory() as folder:
        batches = _Batches(material, prepared.offset, Path(folder))
        data = xgboost.ExtMemQuantileDMatrix(
            batches, max_bin=max_bin(prepared.parameters), nthread=nthread
        )
        booster = xgboost.train(prepared.parameters, data, num_boost_round=prepared.rounds)
        del data
    return finish(prepared, booster)


def prepare(
    workflow: Workflow, material: Material, rehearsed: Rehearsed | None, nthread: int = 1
) -> Fitted:
    """All of the fit but its trees; raises CannotTrain if there is nothing to learn from."""
    found = rehearsed or Rehearsed(workflow.model.rounds)
    outcome, values = material.columns(workflow.model.offset_by)
    if not len(outcome) or outcome.min() == outcome.max():
        raise CannotTrain(
            f"{workflow.slug}: {len(outcome):,} rows of {material.folder} are to be learnt from, "
            "and all their outcomes are alike; wait for the other outcome or choose a later cut"
        )
    return Fitted(
        booster=xgboost.Booster(),
        names=material.names,
        base_rate=float(outcome.mean()),
        rows=len(outcome),
        rounds=found.rounds,
        shift=found.shift,
        parameters=parameters(workflow, nthread),
        offset=_offset(workflow, material, values, outcome),
    )


def finish(prepared: Fitted, booster: xgboost.Booster) -> Fitted:
    """The fit with its trees, at the level that was found."""
    booster = shifted(booster, prepared.shift)
    if prepared.offset is not None:
        booster.set_attr(**{ATTRIBUTE: prepared.offset.to_json()})
    return replace(prepared, booster=booster)


def max_bin(parameters_: dict[str, Any]) -> int:
    """Into how many bins the values of a feature are sorted."""
    return int(parameters_.get("max_bin", XGBOOST_BINS))


def as_seen(part: Part, offset: Offset | None) -> dict[str, Any]:
    """What XGBoost is given of a batch: features, outcomes and, with an offset, where to start."""
    if offset is None:
        return {"data": part.features, "label": part.outcome}
    features = part.features.astype(np.float64)
    return {
        "data": offset.hide(features).astype(np.float32),
        "label": part.outcome,
        "weight": offset.weight(features),
        "base_margin": offset.margin(features),
    }


def _offset(
    workflow: Workflow, material: Material, values: Floats, outcome: Floats
) -> Offset | None:
    feature = workflow.model.offset_by or ""
    learnt = learn_offset(workflow, (feature,), values, outcome)
    return None if learnt is None else replace(learnt, column=material.names.index(feature))


class _Batches(xgboost.DataIter):
    """The batches of a material, as XGBoost asks for them."""

    def __init__(self, material: Material, offset: Offset | None, cache: Path) -> None:
        self._material = material
        self._offset = offset
        self._left: Iterator[Part] = iter(())
        super().__init__(cache_prefix=str(cache / "pages"))

    def reset(self) -> None:
        self._left = iter(self._material)

    def next(self, input_data: Callable[..., None]) -> bool:
        part = next(self._left, None)
        if part is None:
            return False
        names = list(self._material.names)
        input_data(feature_names=names, **as_seen(part, self._offset))
        return True
