"""Staffing fit, declared: the question, the label, the model and what follows from a score."""

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
from workflows.staffing_fit.candidates import CANDIDATES
from workflows.staffing_fit.estimate import estimate
from workflows.staffing_fit.fairness import FAIRNESS
from workflows.staffing_fit.features import FEATURES, reassigned
from workflows.staffing_fit.fold import fold, is_first, settle
from workflows.staffing_fit.groups import GROUPS
from workflows.staffing_fit.observe import observe

POLICY = Policy(
    bands=(
        Band(name="fits", at_least=0.0, because="tickets like this one stay where they are"),
        Band(
            name="doubtful",
            at_least=0.45,
            because="reassigned about as often as tickets are on the whole: worth a look",
            actions=(
                ActionSpec(kind="flag_for_dispatch", says="Show it to the dispatcher of the day."),
            ),
        ),
        Band(
            name="look_again",
            at_least=0.7,
            because="more than two in three of such tickets went to another group",
            actions=(
                ActionSpec(
                    kind="suggest_other_group",
                    says=(
                        "Look again at which group this is for, before it works on it. Nobody is "
                        "assigned by this: propose only groups on duty that are cleared for the "
                        "client, speak its language and have room."
                    ),
                    approval="resource_manager",
                ),
            ),
        ),
    )
)

WORKFLOW = Workflow(
    slug="staffing_fit",
    question="Will the ticket leave the group that it is given to first?",
    owner="Resource manager of the service desk",
    subject="ticket",
    facts=(TicketUpdated,),
    triggers=(TicketUpdated,),
    asks=is_first,
    fold=fold,
    features=FEATURES,
    groups=GROUPS,
    observe=observe,
    label=Label(
        question="the ticket is reassigned at least once",
        settle=settle,
        maturity_days=45,
        estimate=estimate,
    ),
    rule=reassigned(("subcategory", "group")),
    model=ModelSpec(
        parameters={
            "eta": 0.05,
            "max_depth": 4,
            "max_bin": 128,
            "min_child_weight": 15,
            "subsample": 0.7,
            "colsample_bytree": 0.3,
            "reg_lambda": 5,
            "num_parallel_tree": 3,
        },
        rounds=300,
        gates=Gates(
            auc=0.80,
            pr_auc=0.70,
            calibration_error=0.06,
            least_rows=1000,
            slices=Slices(by=("priority", "state", "group"), least_rows=200),
        ),
        retrain_days=7,
    ),
    candidates=CANDIDATES,
    fairness=FAIRNESS,
    policy=POLICY,
    slo=Slo(latency_p99_ms=100, freshness_days=1, stale="flag"),
    watch=Watch(drifted_share=0.4, false_positive_rate=0.25, least_outcomes=200),
    lateness_days=1,
    risk_class="high",
    worker_notice=(
        "Tickets, not people, are scored: how likely a ticket is to leave the group that it was "
        "given to first. The group's past enters, so its members may ask what is kept, have a "
        "proposal explained and contest it; a resource manager decides on each."
    ),
)
