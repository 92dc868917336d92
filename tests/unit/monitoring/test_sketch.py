"""A sketch of a column gives the statistics of all its rows, those that Evidently computes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import ks_2samp, wasserstein_distance  # type: ignore[import-untyped]

from monitoring.moved import movement
from monitoring.report import write_report
from monitoring.sketch import MOST_EDGES, Grid, Sketch, chance, distance
from tests.unit.monitoring.test_report import window

NAMES = ("normal", "skewed", "counts", "gone")


def rows(seed: int, count: int, shift: float = 0.0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.column_stack(
        [
            rng.normal(shift, 1, count),
            rng.exponential(1 + shift, count),
            rng.poisson(3 + 2 * shift, count).astype(float),
            np.where(rng.random(count) < 0.1, np.nan, rng.normal(0, 1, count)),
        ]
    )


def sketched(training: np.ndarray, some: np.ndarray, parts: int = 1) -> Sketch:
    sketch = Sketch(Grid.of(NAMES, training))
    for part in np.array_split(some, parts):
        sketch.add(part)
    return sketch


@pytest.mark.parametrize("shift", [0.0, 0.05, 0.3, 2.0])
@pytest.mark.parametrize("count", [400, 3_000])
def test_the_statistics_are_those_of_all_rows(shift: float, count: int) -> None:
    training, now = rows(1, 5_000), rows(2, count, shift)
    then, sketch = sketched(training, training), sketched(training, now, parts=7)
    for place in range(len(NAMES)):
        a = training[~np.isnan(training[:, place]), place]
        b = now[~np.isnan(now[:, place]), place]
        exact = wasserstein_distance(a, b) / a.std()
        assert distance(then, sketch, place) == pytest.approx(exact, abs=0.01, rel=0.03)
        p_value = ks_2samp(a, b, method="asymp").pvalue
        assert chance(then, sketch, place) >= p_value - 0.01, "it never sees more than there is"
        if p_value < 1e-4:
            assert chance(then, sketch, place) < 1e-3


def test_evidently_finds_the_same_distances_and_the_same_drift(tmp_path: Path) -> None:
    """On 1,300 rows, from where on Evidently is asked for distances."""
    training, now = rows(1, 1_300), rows(2, 1_300, 0.3)
    scored = {"prediction": 0.5, "target": np.nan}
    found = write_report(
        window(numeric_columns=NAMES, categorical_columns=()),
        pd.DataFrame(training, columns=list(NAMES)).assign(**scored),
        pd.DataFrame(now, columns=list(NAMES)).assign(**scored),
        tmp_path,
    ).figures.drift
    ours = movement(sketched(training, training), sketched(training, now, parts=3))
    theirs = {column.column: column for column in found.columns}
    assert {c.name: c.distance for c in ours.columns} == pytest.approx(
        {name: column.value for name, column in theirs.items()}, abs=0.01
    )
    far = {c.name for c in ours.columns if c.distance >= 0.1}
    assert far == {column.column for column in found.drifted} == {"normal", "skewed", "counts"}


def test_a_million_rows_take_no_more_room_than_a_thousand() -> None:
    training = rows(1, 5_000)
    large = sketched(training, training)
    large.add(np.tile(rows(3, 1_000, 0.3), (1_000, 1)))
    small = sketched(training, rows(3, 1_000, 0.3))
    assert large.rows == 1_005_000
    assert all(len(edges) <= MOST_EDGES for edges in large.grid.edges)
    assert [len(large.shares(p)) for p in range(4)] == [len(small.shares(p)) for p in range(4)]


def test_an_empty_column_has_not_moved_and_a_silent_one_is_named() -> None:
    training = rows(1, 1_000)
    silent = rows(2, 400)
    silent[:, 2] = np.nan
    found = movement(sketched(training, training), sketched(training, silent))
    assert found.silent == ("counts",)
    assert {column.name for column in found.columns} == {"normal", "skewed", "gone"}
    never = np.full((1_000, 4), np.nan)
    assert movement(sketched(never, never), sketched(never, silent)).columns == ()
