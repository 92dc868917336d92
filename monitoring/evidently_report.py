"""Builds and runs Evidently's report; the only door to Evidently (importing it takes 7 s)."""

# Evidently carries no types: what comes from it is Any
# mypy: disable-error-code="import-untyped"

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from evidently import Dataset, Report
from evidently.core.container import MetricOrContainer
from evidently.core.report import Snapshot
from evidently.metrics import DriftedColumnsCount, ValueDrift
from evidently.tests import lte

from monitoring import homogeneity  # noqa: F401 - registers its test with Evidently
from monitoring.comparison import Compared, Comparison
from monitoring.drift import ColumnDrift, Drift
from monitoring.errors import FiguresDisagree
from monitoring.evidently_data import all_rows, judged_rows
from monitoring.figure_metrics import TITLES, QualityFigure, SilentColumns
from monitoring.frames import Frames
from monitoring.heading import Heading
from monitoring.limits import false_positives
from monitoring.quality import Quality, comparable
from monitoring.remarks import facts, title
from monitoring.sections import JUDGED, JUDGED_TRAINING, Classification, DriftTable
from monitoring.window import SCORE, Window
from monitoring.words import harmless

BUDGETED = {"alerts": "false_alert_share", "negatives": "false_positive_rate"}
"""Which figure a false positive budget limits."""


def run(
    window: Window,
    frames: Frames,
    comparison: Comparison,
    training: Quality,
    quality: Quality,
    remarks: Sequence[str],
) -> tuple[Snapshot, Drift]:
    """Evidently's report on prepared rows, and the drift that it found.

    Raises:
        FiguresDisagree: Evidently counts other columns as drifted than their statistics say.
    """
    columns = [*comparison.columns, *([comparison.score] if comparison.score else [])]
    judged = _judged(frames) if comparable(training, quality) else {}
    metrics: list[MetricOrContainer] = [
        _heading(window, comparison, training, quality, remarks),
        *_quality(window, quality),
        *_drifts(comparison),
        *([Classification(threshold=window.threshold)] if judged else []),
    ]
    with np.errstate(invalid="ignore"):  # Evidently correlates also what does not vary
        snapshot = Report(metrics).run(
            all_rows(frames.current, columns),
            all_rows(frames.reference, columns),
            additional_data=judged,
            timestamp=window.end,
        )
    return snapshot, _drift(snapshot, comparison)


def _judged(frames: Frames) -> dict[str, Dataset]:
    return {
        JUDGED: judged_rows(frames.current),
        JUDGED_TRAINING: judged_rows(frames.reference),
    }


def _heading(
    window: Window,
    comparison: Comparison,
    training: Quality,
    quality: Quality,
    remarks: Sequence[str],
) -> Heading:
    limit = lte(window.drift.share_of_columns)
    drifted = DriftedColumnsCount(**_methods(comparison), share_tests=[limit])
    return Heading(
        title=harmless(title(window)),
        facts=[(name, harmless(value)) for name, value in facts(window, training, quality)],
        remarks=[harmless(remark) for remark in remarks],
        drifted=drifted if comparison.columns else None,
        columns=len(comparison.columns),
    )


def _quality(window: Window, quality: Quality) -> list[QualityFigure]:
    """Our figures as far as they exist; the budgeted one with its limit if it can be judged."""
    budget = window.false_positive_budget
    judged = false_positives(window, quality).kept is not None
    return [
        QualityFigure(
            figure=figure,
            found=getattr(quality, figure),
            tests=[lte(budget.limit)] if judged and figure == BUDGETED[budget.among] else [],
        )
        for figure in TITLES
        if quality.matured and getattr(quality, figure) is not None
    ]


def _drifts(comparison: Comparison) -> list[MetricOrContainer]:
    silent, score = list(comparison.silent), comparison.score
    return [
        *([SilentColumns(names=silent, tests=[lte(0)])] if silent else []),
        *([_value_drift(score)] if score else []),
        *([DriftTable(**_methods(comparison), include_tests=False)] if comparison.columns else []),
    ]


def _methods(comparison: Comparison) -> dict[str, object]:
    return {
        "columns": [one.column for one in comparison.columns],
        "per_column_method": {one.column: one.method.name for one in comparison.columns},
        "per_column_threshold": {one.column: one.method.limit for one in comparison.columns},
    }


def _value_drift(one: Compared) -> ValueDrift:
    return ValueDrift(column=one.column, method=one.method.name, threshold=one.method.limit)


def _drift(snapshot: Snapshot, comparison: Comparison) -> Drift:
    """Read the statistics out of the report, so that both pages have the same."""
    results = snapshot.dict()["metrics"]
    values = {r["config"]["column"]: r["value"] for r in results if _is(r, "ValueDrift")}
    found = [_column(one, values[one.column]) for one in comparison.columns]
    drift = Drift(
        columns=tuple(found),
        not_compared=comparison.not_compared,
        silent=comparison.silent,
        score=_column(comparison.score, values[SCORE]) if comparison.score else None,
    )
    for count in (r["value"]["count"] for r in results if _is(r, "DriftedColumnsCount")):
        if count != len(drift.drifted):
            raise FiguresDisagree(f"{len(drift.drifted)} columns drifted; Evidently says {count}")
    return drift


def _is(result: dict[str, dict[str, str]], metric: str) -> bool:
    return result["config"]["type"].rpartition(":")[2] == metric


def _column(one: Compared, value: float) -> ColumnDrift:
    return ColumnDrift(
        column=one.column,
        kind=one.kind,
        statistic=one.method.name,
        value=float(value),
        limit=one.method.limit,
        drifted=bool(one.method.drifted(value)),
        missing_training=one.missing_training,
        missing_now=one.missing_now,
    )
