"""Try a model out where it can do no harm: in a process of its own, with little memory and time.

Run as `python -m training.tryout NAMES`, the model's bytes on standard input: it exits with 0 if
XGBoost reads them, the trees are sound and the scores are probabilities; else it says why not on
standard output. It imports next to nothing, so that a promotion need not wait for it.
"""

from __future__ import annotations

import ctypes
import json
import math
import resource
import sys
from collections.abc import Sequence
from typing import Any

from firm.errors import ModelRefused
from training.libxgboost import PROBABILITIES, Booster

MEMORY_BYTES = 2**30
CPU_SECONDS = 5
OBJECTIVES = ("binary:logistic", "reg:logistic")
ARRAYS = ("left_children", "right_children", "split_indices", "split_conditions", "split_type")
EXTREMES = (math.nan, 0.0, 1e30, -1e30)
REFUSED = 3


def limit() -> None:
    """Take from this process what a model does not need."""
    for kind, most in (
        (resource.RLIMIT_AS, MEMORY_BYTES),
        (resource.RLIMIT_CPU, CPU_SECONDS),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(kind, (most, most))


def try_out(model: bytes, names: Sequence[str]) -> None:
    """Load a model, look at each of its nodes, and score rows at the edges.

    Raises:
        ModelRefused: something is wrong with it.
    """
    booster = Booster(model)
    found = booster.feature_names()
    if found != tuple(names):
        raise ModelRefused(f"it was fitted on {list(found)}, the declaration has {list(names)}")
    _check_model(json.loads(booster.to_json()), len(names))
    for value in EXTREMES:
        row = (ctypes.c_float * len(names))(*[value] * len(names))
        (score,) = booster.predict_at(ctypes.addressof(row), 1, len(names), PROBABILITIES)
        if not 0 <= score <= 1:
            raise ModelRefused(f"it scores {score} where every feature is {value:g}")


def _check_model(model: Any, columns: int) -> None:
    learner = model["learner"]
    parameters, booster = learner["learner_model_param"], learner["gradient_booster"]
    _require(booster["name"] == "gbtree", f"it is a {booster['name']} and no gbtree")
    objective = learner["objective"]["name"]
    _require(objective in OBJECTIVES, f"its objective is {objective}, not one of {OBJECTIVES}")
    classes, targets = parameters["num_class"], parameters["num_target"]
    _require(classes in "01" and targets == "1", "it gives several scores for a row")
    base = json.loads(parameters["base_score"])
    bases = base if isinstance(base, list) else [base]
    _require(all(0 < b < 1 for b in bases), f"its base score {base} is no probability")
    for number, tree in enumerate(booster["model"]["trees"]):
        _check_tree(tree, number, columns)


def _check_tree(tree: Any, number: int, columns: int) -> None:
    where = f"tree {number}"
    left, right, splits, conditions, kinds = (tree[name] for name in ARRAYS)
    size = len(left)
    _require(size > 0, f"{where} is empty")
    _require({len(tree[name]) for name in ARRAYS} == {size}, f"{where} has arrays of two lengths")
    _require(not any(kinds), f"{where} splits by categories")
    reached, todo = bytearray(size), [0]
    while todo:
        node = todo.pop()
        _require(not reached[node], f"{where} leads in a circle, or twice to node {node}")
        reached[node] = 1
        value = conditions[node]
        _require(isinstance(value, int | float) and math.isfinite(value), f"{where} has a {value}")
        if left[node] == -1:
            _require(right[node] == -1, f"{where} has half a leaf at node {node}")
            continue
        children = (left[node], right[node])
        _require(all(0 < child < size for child in children), f"{where} leads out of itself")
        _require(0 <= splits[node] < columns, f"{where} asks for column {splits[node]}")
        todo += children


def _require(holds: bool, words: str) -> None:
    if not holds:
        raise ModelRefused(words)


def main() -> int:
    """Try out what comes in."""
    names = json.loads(sys.argv[1])
    limit()
    try:
        try_out(sys.stdin.buffer.read(), names)
    except (ModelRefused, ValueError, TypeError, LookupError, MemoryError, RecursionError) as error:
        sys.stdout.write(f"{error}" or type(error).__name__)
        return REFUSED
    return 0


if __name__ == "__main__":
    sys.exit(main())
