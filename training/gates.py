"""What a trained version has to reach before it may be promoted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import msgspec
import numpy as np

from firm.errors import GateFailed
from firm.ports import Scorer
from firm.workflow import Gates, Slices, Workflow
from training.contest import Contest
from training.fit import Fitted
from training.quality import Quality
from training.rows import Floats

if TYPE_CHECKING:
    from training.judge import Judgement

LARGEST_DIFFERENCE = 1e-6
"""Between the served form and the model in memory: float32 keeps about seven digits."""
TRIED_ROWS = 5_000
"""Of more, a sample is scored by both forms; a test tries a hundred thousand."""
LEAST_OF_EACH = 10
"""Rows of the rarer outcome that a slice needs."""
MISSING_SHARE = 0.3
"""How much of each row is made missing to try the paths that complete rows never take."""

Side = Literal["at least", "at most", "below"]


class GateResult(msgspec.Struct, frozen=True):
    """One gate: the figure reached, the limit, and on which side of it the figure has to be.

    `skipped` says why it was not held, where it could not be; it then counts as passed.
    """

    gate: str
    figure: float | None
    side: Side
    limit: float
    passed: bool
    skipped: str | None = None

    def __str__(self) -> str:
        if self.skipped is not None:
            return f"{self.gate} was not held against a limit: {self.skipped}"
        figure = "no figure" if self.figure is None else f"{self.figure:.4g}"
        return f"{self.gate} is {figure}, has to be {self.side} {self.limit:.4g}"


def check(workflow: Workflow, judgement: Judgement, difference: float) -> list[GateResult]:
    """Hold the figures on unseen rows, and the served form's difference, to the declared gates."""
    gates, quality = workflow.model.gates, judgement.trial.quality
    return [
        _result("rows", quality.n, "at least", gates.least_rows),
        _result("AUC", quality.auc, "at least", gates.auc),
        _result("PR-AUC", quality.pr_auc, "at least", gates.pr_auc),
        _result("Brier score", quality.brier, "below", quality.constant_brier),
        _result("calibration error", quality.calibration_error, "at most", gates.calibration_error),
        _result("served form's difference", difference, "at most", LARGEST_DIFFERENCE),
        _against_champion(judgement.contest, gates),
        *(
            _result(f"Brier score at {step}", at.brier, "below", at.constant_brier)
            for step, at in (judgement.steps.items() if gates.each_step else ())
        ),
        *(
            _slice(f"{name} {value}", of, gates.slices, judgement.unranked)
            for name, values in judgement.slices.items()
            for value, of in values.items()
            if gates.slices and _tells(of)
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

    Tried on the rows as they are, TRIED_ROWS at most, and on the same with random values made
    missing.
    """
    luck = np.random.default_rng(seed)
    tried = luck.permutation(features)[:TRIED_ROWS]
    missing = luck.random(tried.shape) < MISSING_SHARE
    both = np.vstack([tried, np.where(missing, np.nan, tried)])
    rows = [tuple(None if np.isnan(v) else v for v in row) for row in both.tolist()]
    served = np.array(scorer.predict(rows), dtype=np.float64)
    return float(np.abs(served - fitted.predict(both)).max(initial=0.0))


def _against_champion(contest: Contest | str, gates: Gates) -> GateResult:
    """A candidate may be worse by chance: what counts is how bad it could well be."""
    if isinstance(contest, str):
        gate = "Brier score against the champion's"
        return GateResult(gate, None, "below", gates.worse_by, passed=True, skipped=contest)
    gate = (
        f"Brier score less that of champion {contest.champion} on {contest.n:,} rows "
        f"({contest.difference:+.4f}; {contest.confidence:.0%} sure to be below)"
    )
    return _result(gate, contest.high, "below", gates.worse_by)


def _slice(name: str, quality: Quality, declared: Slices, unranked: frozenset[str]) -> GateResult:
    """What beats its own constant has not collapsed; nor has what is still ranked. Where nothing is
    told but the constant, as declared, there is no model that could."""
    brier = _result(f"Brier score of {name}", quality.brier, "below", quality.constant_brier)
    if brier.passed:
        return brier
    if name in unranked:
        return msgspec.structs.replace(
            brier, passed=True, skipped="too little is known of it to say more than its base rate"
        )
    return _result(f"AUC of {name}", quality.auc, "at least", declared.auc)


def _tells(quality: Quality) -> bool:
    """Whether both outcomes occur often enough to say more of the model than of chance."""
    positives = round(quality.n * quality.base_rate)
    return min(positives, quality.n - positives) >= LEAST_OF_EACH


def _result(gate: str, figure: float | None, side: Side, limit: float) -> GateResult:
    passed = figure is not None and _holds(figure, side, limit)
    return GateResult(gate, figure, side, limit, passed)


def _holds(figure: float, side: Side, limit: float) -> bool:
    """False for NaN, whatever the side."""
    if side == "at least":
        return figure >= limit
    return figure <= limit if side == "at most" else figure < limit
