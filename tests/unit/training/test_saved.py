"""What MLflow's own loader makes of a model: the scores of the service, or none."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.unit.training.small import WORKFLOW
from training.fit import fit
from training.rows import TrainingRows
from training.saved import save

# isort: split
import mlflow
from mlflow.exceptions import MlflowException

# MLflow complains of its own type hints, the first time that it loads what this takes.
pytestmark = pytest.mark.filterwarnings("ignore:.*Any type hint is inferred as AnyType")

OFFSET = WORKFLOW.model_copy(
    update={"model": WORKFLOW.model.model_copy(update={"offset_by": "reports"})}
)


def test_it_scores_as_the_service_does(rows: TrainingRows, tmp_path: Path) -> None:
    fitted = fit(WORKFLOW, rows.labelled())
    save(fitted, rows, tmp_path / "model")
    given = pd.DataFrame(rows.features.astype("float32"), columns=list(rows.names))
    found = mlflow.pyfunc.load_model(str(tmp_path / "model")).predict(given)
    assert np.abs(found - fitted.predict(rows.features)).max() < 1e-6


def test_it_has_none_of_a_model_with_an_offset_which_it_would_leave_out(
    rows: TrainingRows, tmp_path: Path
) -> None:
    save(fit(OFFSET, rows.labelled()), rows, tmp_path / "model")
    with pytest.raises(MlflowException, match='does not have the "python_function" flavor'):
        mlflow.pyfunc.load_model(str(tmp_path / "model"))
