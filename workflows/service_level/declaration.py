"""Service level, declared: the question, the label, the model and what follows from a score."""

from __future__ import annotations

from firm.facts import TicketUpdated
from firm.workflow import (
    ActionSpec,
    Band,
    Gates,
    Label,
    ModelSpec,
    Policy,
    Slices,
    Slo,
    Watch,
    Workflow,
)
from workflows.service_level.estimate import estimate
from workflows.service_level.features import FEATURES, lately
from workflows.service_level.fold import fold, is_first, settle
from workflows.service_level.groups import GROUPS
from workflows.service_level.observe import observe

POLICY = Policy(
    bands=(
        Band(name="in_time", at_least=0.0, because="nine in ten of such tickets are in time"),
        Band(
            name="watch",
            at_least=0.3,
            because="more often late than tickets are on the whole: worth a look each day",
            actions=(ActionSpec(kind="notify_lead", says="Ask the group when it will begin."),),
        ),
        Band(
            name="escalate",
            at_least=0.6,
            because="more likely late than not, and days are left to turn it",
            actions=(
                ActionSpec(kind="escalate_ticket", says="Escalate before the promise is broken."),
                ActionSpec(
                    kind="tell_client",
                    says="Tell the client that it will take longer, and why.",
                    approval="delivery_director",
                ),
            ),
        ),
    )
)

WORKFLOW = Workflow(
    slug="service_level",
    question="Will the ticket be closed later than was promised?",
    owner="Head of managed services",
    subject="ticket",
    facts=(TicketUpdated,),
    triggers=(TicketUpdated,),
    asks=is_first,
    fold=fold,
    features=FEATURES,
    groups=GROUPS,
    observe=observe,
    label=Label(
        question="the ticket is closed with its service level missed",
        settle=settle,
        maturity_days=45,
        estimate=estimate,
    ),
    rule=lately("slow", ("subcategory", "group")),
    model=ModelSpec(
        parameters={
            "eta": 0.05,
            "max_depth": 4,
            "max_bin": 128,
            "min_child_weight": 5,
            "subsample": 0.5,
            "colsample_bytree": 0.3,
            "reg_lambda": 5,
            "num_parallel_tree": 3,
        },
        rounds=800,
        gates=Gates(
            auc=0.75,
            pr_auc=0.45,
            calibration_error=0.1,
            least_rows=1000,
            slices=Slices(by=("priority", "group", "opened_by"), least_rows=200),
        ),
        early_stopping=60,
        retrain_days=7,
    ),
    policy=POLICY,
    slo=Slo(latency_p99_ms=100, freshness_days=1, stale="flag"),
    watch=Watch(drifted_share=0.4, false_positive_rate=0.2, least_outcomes=200, look_days=7),
    lateness_days=1,
    risk_class="limited",
)
