"""What the demo knows of each log: which workflow it feeds, where it is cut, and what to beat."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True)
class DemoLog:
    """A log of the demo.

    Attributes:
        cut: trains on outcomes known before it, scores what comes from then on.
        reference: figures that others reached, frozen at the cut, on the same later part.
        least_auc: below it the demo fails.
    """

    name: str
    workflow: str
    cut: datetime
    reference: dict[str, float]
    least_auc: float


LOGS = {
    "capital_projects": DemoLog(
        name="capital_projects",
        workflow="delivery_risk",
        cut=datetime(2017, 7, 1, tzinfo=UTC),
        reference={"auc": 0.716, "pr_auc": 0.604, "brier": 0.204, "constant_brier": 0.231},
        least_auc=0.71,
    ),
}
