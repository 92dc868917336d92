"""A chi-square test for few rows that Evidently lacks.

Its own `chisquare` takes the training counts for exact, so that a single row with a level that
training never saw gives a p-value of 0. Here both frames are samples, and levels too rare for
the approximation share one cell.
"""

# Evidently and SciPy carry no types: what comes from them is Any
# mypy: disable-error-code="import-untyped"

from __future__ import annotations

import numpy as np
import pandas as pd
from evidently.legacy.calculations.stattests import StatTest, register_stattest
from evidently.legacy.core import ColumnType
from scipy.stats import chi2_contingency

LEAST_EXPECTED = 5
"""Cochran's rule: below five expected rows in a cell the chi-square approximation fails."""


def p_value(reference: pd.Series, current: pd.Series) -> float:
    """How likely chance alone makes the levels differ so much; 1.0 if there is one level only."""
    counts = [reference.value_counts(), current.value_counts()]
    table = pd.DataFrame(counts).fillna(0).to_numpy(np.float64)
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / table.sum()
    rare = expected.min(axis=0) < LEAST_EXPECTED
    table = np.column_stack([table[:, ~rare], table[:, rare].sum(axis=1)])
    table = table[:, table.sum(axis=0) > 0]
    if table.shape[1] < 2:
        return 1.0
    return float(chi2_contingency(table, correction=False).pvalue)


def _decide(
    reference: pd.Series, current: pd.Series, feature_type: ColumnType, threshold: float
) -> tuple[float, bool]:
    """The signature that Evidently asks for: the statistic, and whether it means drift."""
    chance = p_value(reference, current)
    return chance, chance <= threshold


register_stattest(
    StatTest(
        name="homogeneity",
        display_name="chi-square homogeneity p_value",
        allowed_feature_types=[ColumnType.Categorical],
    ),
    default_impl=_decide,
)
