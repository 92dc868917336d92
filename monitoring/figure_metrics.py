"""Evidently metrics of our own: false alerts and what else it lacks, with the declared limits."""

# Evidently carries no types: what comes from it is Any, and its classes are meant to be subclassed
# mypy: disable-error-code="import-untyped", allow-subclassing-any

from __future__ import annotations

from evidently.core.datasets import Dataset
from evidently.core.metric_types import SingleValue, SingleValueCalculation, SingleValueMetric
from evidently.core.report import Context
from evidently.legacy.renderers.html_widgets import CounterData, WidgetSize, counter

from monitoring.words import number

TITLES = {
    "false_positives": "False alerts",
    "false_alert_share": "Share of false alerts among alerts",
    "false_positive_rate": "False positive rate",
    "immature_share": "Share of outcomes not known yet",
    "brier": "Brier score",
    "brier_constant": "Brier score of always saying the share of training",
    "ece": "Expected calibration error",
}


class QualityFigure(SingleValueMetric):
    """One figure of `monitoring.quality.Quality`, as it was computed from all rows of the window:
    the report itself may hold a sample of them.

    Attributes:
        figure: its name there, one of `TITLES`.
    """

    figure: str
    found: int | float


class QualityFigureCalculation(SingleValueCalculation[QualityFigure]):
    """Evidently finds this class through its type parameter."""

    def display_name(self) -> str:
        """The heading of the figure in the report and in its tests."""
        return TITLES[self.metric.figure]

    def calculate(
        self, context: Context, current_data: Dataset, reference_data: Dataset | None
    ) -> SingleValue:
        """The figure of the window; training is not shown, where the model knew the answers."""
        result = self.result(self.metric.found)
        shown = CounterData(label=self.display_name(), value=number(self.metric.found))
        result.widget = [counter(counters=[shown], size=WidgetSize.HALF)]
        return result


class SilentColumns(SingleValueMetric):
    """How many columns had values in training and have none in the window."""

    names: list[str]


class SilentColumnsCalculation(SingleValueCalculation[SilentColumns]):
    """Counts the columns named; which they are is settled before, with the comparison."""

    def display_name(self) -> str:
        """The heading of the figure in the report and in its tests."""
        return "Silent columns (" + ", ".join(self.metric.names) + ")"

    def calculate(
        self, context: Context, current_data: Dataset, reference_data: Dataset | None
    ) -> SingleValue:
        """The number of names that are indeed empty in the window."""
        frame = current_data.as_dataframe()
        result = self.result(sum(frame[name].isna().all() for name in self.metric.names))
        shown = CounterData(label=self.display_name(), value=number(int(result.value)))
        result.widget = [counter(counters=[shown])]
        return result
