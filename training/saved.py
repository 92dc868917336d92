"""A model in a folder as MLflow keeps it: `model.ubj`, its signature, an example of its input."""

from __future__ import annotations

import platform
from pathlib import Path
from typing import Any

from training import quiet  # noqa: F401 - has to come before mlflow
from training.fit import Fitted
from training.rows import TrainingRows

# isort: split
import mlflow.xgboost
import pandas as pd
import xgboost
from mlflow.models import Model, ModelSignature
from mlflow.types import ColSpec, DataType, Schema

EXAMPLE_ROWS = 3


def save(fitted: Fitted, rows: TrainingRows, folder: Path) -> bytes:
    """Save the XGBoost flavour in a new folder; returns what `model.ubj` holds.

    `pyfunc`, which data scientists reach for, scores like the service, or not at all: it knows
    nothing of an offset, so a model with one has no such flavour.
    """
    names = rows.names
    signature = ModelSignature(
        inputs=Schema([ColSpec(DataType.float, name, required=False) for name in names]),
        outputs=Schema([ColSpec(DataType.float)]),
    )
    example = pd.DataFrame(rows.features[:EXAMPLE_ROWS].astype("float32"), columns=list(names))
    mlflow.xgboost.save_model(
        fitted.booster,
        folder,
        signature=signature,
        input_example=example,
        conda_env=_environment(),
        model_format="ubj",
    )
    if fitted.offset is not None:
        _without_pyfunc(folder)
    return (folder / "model.ubj").read_bytes()


def _without_pyfunc(folder: Path) -> None:
    described = Model.load(folder)
    del described.flavors[mlflow.pyfunc.FLAVOR_NAME]
    described.save(folder / "MLmodel")


def _environment() -> dict[str, Any]:
    """What loads the model elsewhere; said outright, so that MLflow does not go and find out."""
    return {
        "name": "headway",
        "channels": ["conda-forge"],
        "dependencies": [
            f"python={platform.python_version()}",
            {"pip": [f"xgboost=={xgboost.__version__}"]},
        ],
    }
