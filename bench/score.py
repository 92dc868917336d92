"""One score, features in hand: the served form of a model beside `Booster.inplace_predict`."""

from __future__ import annotations

import hashlib
import statistics
from collections.abc import Callable
from itertools import cycle
from math import isnan
from pathlib import Path

import numpy as np
import xgboost
from numpy.typing import NDArray

from bench.rounds import Found, Goal, by_turns, judged, load, ratio
from firm.workflow import Row
from training.scorer import FileScorer

COLUMNS, TREES, DEPTH = 30, 300, 6
TRAINING_ROWS, CHECKED_ROWS, SCORED_ROWS = 20_000, 100_000, 2_000
MISSING = 0.1
LARGEST_DIFFERENCE = 1e-6
GOALS = {
    "score_vs_inplace_predict": Goal(at_least=8),
    "largest_difference": Goal(below=LARGEST_DIFFERENCE),
}
Floats = NDArray[np.float32]


def measure(folder: Path, rounds: int, say: Callable[[str], None]) -> Found:
    """Train a model in `folder`, check that both give the same, and time them by turns."""
    began = load()
    say(f"training {TREES} trees of depth {DEPTH} on {COLUMNS} features")
    rng = np.random.default_rng(7)
    booster = _train(rng)
    scorer = _served(booster, folder)
    say(f"comparing {CHECKED_ROWS:,} rows")
    difference = _difference(scorer, booster, _rows(rng, CHECKED_ROWS))
    say(f"timing single rows in {rounds} rounds")
    matrix = _rows(rng, SCORED_ROWS)
    ours, theirs = cycle(_tuples(matrix)), cycle([matrix[n : n + 1] for n in range(SCORED_ROWS)])
    found = by_turns(
        {
            "headway_us": lambda: scorer.predict((next(ours),)),
            "inplace_predict_us": lambda: booster.inplace_predict(next(theirs)),
        },
        rounds,
    )
    times, spread = ratio(found["inplace_predict_us"], found["headway_us"])
    figures = {name: round(statistics.median(each), 2) for name, each in found.items()}
    figures["largest_difference"] = difference
    ratios = {"score_vs_inplace_predict": times}
    return Found(
        ratios=ratios,
        spread={"score_vs_inplace_predict": spread},
        figures=figures,
        rounds=rounds,
        how=f"one row of {COLUMNS} features at a time ({MISSING:.0%} missing), {TREES} trees of "
        f"depth {DEPTH}, one thread; Headway from a tuple as features come, scored by its "
        f"{scorer.form}; inplace_predict from a float32 array; values compared on "
        f"{CHECKED_ROWS:,} rows",
        goals=judged(GOALS, ratios | figures),
        load=began,
    )


def _rows(rng: np.random.Generator, count: int) -> Floats:
    rows = rng.normal(size=(count, COLUMNS)).astype(np.float32)
    rows[rng.random(rows.shape) < MISSING] = np.nan
    return rows


def _train(rng: np.random.Generator) -> xgboost.Booster:
    rows = _rows(rng, TRAINING_ROWS)
    known = np.nan_to_num(rows)
    odds = known[:, 0] + known[:, 1] * known[:, 2] + rng.normal(size=TRAINING_ROWS)
    names = [f"feature_{n}" for n in range(COLUMNS)]
    matrix = xgboost.DMatrix(rows, odds > 0, feature_names=names)
    parameters = {"objective": "binary:logistic", "max_depth": DEPTH, "eta": 0.1, "seed": 7}
    booster = xgboost.train(parameters, matrix, TREES)
    booster.set_param({"nthread": 1})
    return booster


def _served(booster: xgboost.Booster, folder: Path) -> FileScorer:
    path = folder / "model.ubj"
    booster.save_model(path)
    content = path.read_bytes()
    names = tuple(booster.feature_names or ())
    return FileScorer(path, hashlib.sha256(content).hexdigest(), len(content), names, "bench")


def _difference(scorer: FileScorer, booster: xgboost.Booster, rows: Floats) -> float:
    theirs = booster.inplace_predict(rows)
    return float(np.abs(np.subtract(scorer.predict(_tuples(rows)), theirs)).max())


def _tuples(rows: Floats) -> list[Row]:
    return [tuple(None if isnan(value) else value for value in row) for row in rows.tolist()]
