"""All that is held for and against a version before it is registered."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from firm.workflow import Workflow
from training.contest import Contest, contest
from training.fit import Fitted, fit
from training.gates import serving_difference
from training.parts import Parting, quality_by, slices, steps
from training.quality import Quality
from training.registered import RegisteredVersion
from training.replay import Replayed
from training.rows import Floats
from training.scorer import FileScorer
from training.trial import Fitting, Split, Trial, try_out

LEAST_OF_A_STEP = 50
"""Rows; a gate on fewer would fall to chance."""
AS_THE_CONSTANT = 0.001
"""In probability: what the weight of a prior may make of a rate."""
MOST_SLICES = 10
"""Of one kind: the largest."""


class Judgement(NamedTuple):
    """What models walking forward reached on rows that they had not seen.

    Attributes:
        steps: by step of the process, where the workflow has steps.
        slices: by value of each declared slice.
        contest: against the champion, or why there was none.
        unranked: the slices, as "kind value", to whose rows the models said their constants, since
            too few of the rarer outcome were known to say more (`ModelSpec.offset_least`).
    """

    trial: Trial
    steps: dict[str, Quality]
    slices: dict[str, dict[str, Quality]]
    contest: Contest | str
    unranked: frozenset[str] = frozenset()


def judge(
    workflow: Workflow,
    replayed: Replayed,
    splits: Sequence[Split],
    champion: RegisteredVersion | None,
    fitting: Fitting = fit,
) -> Judgement:
    """Try the workflow's model out on the splits, and look at the whole and at its parts.

    Raises:
        CannotTrain: the earlier rows of a split have one outcome only, or a slice is nobody's.
    """
    trial = try_out(workflow, list(splits), fitting)
    declared, partings = workflow.model.gates.slices, slices(workflow, replayed)
    return Judgement(
        trial=trial,
        steps=_parted(steps(workflow, replayed), splits, trial, LEAST_OF_A_STEP, None),
        slices={
            name: _parted(parting, splits, trial, declared.least_rows, MOST_SLICES)
            for name, parting in partings.items()
            if declared
        },
        contest=contest(workflow, champion, splits, trial),
        unranked=_unranked(workflow, partings, splits, trial),
    )


def parts(judgement: Judgement) -> Mapping[str, Mapping[str, Quality]]:
    """Steps and slices together, by kind; kinds of which none is large enough are left out."""
    found = {"step": judgement.steps, **judgement.slices}
    return {kind: values for kind, values in found.items() if values}


def served_difference(workflow: Workflow, fitted: Fitted, features: Floats) -> float:
    """The largest difference between the model in memory and the file that would serve."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.ubj"
        fitted.booster.save_model(path)
        content = path.read_bytes()
        digest = hashlib.sha256(content).hexdigest()
        scorer = FileScorer(path, digest, len(content), workflow.feature_names, "candidate")
        return serving_difference(fitted, scorer, features, workflow.model.seed)


def _parted(
    parting: Parting, splits: Sequence[Split], trial: Trial, least: int, most: int | None
) -> dict[str, Quality]:
    """The quality by part, against the part's own constant as known to each of the models."""
    keys = [key for split in splits for key in parting.of(split.held_out)]
    constant = _constant(parting, splits)
    return quality_by(keys, trial.outcome, trial.probability, constant, least, most)


def _constant(parting: Parting, splits: Sequence[Split]) -> Floats:
    return np.concatenate([parting.constant(s.earlier, s.held_out) for s in splits])


def _unranked(
    workflow: Workflow, partings: Mapping[str, Parting], splits: Sequence[Split], trial: Trial
) -> frozenset[str]:
    """The slices whose rows were all told their constant; none where that is not declared."""
    if not workflow.model.offset_least:
        return frozenset()
    found = set()
    for name, parting in partings.items():
        keys = [key for split in splits for key in parting.of(split.held_out)]
        told = np.abs(trial.probability - _constant(parting, splits)) < AS_THE_CONSTANT
        others = {key for key, as_constant in zip(keys, told, strict=True) if not as_constant}
        found |= {f"{name} {key}" for key in {*keys} - others if key is not None}
    return frozenset(found)
