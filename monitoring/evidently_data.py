"""Prepared rows as Evidently's data sets: all rows for drift, those with an outcome for quality.

Evidently takes an outcome that is not known yet for one more class and, depending on the metric
and on the order of the rows, fails on it. Where it judges quality it gets known outcomes only.
"""

# Evidently carries no types: what comes from it is Any
# mypy: disable-error-code="import-untyped"

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from evidently import BinaryClassification, DataDefinition, Dataset

from monitoring.comparison import Compared
from monitoring.window import OUTCOME, SCORE

HAPPENED, DID_NOT = "happened", "did not"


def all_rows(frame: pd.DataFrame, columns: Sequence[Compared]) -> Dataset:
    """All rows; Evidently looks at the compared columns only, and guesses no type."""
    numeric = [one.column for one in columns if one.kind == "numeric"]
    categorical = [one.column for one in columns if one.kind == "categorical"]
    return Dataset.from_pandas(frame, _definition(numeric, categorical))


def judged_rows(frame: pd.DataFrame) -> Dataset:
    """Score and outcome of the rows whose outcome is known."""
    known = frame.loc[frame[OUTCOME].notna(), [SCORE, OUTCOME]]
    words = known.assign(**{OUTCOME: known[OUTCOME].map({1.0: HAPPENED, 0.0: DID_NOT})})
    task = BinaryClassification(target=OUTCOME, prediction_probas=SCORE, pos_label=HAPPENED)
    return Dataset.from_pandas(words, _definition([SCORE], [OUTCOME], task))


def _definition(
    numeric: list[str], categorical: list[str], *tasks: BinaryClassification
) -> DataDefinition:
    return DataDefinition(
        numerical_columns=numeric,
        categorical_columns=categorical,
        datetime_columns=[],
        text_columns=[],
        unknown_columns=[],
        list_columns=[],
        classification=list(tasks),
    )
