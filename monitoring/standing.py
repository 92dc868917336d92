"""The figures of a version as they stand: what is kept beside it, and shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from itertools import compress
from typing import Any

import numpy as np
import pandas as pd

from firm.time import Micros, to_datetime
from firm.workflow import Workflow
from monitoring import slo
from monitoring.cases import Cases
from monitoring.columns import Group
from monitoring.costs import costs
from monitoring.estimate import expected
from monitoring.labels import LabelWatch
from monitoring.maturity import maturity_curve
from monitoring.parts import part_column, parts
from monitoring.quality import Quality, judge_cases
from monitoring.rates import Rate, rate
from monitoring.treatment import judge_treated
from monitoring.watch import VersionWatch
from monitoring.window import OUTCOME, SCORE
from monitoring.windows import Window

LAST_WINDOWS = 50
SHARES = (0.5, 0.9, 0.99)
"""Of outcomes, for which the age is told by which they are known."""
LEAST_OF_A_SLICE = 30


def standing(watch: VersionWatch, labels: LabelWatch, now: Micros) -> dict[str, Any]:
    """All figures of a version as JSON has them; a figure that does not exist is None.

    Quality is that of matured decisions only, with the share of the others beside it; for these
    stands what calibrated scores lead one to expect, and how near such an estimate came before.
    """
    workflow, cases = watch.workflow, watch.cases()
    old = cases.is_matured(now, workflow.label.maturity_days)
    matured, groups = cases.where(old), list(compress(watch.groups, old))
    young = cases.where(~old)
    threshold, constant = workflow.policy.alarm_at, _base_rate(watch)
    quality = judge_cases(matured, threshold, constant)
    return {
        "workflow": workflow.slug,
        "version": watch.version,
        "owner": workflow.owner,
        "now": to_datetime(now).isoformat(),
        "threshold": threshold,
        "decisions": len(cases),
        "immature_share": len(young) / len(cases) if len(cases) else None,
        "outcomes": _outcomes(watch, labels, cases),
        "maturity": _maturity(workflow, cases, now),
        "matured": {**_quality(quality), **_intervals(quality)},
        "expected": asdict(expected(young.score, threshold)),
        "estimate": _estimate(matured, quality, threshold),
        "treatment": asdict(judge_treated(matured, threshold)),
        "costs": _costs(workflow, matured),
        "promises": [
            promised(slo.freshness(watch.stale, len(cases))),
            promised(slo.labels(quality.rows - quality.matured, quality.rows)),
        ],
        "slices": _slices(workflow, matured, constant),
        "parts": _parts(workflow, matured, groups),
        "windows": [_window(watch, one) for one in watch.windows[-LAST_WINDOWS:]],
    }


def _base_rate(watch: VersionWatch) -> float | None:
    return watch.reference.base_rate if watch.reference else None


def _outcomes(watch: VersionWatch, labels: LabelWatch, cases: Cases) -> dict[str, int]:
    return {
        "known": int(cases.known.sum()),
        "corrected": watch.corrected,
        "for_no_decision": len(labels.orphans),
        "told_again": labels.repeated,
    }


def _maturity(workflow: Workflow, cases: Cases, now: Micros) -> dict[str, Any]:
    curve = maturity_curve(cases, now)
    declared = workflow.label.maturity_days
    return {
        "declared_days": declared,
        "known_by_then": curve.known_by(declared),
        "days_until_known": {f"{share:g}": curve.age_at(share) for share in SHARES},
        "curve": [
            [days, curve.known_by(days)] for days in np.linspace(0, declared, 31).round(2).tolist()
        ],
    }


def _quality(quality: Quality) -> dict[str, Any]:
    found = asdict(quality)
    found["overdue"] = quality.rows - quality.matured
    return found


def _intervals(quality: Quality) -> dict[str, Any]:
    hits, false = quality.true_positives, quality.false_positives
    missed, quiet = quality.false_negatives, quality.true_negatives
    shares: dict[str, Rate | None] = {
        "precision_interval": rate(hits, hits + false),
        "recall_interval": rate(hits, hits + missed),
        "false_positive_rate_interval": rate(false, false + quiet),
    }
    return {name: asdict(found) if found else None for name, found in shares.items()}


def _estimate(matured: Cases, quality: Quality, threshold: float) -> dict[str, Any]:
    """What the scores of the matured led one to expect, and how far off that was."""
    foretold = asdict(expected(matured.where(matured.known).score, threshold))
    really = {name: getattr(quality, name) for name in ("precision", "recall", "brier", "auc")}
    return {
        name: {
            "estimated": foretold[name],
            "really": value,
            "off_by": None if None in (foretold[name], value) else abs(foretold[name] - value),
        }
        for name, value in really.items()
    }


def _costs(workflow: Workflow, matured: Cases) -> dict[str, Any] | None:
    stakes, known = workflow.watch.stakes, matured.where(matured.known)
    if stakes is None:
        return None
    found = costs(known.score, known.outcome, workflow.policy.alarm_at, stakes)
    if found is None:
        return None
    return {
        **asdict(found),
        "cost": str(found.cost),
        "least": str(found.least),
        "curve": [str(cost) for cost in found.curve],
        "currency": stakes.missed.currency,
        "because": stakes.because,
    }


def promised(promise: slo.Promise) -> dict[str, Any]:
    """A promise as JSON has it."""
    return {**asdict(promise), "budget_left": promise.budget_left, "broken": promise.broken}


def _slices(workflow: Workflow, matured: Cases, constant: float | None) -> dict[str, Any]:
    months = [f"{to_datetime(at):%Y-%m}" for at in matured.as_of.tolist()]
    bands = [workflow.policy.band(score).name for score in matured.score.tolist()]
    return {
        "month": sliced(workflow, matured, months, constant),
        "band": sliced(workflow, matured, bands, constant),
    }


def _parts(workflow: Workflow, matured: Cases, groups: Sequence[Group]) -> list[dict[str, Any]]:
    """The same by declared group, as reports tell it; one with few known outcomes is only
    counted."""
    rows = pd.DataFrame({SCORE: matured.score, OUTCOME: matured.outcome})
    for place, by in enumerate(workflow.told_by):
        rows[part_column(by)] = [group[place] if group else None for group in groups]
    return [asdict(part) for part in parts(rows, workflow.told_by, workflow.policy.alarm_at, None)]


def sliced(
    workflow: Workflow, cases: Cases, keys: Sequence[str], constant: float | None
) -> dict[str, Any]:
    """False positives and negatives of each slice with enough known outcomes."""
    names, found = np.array(keys, dtype=object), {}
    for name in sorted(set(keys)):
        quality = judge_cases(cases.where(names == name), workflow.policy.alarm_at, constant)
        if quality.matured >= LEAST_OF_A_SLICE:
            found[name] = {
                "judged": quality.matured,
                "alerts": quality.alerts,
                "false_positives": quality.false_positives,
                "false_negatives": quality.false_negatives,
                **_intervals(quality),
                "happened": (quality.true_positives + quality.false_negatives) / quality.matured,
            }
    return found


def _window(watch: VersionWatch, window: Window) -> dict[str, Any]:
    cases = watch.cases(window)
    known = cases.where(cases.known)
    return {
        "number": window.number,
        "start": to_datetime(window.start).isoformat(),
        "end": to_datetime(window.end).isoformat(),
        "decisions": len(cases),
        "known": len(known),
        "mean_score": float(cases.score.mean()),
        "happened_of_known": float(known.outcome.mean()) if len(known) else None,
        "inputs_compared": len(window.inputs.columns) if window.inputs else 0,
        "inputs_moved": [column.name for column in window.moved_inputs],
        "attributions_moved": [column.name for column in window.moved_attributions],
        "score_distance": window.score.distance if window.score else None,
        "farthest_since_last": (
            window.since_last.columns[0].name
            if window.since_last and window.since_last.columns
            else None
        ),
        "expected_precision": window.expected.precision,
    }
