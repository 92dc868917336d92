"""Delivery risk, declared: the question, the features, the label, the model and the policy."""

from __future__ import annotations

from firm.events import StatusReported
from firm.vocabulary import (
    category,
    constant,
    days_until,
    events,
    known_rate,
    series,
)
from firm.workflow import (
    ActionSpec,
    Band,
    Feature,
    Gates,
    GroupBy,
    Label,
    ModelSpec,
    Policy,
    Slo,
    Watch,
    Workflow,
)
from workflows.delivery_risk.fold import SLIP_DAYS, fold, settle

REPORT = "status report (PSA)"
OUTCOMES = "outcomes of earlier reports"

forecast = series("forecast")
budget = series("budget")
slips = forecast.changes()

FEATURES = (
    Feature(
        name="reports",
        of=events().count(),
        unit="1",
        why="how long the project has been watched",
        source=REPORT,
    ),
    Feature(
        name="last_slip",
        of=slips.last(),
        unit="days",
        why="a project that slipped once tends to slip again",
        source=REPORT,
    ),
    Feature(
        name="mean_slip",
        of=slips.mean(),
        unit="days",
        why="the habit of the project",
        source=REPORT,
    ),
    Feature(
        name="slip_share",
        of=slips.above(SLIP_DAYS).mean(),
        unit="share",
        why="how often it slipped too far before",
        source=REPORT,
    ),
    Feature(
        name="days_to_completion",
        of=days_until("forecast"),
        unit="days",
        why="what is close at hand, or overdue, moves most",
        source=REPORT,
    ),
    Feature(
        name="days_since_start",
        of=days_until("start") * -1,
        unit="days",
        why="the age of the project",
        source=REPORT,
    ),
    Feature(
        name="budget",
        of=budget.last().log(),
        unit="log USD",
        why="large projects behave differently",
        source=REPORT,
    ),
    Feature(
        name="budget_growth",
        of=budget.last() / budget.first() - 1,
        unit="share",
        why="a budget that grows speaks of changing scope",
        source=REPORT,
    ),
    Feature(
        name="phase",
        of=category(
            "phase",
            ["Scoping/Planning", "Design", "Construction Procurement", "Construction", "Close-Out"],
        ),
        unit="1",
        why="each phase has its own risks, and they come in this order",
        source=REPORT,
    ),
    Feature(
        name="owner_rate",
        of=known_rate("owner", strength=10, toward="all"),
        unit="share",
        why="some owners' projects slip more often",
        source=OUTCOMES,
    ),
    Feature(
        name="overall_rate",
        of=known_rate("all", strength=10, within_days=365),
        unit="share",
        why="how much the whole portfolio slips of late",
        source=OUTCOMES,
    ),
)

POLICY = Policy(
    bands=(
        Band(name="calm", at_least=0.0, because="slips less often than the portfolio does"),
        Band(
            name="watch",
            at_least=0.40,
            because="slips about as often as the portfolio does: worth a look",
            actions=(ActionSpec(kind="notify_director", says="Ask for the critical path."),),
        ),
        Band(
            name="act",
            at_least=0.60,
            because="more likely to slip than not",
            actions=(
                ActionSpec(kind="open_remediation", says="Plan the recovery with the owner."),
                ActionSpec(
                    kind="propose_forecast_change",
                    says="Move the forecast of completion in the ERP.",
                    approval="delivery_director",
                ),
            ),
        ),
    )
)

WORKFLOW = Workflow(
    slug="delivery_risk",
    question=f"Will the next status report move completion by more than {SLIP_DAYS:g} days?",
    owner="Head of the project management office",
    subject="project",
    facts=(StatusReported,),
    triggers=(StatusReported,),
    fold=fold,
    features=FEATURES,
    groups=(GroupBy(name="all"), GroupBy(name="owner", key="owner")),
    label=Label(
        question="the next report's forecast of completion is more than 60 days later",
        settle=settle,
        maturity_days=250,
    ),
    rule=slips.above(SLIP_DAYS).last().otherwise(constant(0.0)) * 0.5,
    model=ModelSpec(
        parameters={"eta": 0.05, "max_depth": 3, "min_child_weight": 5, "subsample": 0.7},
        rounds=150,
        gates=Gates(auc=0.65, least_rows=100),
    ),
    policy=POLICY,
    slo=Slo(latency_p99_ms=50, freshness_days=250, stale="flag"),
    watch=Watch(drifted_share=0.3, false_positive_rate=0.25, least_outcomes=100),
    lateness_days=45,
    risk_class="limited",
)
