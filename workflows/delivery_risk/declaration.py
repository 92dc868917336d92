"""Delivery risk, declared: the question, the features, the label, the model and the policy."""

from __future__ import annotations

from firm.events import StatusReported
from firm.vocabulary import (
    Expr,
    constant,
    days_in,
    days_until,
    known_rate,
    ordered,
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
OUTCOMES = "outcomes of earlier reports, known before the day of the score"
PHASES = {
    "Scoping/Planning": 0.0,
    "Design": 1.0,
    "IT": 1.5,
    "Construction Procurement": 2.0,
    "Construction": 3.0,
    "Close-Out": 4.0,
}

forecast = series("forecast")
moves = forecast.changes()
gentle_moves = moves.clip(-730, 1460)
slips = moves.above(SLIP_DAYS)
to_go = days_until("forecast")
age = days_until("start") * -1
duration = to_go + age
moved_in_all = (forecast.last() - forecast.first()).clip(-1500, 3000)


def against_portfolio(group: str) -> Expr:
    """How much more often than the whole portfolio a group has slipped of late.

    The difference tells; the rates themselves drift from period to period.
    """
    own, portfolio = (known_rate(g, prior="all", half_life_days=365) for g in (group, "all"))
    return own - portfolio


FEATURES = (
    Feature(
        name="to_go",
        of=to_go,
        unit="days",
        why="what is close at hand, or overdue, moves differently from what is far off",
        source=REPORT,
    ),
    Feature(
        name="age", of=age, unit="days", why="old projects have shown their habits", source=REPORT
    ),
    Feature(
        name="duration", of=duration, unit="days", why="long projects slip further", source=REPORT
    ),
    Feature(
        name="elapsed",
        of=(age / duration.positive()),
        unit="share",
        why="how much of its time is used up",
        source=REPORT,
    ),
    Feature(
        name="last_move",
        of=gentle_moves.last(),
        unit="days",
        why="a forecast that has just moved moves again, or has settled",
        source=REPORT,
    ),
    Feature(
        name="recent_moves",
        of=gentle_moves.fading(0.5),
        unit="days",
        why="the habit of the project, the newest moves first",
        source=REPORT,
    ),
    Feature(
        name="slip_rate",
        of=(slips.total() + 1.5) / (slips.count() + 4),
        unit="share",
        why="how often it slipped too far before, drawn toward the usual share",
        source=REPORT,
        monotone=1,
    ),
    Feature(
        name="slip_ratio",
        of=moved_in_all / (duration - moved_in_all).at_least(180),
        unit="share",
        why="how far it has slipped in all, against its plan",
        source=REPORT,
    ),
    Feature(
        name="since_move",
        of=moves.nonzero().days_since(),
        unit="days",
        why="a forecast that nobody touches is overdue for a change",
        source=REPORT,
    ),
    Feature(
        name="budget",
        of=series("budget").last().positive().log(),
        unit="log USD",
        why="large projects behave differently from small ones",
        source=REPORT,
    ),
    Feature(
        name="in_phase",
        of=days_in("phase"),
        unit="days",
        why="a phase that drags on delays what follows",
        source=REPORT,
    ),
    Feature(
        name="phase",
        of=ordered("phase", PHASES),
        unit="place",
        why="the later the phase, the less is left to go wrong",
        source=REPORT,
        monotone=-1,
    ),
    Feature(
        name="owner_against_portfolio",
        of=against_portfolio("owner"),
        unit="share",
        why="some owners' projects slip more often",
        source=OUTCOMES,
        monotone=1,
    ),
    Feature(
        name="owner_phase_against_portfolio",
        of=against_portfolio("owner_phase"),
        unit="share",
        why="owners are good at one phase and not at another",
        source=OUTCOMES,
        monotone=1,
    ),
    Feature(
        name="phase_to_go_against_portfolio",
        of=against_portfolio("phase_to_go"),
        unit="share",
        why="how projects at this point of their way have fared",
        source=OUTCOMES,
        monotone=1,
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
    groups=(
        GroupBy(name="all"),
        GroupBy(name="owner", key="owner"),
        GroupBy(name="owner_phase", key="owner_phase"),
        GroupBy(name="phase_to_go", key="phase_to_go"),
    ),
    label=Label(
        question="the next report's forecast of completion is more than 60 days later",
        settle=settle,
        maturity_days=250,
    ),
    rule=slips.last().otherwise(constant(0.0)) * 0.5,
    model=ModelSpec(
        parameters={
            "eta": 0.05,
            "max_depth": 3,
            "max_bin": 64,
            "min_child_weight": 3,
            "subsample": 0.6,
            "colsample_bytree": 0.4,
            "reg_lambda": 10,
            "num_parallel_tree": 4,
        },
        rounds=100,
        gates=Gates(auc=0.65, least_rows=100),
    ),
    policy=POLICY,
    slo=Slo(latency_p99_ms=50, freshness_days=250, stale="flag"),
    watch=Watch(drifted_share=0.3, false_positive_rate=0.25, least_outcomes=100),
    lateness_days=45,
    risk_class="limited",
)
