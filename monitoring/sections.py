"""Evidently's own sections as we need them: without a second verdict, and on the right rows."""

# Evidently carries no types: what comes from it is Any, and its classes are meant to be subclassed
# mypy: disable-error-code="import-untyped", allow-subclassing-any

from __future__ import annotations

from evidently.core.container import MetricContainer, MetricOrContainer
from evidently.core.report import Context
from evidently.legacy.model.widget import BaseWidgetInfo
from evidently.presets import DataDriftPreset
from evidently.presets.classification import ClassificationQuality

from monitoring.heading import Children

JUDGED, JUDGED_TRAINING = "judged", "judged training"
"""Names of the two further data sets of a run, which hold the rows with a known outcome."""


class DriftTable(DataDriftPreset):
    """Evidently's drift of each column, without its verdict on the whole.

    That verdict is "drift" at the limit already, while our declared limit may be reached.
    """

    def render(self, context: Context, child_widgets: Children = None) -> list[BaseWidgetInfo]:
        """The table of columns only."""
        widgets = super().render(context, child_widgets)
        return [widget for widget in widgets if widget.type == "big_table"]


class Classification(MetricContainer):
    """Evidently's quality of a classifier, on the rows with a known outcome.

    It changes the rows that the run looks at from there on, so it must come last.
    """

    threshold: float

    def generate_metrics(self, context: Context) -> list[MetricOrContainer]:
        """Evidently's section, after the change of rows."""
        more = context.additional_data
        context.init_dataset(more[JUDGED], more[JUDGED_TRAINING], more)
        return [
            ClassificationQuality(
                probas_threshold=self.threshold, conf_matrix=True, include_tests=False
            )
        ]
