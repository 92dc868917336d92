"""The routes on what is declared: questions, features, bands, promises, and who decides now."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field

from firm.decision import RULE_VERSION
from firm.live import Live
from firm.workflow import Band, Workflow
from serving.access.guard import Guard
from serving.documented import PROBLEMS
from serving.scoring import Scoring


class FeatureShown(BaseModel):
    """A declared feature."""

    name: str
    unit: str
    why: str
    source: str
    monotone: Literal[-1, 0, 1] = Field(
        description="1: the score may only rise with it; -1: only fall"
    )


class ActionShown(BaseModel):
    """What is done on a band."""

    kind: str
    says: str
    approval: str | None = Field(description="the role that has to agree first")


class BandShown(BaseModel):
    """A range of scores, up to the next band."""

    name: str
    at_least: float
    because: str
    actions: list[ActionShown]


class LabelShown(BaseModel):
    """What the score foretells, and when that is known."""

    question: str
    maturity_days: float = Field(description="how long a decision is given before it is overdue")


class PromisesShown(BaseModel):
    """What is promised of an answer."""

    latency_p99_ms: float
    freshness_days: float
    stale: Literal["flag", "refuse"] = Field(description="what is done with an older answer")


class LiveShown(BaseModel):
    """Who decides now."""

    champion: str = Field(description="the registered version, or `rule` without a model")
    canary: str | None
    canary_share: float | None
    because: str = Field(description="why the rule decides although a version was approved")


class WorkflowShown(BaseModel):
    """A declared workflow and the model that is live in it."""

    slug: str
    question: str
    owner: str
    subject: str
    risk_class: Literal["minimal", "limited", "high"]
    worker_notice: str | None
    features: list[FeatureShown]
    bands: dict[str, float] = Field(description="the lowest score of each band")
    policy: list[BandShown]
    policy_version: str
    rule: str = Field(description="what decides while no model is approved")
    reasons: Literal["on request", "on action"] = Field(
        description="when answers give their reasons"
    )
    label: LabelShown
    promises: PromisesShown
    freshness_days: float
    ranks: bool = Field(description="it ranks candidates")
    live: LiveShown
    model_version: str


def workflow_routes(scoring: Scoring, guard: Guard) -> APIRouter:
    """The routes over the declarations and the live models."""
    router = APIRouter(prefix="/workflows", tags=["workflows"], responses=PROBLEMS)
    read = guard.needs("workflows:read")

    @router.get("", dependencies=[read])
    def workflows() -> list[WorkflowShown]:
        """Every declared workflow: its question, owner, features, bands, promises, live model."""
        return [_shown(w, scoring.models.now(slug)) for slug, w in scoring.workflows.items()]

    @router.get("/{slug}", dependencies=[read])
    def workflow(slug: str) -> WorkflowShown:
        """One declared workflow."""
        return _shown(scoring.workflow(slug), scoring.models.now(slug))

    return router


def _shown(workflow: Workflow, live: Live) -> WorkflowShown:
    champion = live.champion.version if live.champion else RULE_VERSION
    canary = live.canary
    return WorkflowShown(
        **workflow.model_dump(include={"slug", "question", "owner", "subject", "risk_class"}),
        worker_notice=workflow.worker_notice,
        features=[
            FeatureShown(name=f.name, unit=f.unit, why=f.why, source=f.source, monotone=f.monotone)
            for f in workflow.features
        ],
        bands={band.name: band.at_least for band in workflow.policy.bands},
        policy=[_band(band) for band in workflow.policy.bands],
        policy_version=workflow.policy_version,
        rule=workflow.rule.words,
        reasons=workflow.reasons,
        label=LabelShown(
            question=workflow.label.question, maturity_days=workflow.label.maturity_days
        ),
        promises=PromisesShown(**workflow.slo.model_dump()),
        freshness_days=workflow.slo.freshness_days,
        ranks=workflow.candidates is not None,
        live=LiveShown(
            champion=champion,
            canary=canary.scorer.version if canary else None,
            canary_share=canary.share if canary else None,
            because=live.because,
        ),
        model_version=champion,
    )


def _band(band: Band) -> BandShown:
    return BandShown(
        name=band.name,
        at_least=band.at_least,
        because=band.because,
        actions=[ActionShown(**action.model_dump()) for action in band.actions],
    )
