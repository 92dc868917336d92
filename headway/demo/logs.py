"""What the demo knows of each log: which workflows it feeds, where it is cut, and what to beat. All
else is the same for every log."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from headway.demo.bad import PROJECT, REQUEST, TICKET, Sample


@dataclass(frozen=True)
class Judging:
    """How a workflow is judged on a log.

    Attributes:
        least_auc: below it the demo fails.
        step: the step at which it is judged, where scores are asked at several: pooled figures
            flatter the model that only tells the steps apart.
        reference: figures that others reached, frozen at the cut, on the same later part.
        reference_by: what they were reached with.
    """

    workflow: str
    least_auc: float
    step: str | None = None
    reference: Mapping[str, float] = field(default_factory=dict)
    reference_by: str = ""


@dataclass(frozen=True)
class DemoLog:
    """A log of the demo.

    Attributes:
        cut: trains on outcomes known before it, scores what comes from then on.
        sample: an event like those of the log, to spoil.
        paced: so many of the first events after the cut come at a firm's pace and are timed, None
            is all of them; the others come as fast as they are taken in.
        one_of: of so many subjects one is taken, with all its events, unless the whole log is asked
            for: what has many features takes longer than anybody waits for a demo.
        asked: of how many subjects a score is asked, by stream and by HTTP alike, at each of the
            stops after the cut; None is all that were decided on since the stop before.
    """

    name: str
    workflows: tuple[Judging, ...]
    cut: datetime
    sample: Sample
    paced: int | None = None
    asked: int | None = None
    one_of: int = 1


LOGS = {
    log.name: log
    for log in (
        DemoLog(
            name="capital_projects",
            workflows=(
                Judging(
                    workflow="delivery_risk",
                    least_auc=0.71,
                    reference={"auc": 0.716, "pr_auc": 0.604, "brier": 0.204},
                    reference_by="plain, untuned",
                ),
            ),
            cut=datetime(2017, 7, 1, tzinfo=UTC),
            sample=PROJECT,
        ),
        DemoLog(
            name="service_incidents",
            workflows=(
                Judging(workflow="staffing_fit", least_auc=0.82),
                Judging(workflow="service_level", least_auc=0.78),
            ),
            cut=datetime(2016, 4, 22, tzinfo=UTC),
            sample=TICKET,
            paced=1_000,
            asked=100,
            one_of=2,
        ),
        DemoLog(
            name="payment_requests",
            workflows=(
                Judging(
                    workflow="billing_readiness",
                    least_auc=0.57,
                    step="submitted:employee",
                    reference={"auc": 0.542},
                    reference_by="step and totals only",
                ),
                Judging(
                    workflow="billing_readiness_with_amount",
                    least_auc=0.59,
                    step="submitted:employee",
                    reference={"auc": 0.542},
                    reference_by="step and totals only",
                ),
            ),
            cut=datetime(2018, 7, 1, tzinfo=UTC),
            sample=REQUEST,
            paced=1_000,
            asked=100,
        ),
    )
}
