"""How good probabilities are on rows that the model has not seen."""

from __future__ import annotations

import msgspec
import numpy as np
from sklearn.metrics import average_precision_score, log_loss, roc_auc_score

from training.rows import Floats

BINS = 10
"""Equal-width bins of the calibration error: each still holds some of a few hundred rows."""


class Quality(msgspec.Struct, frozen=True):
    """Figures of n outcomes and their scores.

    Attributes:
        base_rate: share of these outcomes that are 1.
        auc: area under the ROC curve; None where only one outcome occurs.
        pr_auc: average precision; None where no outcome is 1.
        brier: mean squared error of the probability.
        constant: what the constant answer says: the base rate known when the model was trained
            (the mean of them, where several models were).
        constant_brier: the Brier score of that answer on these rows.
        calibration_error: expected calibration error over BINS equal-width bins.
        log_loss: mean negative log-likelihood, in nats.
    """

    n: int
    base_rate: float
    auc: float | None
    pr_auc: float | None
    brier: float
    constant: float
    constant_brier: float
    calibration_error: float
    log_loss: float


def quality(outcome: Floats, probability: Floats, constant: float | Floats) -> Quality:
    """Judge n probabilities against n outcomes (0.0 or 1.0).

    `constant`, one for all rows or one for each, is the best constant answer known before the cut,
    so the base rate of the training rows: that of these rows was not known then, and no answer
    should be held against it.

    Raises:
        ValueError: there is no row, or the lengths differ.
    """
    if not len(outcome) or len(outcome) != len(probability):
        raise ValueError(
            f"{len(outcome)} outcomes and {len(probability)} probabilities: give as "
            "many of the one as of the other, and at least one"
        )
    positives = int(outcome.sum())
    both = 0 < positives < len(outcome)
    return Quality(
        n=len(outcome),
        base_rate=float(outcome.mean()),
        auc=float(roc_auc_score(outcome, probability)) if both else None,
        pr_auc=float(average_precision_score(outcome, probability)) if positives else None,
        brier=float(np.mean((probability - outcome) ** 2)),
        constant=float(np.mean(constant)),
        constant_brier=float(np.mean((constant - outcome) ** 2)),
        calibration_error=calibration_error(outcome, probability),
        log_loss=float(log_loss(outcome, probability, labels=[0.0, 1.0])),
    )


class Bin(msgspec.Struct, frozen=True):
    """The rows whose score falls into one bin: how many, their mean score, the share that is 1."""

    n: int
    predicted: float
    observed: float


def reliability(outcome: Floats, probability: Floats, bins: int = BINS) -> list[Bin]:
    """The bins of equal width that hold any row, lowest score first."""
    place = np.minimum((probability * bins).astype(np.int64), bins - 1)
    found = []
    for number in np.unique(place):
        inside = place == number
        found.append(
            Bin(int(inside.sum()), float(probability[inside].mean()), float(outcome[inside].mean()))
        )
    return found


def calibration_error(outcome: Floats, probability: Floats) -> float:
    """Expected calibration error: mean distance of score and share, weighted by rows.

    Naeini, Cooper, Hauskrecht (2015), "Obtaining Well Calibrated Probabilities Using Bayesian
    Binning", eq. 4, with equal-width bins.
    """
    bins = reliability(outcome, probability)
    return sum(b.n * abs(b.predicted - b.observed) for b in bins) / len(outcome)
