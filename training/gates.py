"""What a trained version has to reach before it may be promoted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec
import numpy as np

from firm.errors import GateFailed
from firm.ports import Scorer
from firm.workflow import Workflow
from training.fit import Fitted
from training.quality import Quality
from training.rows import Floats

LARGEST_DIFFERENCE = 1e-6
"""Between the served form and the model in memory: float32 keeps about seven digits."""
MISSING_SHARE = 0.3
"""How much of each row is made missing to try the paths that complete rows never take."""

Side = Literal["at least", "at most", "below"]


class GateResult(msgspec.Struct, frozen=True):
    """One gate: the figure reached, the limit, and on which side of it the figure has to be."""

    gate: str
    figure: float | None
    side: Side
    limit: float
    passed: bool

    def __str__(self) -> str:
        figure = "no figure" if self.figure is None else f"{self.figure:.4g}"
        return f"{self.gate} is {figure}, has to be {self.side} {self.limit:.4g}"


def check(
    workflow: Workflow,
    quality: Quality,
    difference: float,
    steps: Mapping[str, Quality] | None = None,
) -> list[GateResult]:
    """Hold the figures on unseen rows, and the served form's difference, to the declared gates;
    each of the `steps` has to beat its constant as well."""
    gates = workflow.model.gates
    return [
        _result("rows", quality.n, "at least", gates.least_rows),
        _result("AUC", quality.auc, "at least", gates.auc),
        _result("PR-AUC", quality.pr_auc, "at least", gates.pr_auc),
        _result("Brier score", quality.brier, "below", quality.constant_brier),
        _result("calibration error", quality.calibration_error, "at most", gates.calibration_error),
        _result("served form's difference", difference, "at most", LARGEST_DIFFERENCE),
        *(
            _result(f"Brier score at {step}", at.brier, "below", at.constant_brier)
            for step, at in (steps or {}).items()
        ),
    ]


def require(results: Sequence[GateResult], version: str) -> None:
    """Let a version through only if it passed all gates.

    Raises:
        GateFailed: it did not; each failed gate is named with its figure and limit.
    """
    failed = [result for result in results if not result.passed]
    if failed or not results:
        reasons = "; ".join(map(str, failed)) or "no gate was checked"
        raise GateFailed(f"version {version} must not be promoted: {reasons}")


def serving_difference(fitted: Fitted, scorer: Scorer, features: Floats, seed: int) -> float:
    """The largest difference between the served form and the model in memory.

    Tried on the rows as they are and on the same with random values made missing.
    """
    missing = np.random.default_rng(seed).random(features.shape) < MISSING_SHARE
    both = np.vstack([features, np.where(missing, np.nan, features)])
    rows = [tuple(None if np.isnan(v) else v for v in row) for row in both.tolist()]
    served = np.array(scorer.predict(rows), dtype=np.float64)
    return float(np.abs(served - fitted.predict(both)).max(initial=0.0))


def _result(gate: str, figure: float | None, side: Side, limit: float) -> GateResult:
    passed = figure is not None and _holds(figure, side, limit)
    return GateResult(gate, figure, side, limit, passed)


def _holds(figure: float, side: Side, limit: float) -> bool:
    """False for NaN, whatever the side."""
    if side == "at least":
        return figure >= limit
    return figure <= limit if side == "at most" else figure < limit
