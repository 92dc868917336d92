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
    AtStake,
    Band,
    Direction,
    Feature,
    Gates,
    GroupBy,
    Label,
    ModelSpec,
    Policy,
    Slices,
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
slip_ratio = moved_in_all / (duration - moved_in_all).at_least(180)
slip_rate = (slips.total() + 1.5) / (slips.count() + 4)
budget = series("budget").last().positive().log()


def reported(name: str, of: Expr, unit: str, why: str, monotone: Direction = 0) -> Feature:
    """A feature of the project's own reports."""
    return Feature(name=name, of=of, unit=unit, why=why, source=REPORT, monotone=monotone)


def compared(name: str, group: str, why: str) -> Feature:
    """How much more often than the whole portfolio a group has slipped of late.

    The difference tells; the rates themselves drift from period to period.
    """
    own, portfolio = (known_rate(g, prior="all", half_life_days=365) for g in (group, "all"))
    of = own - portfolio
    return Feature(name=name, of=of, unit="share", why=why, source=OUTCOMES, monotone=1)


FEATURES = (
    reported("to_go", to_go, "days", "what is close, or overdue, moves otherwise than what is far"),
    reported("age", age, "days", "old projects have shown their habits"),
    reported("duration", duration, "days", "long projects slip further"),
    reported("elapsed", age / duration.positive(), "share", "how much of its time is used up"),
    reported("last_move", gentle_moves.last(), "days", "it moves again, or it has settled"),
    reported("recent_moves", gentle_moves.fading(0.5), "days", "its habit, newest moves first"),
    reported("slip_rate", slip_rate, "share", "how often it slipped too far before", monotone=1),
    reported("slip_ratio", slip_ratio, "share", "how far it has slipped in all, against its plan"),
    reported(
        "since_move", moves.nonzero().days_since(), "days", "untouched, so overdue for change"
    ),
    reported("budget", budget, "log USD", "large projects behave differently from small ones"),
    reported("in_phase", days_in("phase"), "days", "a phase that drags on delays what follows"),
    reported(
        "phase", ordered("phase", PHASES), "place", "the later, the less is left", monotone=-1
    ),
    compared("owner_against_portfolio", "owner", "some owners' projects slip more often"),
    compared("owner_phase_against_portfolio", "owner_phase", "owners are good at some phases only"),
    compared("phase_to_go_against_portfolio", "phase_to_go", "how others fared at this point"),
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
        GroupBy(name="owner_phase", key=("owner", "phase")),
        GroupBy(name="phase_to_go", key=("phase", "stretch")),
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
        gates=Gates(auc=0.65, least_rows=100, slices=Slices(by=("phase", "owner"))),
        retrain_days=30,
    ),
    policy=POLICY,
    slo=Slo(latency_p99_ms=50, freshness_days=250, stale="flag"),
    watch=Watch(
        false_positive_rate=0.25,
        at_stake=AtStake(money="budget", currency="USD", because="the project's forecast budget"),
    ),
    lateness_days=45,
    risk_class="limited",
)
