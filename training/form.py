"""Which form of a model scores: the quickest one, if it gives what XGBoost gives."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Protocol

import numpy as np
import structlog
from numpy.typing import NDArray

from firm.workflow import Row
from training.libxgboost import Booster
from training.trees import Trees, read_trees
from training.walker import Walker

LARGEST_DIFFERENCE = 1e-6
"""Between a form's probabilities and XGBoost's; on every model tried there was none at all."""
CHECK_ROWS = 1_000
MISSING_SHARE = 0.2
log = structlog.get_logger(__name__)


class Form(Protocol):
    """A model made ready to score rows, in which None is a missing value."""

    words: ClassVar[str]

    def predict(self, rows: Sequence[Row]) -> list[float]:
        """The probability of each row."""

    def margins(self, rows: Sequence[Row]) -> list[float]:
        """The log-odds of each row."""


class XgboostForm:
    """XGBoost's own library: it reads every model, and is what the others are held against."""

    words: ClassVar[str] = "XGBoost library"

    def __init__(self, booster: Booster) -> None:
        self._booster = booster

    def predict(self, rows: Sequence[Row]) -> list[float]:
        """The probability of each row."""
        return self._booster.predict(as_floats(rows))

    def margins(self, rows: Sequence[Row]) -> list[float]:
        """The log-odds of each row."""
        return self._booster.margins(as_floats(rows))


def quickest_form(booster: Booster, columns: int, version: str) -> Form:
    """The compiled walker where it scores just like XGBoost, XGBoost where it does not.

    Raises:
        ModelRefused: the trees are not sound, so nobody may walk them.
    """
    exact = XgboostForm(booster)
    trees = read_trees(booster.to_json(), columns)
    if trees is None:
        return _said(exact, version, "its kind of model is read by XGBoost alone")
    try:
        walker = Walker(trees)
    except OSError as error:
        return _said(exact, version, f"the walker was not compiled ({error})")
    rows = check_rows(trees, columns)
    difference = np.abs(np.subtract(walker.predict(rows), exact.predict(rows))).max()
    if difference > LARGEST_DIFFERENCE:
        return _said(exact, version, f"the walker differs by {difference:.2g}")
    return walker


def check_rows(trees: Trees, columns: int) -> list[Row]:
    """Rows on both sides of, and exactly at, what the trees split by, with missing values."""
    rng = np.random.default_rng(CHECK_ROWS)
    values = np.zeros((CHECK_ROWS, columns), np.float32)
    nodes = trees.nodes[trees.nodes["left"] != np.arange(len(trees.nodes))]
    for column in np.unique(nodes["column"]):
        splits: NDArray[np.float32] = nodes["split"][nodes["column"] == column]
        below = np.nextafter(splits, np.float32(-np.inf))
        values[:, column] = rng.choice(np.concatenate([splits, below]), CHECK_ROWS)
    values[rng.random(values.shape) < MISSING_SHARE] = np.nan
    return [tuple(row) for row in values.tolist()]


def as_floats(rows: Sequence[Row]) -> NDArray[np.float32]:
    """Rows as XGBoost takes them: 32-bit, NaN where a value is missing."""
    with np.errstate(over="ignore"):  # what is too large for 32 bits is infinite there
        return np.array(rows, dtype=np.float32)


def _said(form: Form, version: str, why: str) -> Form:
    log.warning("scores with XGBoost's library", version=version, why=why)
    return form
