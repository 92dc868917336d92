"""The trees of a model as arrays that can be walked: read from XGBoost's JSON, every index checked.

Schema: https://xgboost.readthedocs.io/en/stable/tutorials/saving_model.html
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from firm.errors import ModelRefused

BLOCK = 8
"""So many trees are walked at a time (`BLOCK` in walker.c)."""
NODE = np.dtype(
    [("split", "f4"), ("left", "i4"), ("right", "i4"), ("column", "u2"), ("missing", "u2")]
)
"""A node as walker.c has it; `missing` is 1 if a missing value goes right."""
MOST_COLUMNS = 4_096
Ints = NDArray[np.int64]


class _Parameters(msgspec.Struct):
    size_leaf_vector: Literal["0", "1"]


class _Tree(msgspec.Struct):
    left_children: list[int]
    right_children: list[int]
    split_indices: list[int]
    split_conditions: list[float]
    default_left: list[int]
    split_type: list[Literal[0]]
    tree_param: _Parameters


class _Trees(msgspec.Struct):
    trees: list[_Tree]


class _GradientBooster(msgspec.Struct):
    model: _Trees
    name: Literal["gbtree"]


class _Objective(msgspec.Struct):
    name: Literal["binary:logistic"]


class _LearnerParameters(msgspec.Struct):
    base_score: str
    num_class: Literal["0", "1"]
    num_target: Literal["1"]


class _Learner(msgspec.Struct):
    gradient_booster: _GradientBooster
    objective: _Objective
    learner_model_param: _LearnerParameters


class _Model(msgspec.Struct):
    learner: _Learner


@dataclass(frozen=True)
class Trees:
    """All trees in one array of nodes; a leaf leads to itself, and its split is its value.

    Attributes:
        nodes: of the type NODE.
        roots: the first node of each tree.
        depths: for each block of trees, the steps to its deepest leaf.
        base: the probability from which the sum of log-odds starts.
    """

    nodes: NDArray[Any]
    roots: NDArray[np.int32]
    depths: NDArray[np.int32]
    base: float


def read_trees(model: bytes, columns: int) -> Trees | None:
    """The trees of a model in XGBoost's JSON; None if it is of a kind that is not read here.

    Read are trees with numeric splits and one probability: no categories, no DART, no classes.

    Raises:
        ModelRefused: a node leads out of its tree or in a circle, or asks for a column that rows
            do not have: whoever walks it would read memory that is not the model's.
    """
    try:
        learner = msgspec.json.decode(model, type=_Model).learner
        base = _base(learner.learner_model_param.base_score)
    except ValueError:  # msgspec's errors are ValueErrors
        return None
    trees = learner.gradient_booster.model.trees
    if not trees or base is None or columns > MOST_COLUMNS:
        return None
    return _flatten(trees, base, columns)


def _base(text: str) -> float | None:
    found = json.loads(text)
    base = found[0] if isinstance(found, list) and len(found) == 1 else found
    return float(base) if isinstance(base, float) and 0 < base < 1 else None


def _flatten(trees: list[_Tree], base: float, columns: int) -> Trees:
    sizes = np.array([len(tree.left_children) for tree in trees])
    ends = np.cumsum(sizes)
    starts = ends - sizes
    first, end = np.repeat(starts, sizes), np.repeat(ends, sizes)
    left, right, column, to_left = (
        _all(trees, name, sizes)
        for name in ("left_children", "right_children", "split_indices", "default_left")
    )
    itself = np.arange(ends[-1])
    leaf = left < 0
    left, right = (np.where(leaf, itself, child + first) for child in (left, right))
    column = np.where(leaf, 0, column)
    _check(leaf, left, right, first, end, column, columns)
    nodes = np.zeros(ends[-1], NODE)
    nodes["split"] = _all(trees, "split_conditions", sizes)
    nodes["left"], nodes["right"], nodes["column"] = left, right, column
    nodes["missing"] = ~leaf & (to_left == 0)
    deepest = _depths(starts, leaf, left, right)
    blocks = np.maximum.reduceat(deepest, np.arange(0, len(trees), BLOCK))
    return Trees(nodes, starts.astype(np.int32), blocks.astype(np.int32), base)


def _all(trees: list[_Tree], name: str, sizes: Ints) -> NDArray[Any]:
    parts = [getattr(tree, name) for tree in trees]
    if not sizes.all() or [len(part) for part in parts] != sizes.tolist():
        raise ModelRefused(f"the model's trees differ in the length of {name}; train it again")
    return np.concatenate([np.asarray(part) for part in parts])


def _check(
    leaf: NDArray[np.bool_],
    left: Ints,
    right: Ints,
    first: Ints,
    end: Ints,
    column: Ints,
    columns: int,
) -> None:
    """Each node has one parent at most and no root has any: then no way leads in a circle."""
    inner = ~leaf
    children = np.concatenate([left[inner], right[inner]])
    lowest, highest = (np.concatenate([bound[inner]] * 2) for bound in (first, end))
    if ((children <= lowest) | (children >= highest)).any():
        raise ModelRefused("a node of the model leads out of its tree; train it again")
    if len(np.unique(children)) != len(children):
        raise ModelRefused("two nodes of the model lead to the same one; train it again")
    if ((column < 0) | (column >= columns)).any():
        raise ModelRefused(
            f"a node of the model asks for a column beyond the {columns} that rows have; train it "
            "again"
        )


def _depths(starts: Ints, leaf: NDArray[np.bool_], left: Ints, right: Ints) -> Ints:
    """The steps to the deepest leaf of each tree, all trees one level at a time."""
    depths = np.zeros(len(starts), np.int64)
    trees, level = np.arange(len(starts)), starts
    for depth in range(len(leaf)):
        depths[trees] = depth
        inner = ~leaf[level]
        trees, level = trees[inner], level[inner]
        if not len(level):
            break
        trees, level = np.tile(trees, 2), np.concatenate([left[level], right[level]])
    return depths
