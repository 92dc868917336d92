"""The top of Evidently's report: whose it is, and the figures that decide, in one look."""

# Evidently carries no types: what comes from it is Any, and its classes are meant to be subclassed
# mypy: disable-error-code="import-untyped", allow-subclassing-any

from __future__ import annotations

from evidently.core.container import MetricContainer, MetricOrContainer
from evidently.core.metric_types import MetricId
from evidently.core.report import Context
from evidently.legacy.model.widget import BaseWidgetInfo
from evidently.legacy.renderers.html_widgets import header_text, table_data, text_widget
from evidently.metrics import DriftedColumnsCount

from monitoring.words import share_of

Children = list[tuple[MetricId | None, list[BaseWidgetInfo]]] | None


class Heading(MetricContainer):
    """Title, facts, remarks and the share of drifted columns with its limit.

    Attributes:
        facts: pairs of a name and its value, both as printed.
        remarks: what was left out or cannot be judged, one sentence each.
        drifted: the metric whose count is shown; None if no column was compared.
    """

    title: str
    facts: list[tuple[str, str]]
    remarks: list[str]
    drifted: DriftedColumnsCount | None = None
    columns: int = 0

    def generate_metrics(self, context: Context) -> list[MetricOrContainer]:
        """The drift metric runs as a part of the heading, so that its test is listed once."""
        return [self.drifted] if self.drifted else []

    def render(self, context: Context, child_widgets: Children = None) -> list[BaseWidgetInfo]:
        """The widgets from top to bottom."""
        rows = [*self.facts, ("Columns that differ from training", self._drift(context))]
        remarks = "\n".join(f"- {remark}" for remark in self.remarks)
        return [
            header_text(label=self.title),
            table_data(title="", column_names=["About this report", ""], data=rows),
            *([text_widget(title="To keep in mind", text=remarks)] if remarks else []),
        ]

    def _drift(self, context: Context) -> str:
        if self.drifted is None:
            return "none could be compared"
        found = context.get_metric_result(self.drifted.to_calculation())
        return share_of(int(found.count.value), self.columns)
