"""Billing readiness, declared: at each step, will the request be rejected before it is paid?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from firm.facts import PaymentRequestMoved
from firm.groups import Observation
from firm.history import Entry
from firm.workflow import (
    ActionSpec,
    AtStake,
    Band,
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
from workflows.billing_readiness.approvals import (
    APPROVERS,
    group_of,
    missing_approvals,
    observe_approvals,
)
from workflows.billing_readiness.features import AMOUNT, FEATURES, step_rate
from workflows.billing_readiness.fold import (
    CURRENCY,
    fold,
    fold_with_amount,
    is_open,
    observe,
    settle,
    step_of,
)

MINUTE = 1 / 60
"""The width of buckets, in hours: a rejection tells on the next request of its unit."""
OBSERVED: dict[str, str | None] = {
    "submissions": None,
    "endings": None,
    "unit_submissions": "unit",
    "unit_endings": "unit",
    "unit_rejections": "unit",
    "unit_refusals": "unit",
    **{group_of(approver): "chain" for approver in APPROVERS},
}
GROUPS = (
    GroupBy(name="all", grain_hours=MINUTE),
    GroupBy(name="step", key="step", grain_hours=MINUTE),
    GroupBy(name="unit_step", key=("unit", "step"), grain_hours=MINUTE),
    *(
        GroupBy(name=name, key=key, counts="observed", grain_hours=MINUTE)
        for name, key in OBSERVED.items()
    ),
)
POLICY = Policy(
    bands=(
        Band(
            name="ready",
            at_least=0.0,
            because="is rejected no more often than requests at their submission are",
        ),
        Band(
            name="check",
            at_least=0.25,
            because="requests of this unit are being rejected more often than usual",
            actions=(
                ActionSpec(
                    kind="ask_project_lead",
                    says="Check the evidence and the missing approvals before it goes on.",
                ),
            ),
        ),
        Band(
            name="hold",
            at_least=0.35,
            because="is likely to come back, or has been sent back already",
            actions=(
                ActionSpec(
                    kind="route_exception",
                    says="Hold the request and clear it with the submitter and the approvers.",
                    approval="finance",
                ),
            ),
        ),
    )
)
COMPARISON = Policy(
    bands=(
        Band(
            name="compared", at_least=0.0, because="is only scored for comparison: nothing follows"
        ),
    )
)
PARAMETERS = {
    "eta": 0.04,
    "max_depth": 3,
    "max_bin": 128,
    "min_child_weight": 25,
    "subsample": 0.6,
    "colsample_bytree": 0.5,
    "reg_lambda": 20,
    "num_parallel_tree": 3,
}


def observe_all(entries: Sequence[Entry]) -> Iterator[Observation]:
    """What a request tells of its unit: how it fares, and who approves."""
    yield from observe(entries)
    yield from observe_approvals(entries)


def _declared(**variant: Any) -> Workflow:
    declared = {
        "question": "Will a rejection follow before the request is paid?",
        "owner": "Head of accounts payable",
        "subject": "payment_request",
        "facts": (PaymentRequestMoved,),
        "triggers": (PaymentRequestMoved,),
        "asks": is_open,
        "groups": GROUPS,
        "observe": observe_all,
        "label": Label(
            question="a rejection comes after this step and before the payment",
            settle=settle,
            maturity_days=45,
        ),
        "rule": step_rate,
        "model": ModelSpec(
            parameters=PARAMETERS,
            rounds=80,
            gates=Gates(
                auc=0.6,
                calibration_error=0.05,
                least_rows=1_000,
                slices=Slices(by=("step", "unit"), auc=0.5, least_rows=200),
            ),
            offset_by="step",
            offset_prior=0.1,
            offset_least=30,
            retrain_days=30,
        ),
        "step": step_of,
        "awaits": missing_approvals,
        "slo": Slo(latency_p99_ms=50, freshness_days=90, stale="flag"),
        "watch": Watch(
            drifted_share=0.3,
            false_positive_rate=0.15,
            least_outcomes=300,
            look_days=15,
            at_stake=AtStake(money="amount", currency=CURRENCY, because="the requested amount"),
        ),
        "reasons": "on action",
        "lateness_days": 7,
        "risk_class": "limited",
    }
    return Workflow(**{**declared, **variant})


WORKFLOW = _declared(slug="billing_readiness", fold=fold, features=FEATURES, policy=POLICY)
WORKFLOW_WITH_AMOUNT = _declared(
    slug="billing_readiness_with_amount",
    fold=fold_with_amount,
    features=(*FEATURES, AMOUNT),
    policy=COMPARISON,
)
"""To report what the amount would add. The log holds the final amount, which may have been changed
on the way: nothing is decided on it."""
