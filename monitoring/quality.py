"""How good the scores were, judged only where the outcome is known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from monitoring.calibration import Bin, Floats, bins, expected_error
from monitoring.cases import Cases
from monitoring.window import OUTCOME, SCORE


@dataclass(frozen=True)
class Quality:
    """Counts and shares; a share is None where there is nothing to divide by.

    Attributes:
        rows, matured: scored rows, and those of them whose outcome is known.
        immature_share: share of rows whose outcome is not known yet.
        alerts: rows at or above the threshold, whether or not their outcome is known.
        false_positives: alerts after which nothing happened; like all below, of matured rows.
        false_alert_share: of the alerts with a known outcome (1 - precision).
        false_positive_rate: of the cases in which nothing happened.
        brier: mean squared error of the score; `brier_constant` is that of always saying
            `constant`, the share that happened in training. A useful model stays below it.
        ece: expected calibration error over `curve`.
    """

    rows: int
    matured: int
    immature_share: float | None
    alerts: int
    true_positives: int
    false_positives: int
    true_negatives: int
    false_negatives: int
    false_alert_share: float | None
    false_positive_rate: float | None
    precision: float | None
    recall: float | None
    auc: float | None
    brier: float | None
    constant: float | None
    brier_constant: float | None
    ece: float | None
    curve: tuple[Bin, ...]

    @property
    def one_class(self) -> bool:
        """Whether all known outcomes are the same, so that ranking cannot be judged."""
        happened = self.true_positives + self.false_negatives
        return self.matured > 0 and happened in (0, self.matured)


def judge(frame: pd.DataFrame, threshold: float, constant: float | None) -> Quality:
    """The quality of the scores in a frame with `prediction` and `target` (NaN: not known yet)."""
    known = frame[frame[OUTCOME].notna()]
    scores, outcomes = known[SCORE].to_numpy(np.float64), known[OUTCOME].to_numpy(np.float64)
    alert, happened = scores >= threshold, outcomes == 1
    hits, false = int((alert & happened).sum()), int((alert & ~happened).sum())
    missed, quiet = int((~alert & happened).sum()), int((~alert & ~happened).sum())
    curve = bins(scores, outcomes)
    return Quality(
        rows=len(frame),
        matured=len(known),
        immature_share=_ratio(len(frame) - len(known), len(frame)),
        alerts=int((frame[SCORE] >= threshold).sum()),
        true_positives=hits,
        false_positives=false,
        true_negatives=quiet,
        false_negatives=missed,
        false_alert_share=_ratio(false, hits + false),
        false_positive_rate=_ratio(false, false + quiet),
        precision=_ratio(hits, hits + false),
        recall=_ratio(hits, hits + missed),
        auc=_auc(scores, happened),
        brier=_squared_error(scores, outcomes),
        constant=constant,
        brier_constant=None if constant is None else _squared_error(constant, outcomes),
        ece=expected_error(curve),
        curve=curve,
    )


def judge_cases(cases: Cases, threshold: float, constant: float | None) -> Quality:
    """The quality of the scores of cases; those whose outcome is not known are counted only."""
    frame = pd.DataFrame({SCORE: cases.score, OUTCOME: cases.outcome})
    return judge(frame, threshold, constant)


def comparable(training: Quality, now: Quality) -> bool:
    """Whether Evidently can judge both: it prints 0 where it cannot divide, or fails."""
    return all(one.auc is not None and one.precision is not None for one in (training, now))


def share_that_happened(frame: pd.DataFrame) -> float | None:
    """Of the rows with a known outcome, the share with outcome 1; None if none is known."""
    known = frame[OUTCOME].dropna()
    return None if known.empty else float(known.mean())


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _squared_error(scores: Floats | float, outcomes: Floats) -> float | None:
    return float(np.mean((scores - outcomes) ** 2)) if len(outcomes) else None


def _auc(scores: Floats, happened: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> float | None:
    """How often a case that happened outranks one that did not; ties count half (Mann-Whitney)."""
    ones, zeros = int(happened.sum()), int((~happened).sum())
    if not ones or not zeros:
        return None
    ranks = pd.Series(scores).rank().to_numpy()
    return float((ranks[happened].sum() - ones * (ones + 1) / 2) / (ones * zeros))
