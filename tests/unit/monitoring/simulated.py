"""Simulated decisions whose truth is known: what happens, when it is told, and what was done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from firm.time import DAY, Micros
from monitoring.cases import NEVER, Cases, Flags, Floats

NOW: Micros = 20_000 * DAY
THRESHOLD = 0.5


@dataclass(frozen=True)
class Truth:
    """All decisions with what really becomes of them, and as they stand at NOW."""

    whole: Cases
    seen: Cases


def delayed(seed: int, count: int = 60_000, days: float = 60.0) -> Truth:
    """Calibrated scores over so many days; what happens is known after 10 days in the mean, what
    does not after 2: a case that ends well ends soon. All is known after 30 days."""
    rng = np.random.default_rng(seed)
    as_of = np.sort(rng.integers(NOW - int(days * DAY), NOW, count))
    score = rng.beta(1.2, 1.8, count)
    outcome = (rng.random(count) < score).astype(float)
    waits = np.minimum(rng.exponential(np.where(outcome == 1, 10.0, 2.0)), 30.0)
    known_at = as_of + (waits * DAY).astype(np.int64)
    whole = Cases.untreated(as_of, score, outcome, known_at)
    return Truth(whole, whole.seen_at(NOW))


def remedied(
    seed: int, holdout: float, works: float = 0.7, count: int = 60_000
) -> tuple[Cases, Floats, Flags]:
    """Alerts that are acted on, which prevents that share of what would have happened; subjects of
    the holdout are left alone. Returns the cases, what would have happened with nothing done, and
    which of them had an alert."""
    rng = np.random.default_rng(seed)
    score = rng.beta(1.2, 1.8, count)
    alert = score >= THRESHOLD
    would = (rng.random(count) < score).astype(float)
    held = rng.random(count) < holdout
    treated = alert & ~held
    prevented = treated & (rng.random(count) < works)
    as_of = np.arange(count, dtype=np.int64)
    outcome = np.where(prevented, 0.0, would)
    return Cases(as_of, score, outcome, as_of, treated, held), would, alert


def cases(**columns: Any) -> Cases:
    """A few cases by hand; what is not given is untreated, and an outcome is known at once."""
    score = np.array(columns["score"], dtype=float)
    nothing = np.zeros(len(score), dtype=bool)
    outcome = np.array(columns.get("outcome", [np.nan] * len(score)), dtype=float)
    as_of = np.array(columns.get("as_of", [0] * len(score)), dtype=np.int64)
    known_at = columns.get("known_at", np.where(np.isnan(outcome), NEVER, as_of))
    return Cases(
        as_of=as_of,
        score=score,
        outcome=outcome,
        known_at=np.array(known_at, dtype=np.int64),
        treated=np.array(columns.get("treated", nothing), dtype=bool),
        held=np.array(columns.get("held", nothing), dtype=bool),
    )
