"""What may be learnt from at a cut: outcomes known by then and, where a workflow declares how,
estimates of those that were not.

At any cut the slow cases are still open, so those with a known outcome are a biased sample. An
estimate of the others, made from nothing but what stood in the log before the cut, mends that.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from firm.errors import CannotTrain
from firm.ids import EventId
from firm.time import DAY, Micros
from firm.workflow import Workflow
from training.replay import Replayed
from training.rows import UNKNOWN, Flags, Floats, TrainingRows


def lessons(workflow: Workflow, replayed: Replayed, cut: Micros) -> TrainingRows:
    """The rows to fit on at the cut; an outcome may be any number from 0 to 1.

    Raises:
        CannotTrain: the declared estimate gives something that is no probability.
    """
    rows, label = replayed.rows, workflow.label
    if label.estimate is None:
        return old_enough(workflow, rows.known_at(cut), cut)
    young = old_enough(workflow, rows.where(rows.as_of < cut), cut)
    estimates = label.estimate(replayed.histories(cut), cut)
    return _complemented(workflow, young, estimates, cut)


def to_judge_on(workflow: Workflow, replayed: Replayed, cut: Micros) -> TrainingRows:
    """The rows to judge on at the cut: with the outcomes known by then and, where a workflow
    declares how to estimate the others, with those drawn by their estimated chance.

    Held to the known alone, a model would be held to the quick cases: those whose label comes late
    are still missing. A drawn outcome is right on the average of many rows, of one it says little.
    """
    rows, label = replayed.rows, workflow.label
    if label.estimate is None:
        return old_enough(workflow, rows.known_at(cut), cut)
    young = old_enough(workflow, rows.where(rows.as_of < cut), cut)
    estimates = label.estimate(replayed.histories(cut), cut)
    chance = _chances(young.event, estimates)
    luck = np.random.default_rng(workflow.model.seed).random(len(young))
    drawn = np.where(np.isnan(chance), np.nan, luck < chance)
    known = young.known_from < cut
    return _with(young, np.where(known, young.outcome, drawn), known)


def old_enough(workflow: Workflow, rows: TrainingRows, cut: Micros) -> TrainingRows:
    """The rows that have the declared age at the cut."""
    return rows.where(rows.as_of <= cut - int(workflow.label.least_age_days * DAY))


def _complemented(
    workflow: Workflow, rows: TrainingRows, estimates: Mapping[EventId, float], cut: Micros
) -> TrainingRows:
    known = rows.known_from < cut
    outcome = complemented(workflow.slug, rows.event, rows.outcome, known, estimates)
    return _with(rows, outcome, known)


def _with(rows: TrainingRows, outcome: Floats, known: Flags) -> TrainingRows:
    """The rows with these outcomes, of which only some are known; without one they are left out."""
    known_from = np.where(known, rows.known_from, UNKNOWN)
    return rows.replace(outcome=outcome, known_from=known_from).where(~np.isnan(outcome))


def _chances(event: NDArray[np.object_], estimates: Mapping[EventId, float]) -> Floats:
    """The estimates of n rows; NaN where there is none."""
    return np.array([estimates.get(id_, np.nan) for id_ in event], dtype=np.float64)


def complemented(
    slug: str,
    event: NDArray[np.object_],
    outcome: Floats,
    known: Flags,
    estimates: Mapping[EventId, float],
) -> Floats:
    """The outcomes of n rows: estimates where there are, else those known; NaN where neither is.

    Raises:
        CannotTrain: an estimate is no probability.
    """
    estimated = _chances(event, estimates)
    found = np.where(np.isnan(estimated), np.where(known, outcome, np.nan), estimated)
    if ((found < 0) | (found > 1)).any():
        raise CannotTrain(
            f"{slug}: its label's estimate gives {np.nanmin(found):g} to "
            f"{np.nanmax(found):g}; it has to give probabilities"
        )
    return found
