"""Decisions held against what became of them: only those of the version that was trained, and the
constant is the share that was known to come true at the cut."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

import numpy as np

from firm.decision import Decision
from firm.ids import EventId
from firm.states import States
from firm.time import Micros
from firm.workflow import Workflow
from headway.demo.result import Judged
from training.quality import quality
from training.registered import RegisteredVersion

LEAST_OF_A_STEP = 50
Outcomes = Sequence[tuple[Decision, float | None, Micros | None]]


def judged(outcomes: Outcomes, cut: Micros, version: RegisteredVersion) -> Judged:
    """The quality of a version's decisions whose outcome became known at the cut or later."""
    known, pairs = [], []
    for decision, outcome, known_at in outcomes:
        if outcome is None or known_at is None:
            continue
        if known_at < cut:
            known.append(outcome)
        elif decision.model_version == version.version:
            pairs.append((outcome, decision.probability))
    outcome_, probability = np.array(pairs, dtype=np.float64).reshape(-1, 2).T
    found = quality(outcome_, probability, fmean(known))
    return Judged(
        found.n,
        found.auc,
        found.pr_auc,
        found.brier,
        found.constant_brier,
        found.calibration_error,
    )


def judged_by_step(
    workflow: Workflow, states: States, outcomes: Outcomes, cut: Micros, version: RegisteredVersion
) -> dict[str, Judged]:
    """The same for each step of the process with enough decisions, each beside its own constant;
    empty where the workflow has no steps."""
    if workflow.step is None:
        return {}
    step_of = {
        entry.event: workflow.step(entry)
        for state in states.subjects.values()
        for entry in state.history.entries
    }
    steps: dict[str, list[tuple[Decision, float | None, Micros | None]]] = {}
    for one in outcomes:
        steps.setdefault(step_of[EventId(one[0].cause)], []).append(one)
    found = {
        step: judged(of_step, cut, version)
        for step, of_step in steps.items()
        if _enough(of_step, cut, version)
    }
    return dict(sorted(found.items(), key=lambda pair: -pair[1].n))


def _enough(outcomes: Outcomes, cut: Micros, version: RegisteredVersion) -> bool:
    known = [(decision, known_at) for decision, _, known_at in outcomes if known_at is not None]
    later = sum(at >= cut and d.model_version == version.version for d, at in known)
    return later >= LEAST_OF_A_STEP and any(at < cut for _, at in known)
