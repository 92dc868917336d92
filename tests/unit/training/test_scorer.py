"""A file scores only if it is the registered one, and then exactly as the model in memory."""

import hashlib
import json
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from firm.errors import ModelRefused
from tests.unit.training.small import WORKFLOW
from training.fit import Fitted
from training.gates import LARGEST_DIFFERENCE, serving_difference
from training.rows import TrainingRows
from training.scorer import FileScorer

NAMES = WORKFLOW.feature_names


@pytest.fixture
def model(tmp_path: Path, fitted: Fitted) -> Path:
    path = tmp_path / "model.ubj"
    fitted.booster.save_model(path)
    return path


def load(path: Path, names: tuple[str, ...] = NAMES) -> FileScorer:
    """As if the file had been registered as it is."""
    content = path.read_bytes()
    return FileScorer(path, hashlib.sha256(content).hexdigest(), len(content), names, "1")


def test_it_scores_as_the_model_in_memory(model: Path, rows: TrainingRows, fitted: Fitted) -> None:
    assert np.isnan(rows.features).any()
    difference = serving_difference(fitted, load(model), rows.features, seed=3)
    assert difference <= LARGEST_DIFFERENCE


def test_a_row_scores_the_same_alone_and_among_others(model: Path, rows: TrainingRows) -> None:
    scorer = load(model)
    batch = [tuple(row) for row in rows.features.tolist()]
    assert scorer.predict(batch)[5] == scorer.predict(batch[5:6])[0]


def test_none_is_a_missing_value(model: Path) -> None:
    scorer = load(model)
    nan = float("nan")
    assert scorer.predict([(None, 1.0, 2.0, 0.5)]) == scorer.predict([(nan, 1.0, 2.0, 0.5)])


def test_no_rows_have_no_scores(model: Path) -> None:
    assert load(model).predict([]) == []


def test_a_row_of_another_width_is_refused(model: Path) -> None:
    with pytest.raises(ModelRefused, match="rows of 4 features"):
        load(model).predict([(1.0, 2.0)])


def test_another_hash_is_refused(model: Path) -> None:
    with pytest.raises(ModelRefused, match="the file was changed"):
        FileScorer(model, "0" * 64, model.stat().st_size, NAMES, "1")


def test_one_changed_byte_is_refused(model: Path) -> None:
    content = bytearray(model.read_bytes())
    registered = hashlib.sha256(content).hexdigest()
    content[-20] ^= 1
    model.write_bytes(content)
    with pytest.raises(ModelRefused, match="the file was changed"):
        FileScorer(model, registered, len(content), NAMES, "1")


def test_a_truncated_file_is_refused(model: Path) -> None:
    content = model.read_bytes()
    model.write_bytes(content[:-100])
    with pytest.raises(ModelRefused, match="was cut off"):
        FileScorer(model, hashlib.sha256(content).hexdigest(), len(content), NAMES, "1")


def test_a_truncated_file_that_was_registered_so_is_refused(model: Path) -> None:
    model.write_bytes(model.read_bytes()[:-100])
    with pytest.raises(ModelRefused, match="XGBoost refuses"):
        load(model)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelRefused, match="cannot be read"):
        FileScorer(tmp_path / "model.ubj", "0" * 64, 1, NAMES, "1")


@pytest.mark.parametrize("names", [NAMES[::-1], NAMES[:3], (*NAMES, "more")])
def test_a_model_of_other_features_is_refused(model: Path, names: tuple[str, ...]) -> None:
    with pytest.raises(ModelRefused, match="was fitted on"):
        load(model, names)


class Trap:
    """Unpickling it raises, so that a test sees if anybody does."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return exec, ("raise SystemExit('a pickle was loaded')",)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_by_the_name_of_a_model_is_refused(tmp_path: Path, protocol: int) -> None:
    path = tmp_path / "model.ubj"
    path.write_bytes(pickle.dumps(Trap(), protocol))
    with pytest.raises(ModelRefused, match="is no UBJSON"):
        load(path)


@pytest.mark.parametrize("content", [b"{}", b"{garbage", json.dumps({"learner": {}}).encode()])
def test_what_is_no_model_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "model.ubj"
    path.write_bytes(content)
    with pytest.raises(ModelRefused, match="XGBoost refuses"):
        load(path)


def test_scoring_imports_nothing_heavy() -> None:
    heavy = {"mlflow", "pandas", "sklearn", "scipy", "xgboost", "pyarrow", "polars"}
    script = "import sys, training.registered; print(*sys.modules)"
    out = subprocess.run(  # noqa: S603 - our own script
        [sys.executable, "-c", script], check=True, capture_output=True, text=True
    ).stdout
    assert heavy.isdisjoint(out.split())
