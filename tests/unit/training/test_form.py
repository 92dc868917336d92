"""The quickest form of a model scores as XGBoost does, and nothing unsound is ever walked."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xgboost
from structlog.testing import capture_logs

from firm.errors import ModelRefused
from training import walker
from training.form import XgboostForm, check_rows, quickest_form
from training.libxgboost import Booster
from training.trees import read_trees
from training.walker import Walker

COLUMNS = 6
Change = Callable[[dict[str, Any]], object]


def data(rows: int = 3_000) -> tuple[Any, Any]:
    rng = np.random.default_rng(7)
    features = rng.normal(size=(rows, COLUMNS)).astype(np.float32)
    features[rng.random(features.shape) < 0.2] = np.nan
    outcome = np.nan_to_num(features[:, 0] + features[:, 1] * features[:, 2]) > 0.3
    return features, outcome


def trained(**parameters: object) -> Any:
    told = {"objective": "binary:logistic", "max_depth": 5, "eta": 0.3, "nthread": 1, "seed": 1}
    return xgboost.train(told | parameters, xgboost.DMatrix(*data()), 37)


def loaded(model: Any) -> Booster:
    return Booster(bytes(model.save_raw("ubj")))


PARAMETERS: list[dict[str, object]] = [
    {},
    {"max_depth": 1},
    {"max_depth": 0, "grow_policy": "lossguide", "max_leaves": 40},
    {"gamma": 2.0},
    {"base_score": 0.93},
    {"scale_pos_weight": 7, "monotone_constraints": "(1,0,0,0,0,0)"},
    {"num_parallel_tree": 3, "subsample": 0.5},
    {"tree_method": "exact"},
]


@pytest.mark.parametrize("parameters", PARAMETERS, ids=str)
def test_the_walker_gives_the_bits_that_xgboost_gives(parameters: dict[str, object]) -> None:
    model = trained(**parameters)
    booster = loaded(model)
    form = quickest_form(booster, COLUMNS, "1")
    assert isinstance(form, Walker)
    trees = read_trees(booster.to_json(), COLUMNS)
    assert trees
    rows = [*check_rows(trees, COLUMNS), *map(tuple, data()[0].tolist())]
    rows += [(1e300, -1e300, float("inf"), float("-inf"), 0.0, -0.0), (None,) * COLUMNS]
    exact = XgboostForm(booster)
    assert form.margins(rows) == exact.margins(rows)
    assert np.abs(np.subtract(form.predict(rows), exact.predict(rows))).max() <= 1.2e-7


def test_a_split_is_passed_to_the_right_and_a_missing_value_by_default() -> None:
    model = trained(max_depth=1)
    trees = read_trees(loaded(model).to_json(), COLUMNS)
    assert trees
    rows = np.array(check_rows(trees, COLUMNS))
    assert np.isnan(rows).any()
    assert np.isin(rows[:, 0], trees.nodes["split"]).any(), "no row stands exactly at a split"


def changed(change: Change) -> bytes:
    found = json.loads(loaded(trained()).to_json())
    change(found["learner"]["gradient_booster"]["model"]["trees"][0])
    return json.dumps(found).encode()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda tree: tree["left_children"].__setitem__(0, 10**6), "out of its tree"),
        (lambda tree: tree["left_children"].__setitem__(1, 0), "out of its tree"),
        (lambda tree: tree["right_children"].__setitem__(0, -7), "out of its tree"),
        (lambda tree: tree["left_children"].__setitem__(1, 1), "lead to the same one"),
        (lambda tree: tree["right_children"].__setitem__(0, 1), "lead to the same one"),
        (lambda tree: tree["split_indices"].__setitem__(0, COLUMNS), "beyond the 6"),
        (lambda tree: tree["split_indices"].__setitem__(0, -1), "beyond the 6"),
        (lambda tree: tree["split_conditions"].pop(), "differ in the length"),
        (lambda tree: [tree[name].clear() for name in tree if isinstance(tree[name], list)], "len"),
    ],
)
def test_trees_that_lead_astray_are_refused(change: Change, words: str) -> None:
    with pytest.raises(ModelRefused, match=words):
        read_trees(changed(change), COLUMNS)


@pytest.mark.parametrize(
    "parameters",
    [{"booster": "dart", "rate_drop": 0.5}, {"objective": "reg:squarederror"}],
    ids=str,
)
def test_other_kinds_of_models_are_left_to_xgboost(parameters: dict[str, object]) -> None:
    booster = loaded(trained(**parameters))
    with capture_logs() as logged:
        form = quickest_form(booster, COLUMNS, "1")
    assert isinstance(form, XgboostForm)
    assert logged[0]["why"] == "its kind of model is read by XGBoost alone"


def test_a_walker_that_differs_does_not_score(monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(self: Walker, rows: list[object]) -> list[float]:
        return [0.25] * len(rows)

    monkeypatch.setattr(Walker, "predict", wrong)
    with capture_logs() as logged:
        assert isinstance(quickest_form(loaded(trained()), COLUMNS, "1"), XgboostForm)
    assert "the walker differs by" in logged[0]["why"]


def test_without_the_compiled_walker_xgboost_scores(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    walker.library.cache_clear()
    monkeypatch.setattr(walker, "LIBRARY", tmp_path / "none.so")
    with capture_logs() as logged:
        assert isinstance(quickest_form(loaded(trained()), COLUMNS, "1"), XgboostForm)
    assert "not compiled" in logged[0]["why"]
