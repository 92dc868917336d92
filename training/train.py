"""The use case: from the log to a registered version, with the evidence for and against it."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import msgspec

from firm.errors import CannotTrain
from firm.react import Arrival
from firm.time import Micros
from firm.workflow import Workflow
from training.by_step import quality_by, steps_of
from training.candidate import Candidate
from training.fit import Fitted, fit
from training.gates import GateResult, check, serving_difference
from training.leaks import require_none
from training.lessons import lessons, old_enough
from training.pictures import draw
from training.quality import Quality
from training.registered import RegisteredVersion
from training.replay import Replayed, replay_whole
from training.rows import Fingerprint, Floats
from training.scorer import FileScorer
from training.trial import Split, Trial, try_out, walk_forward

if TYPE_CHECKING:
    from training.tune import Tuned


TUNED_ON = 3
"""Of the splits, the oldest ones: what parameters were chosen on cannot judge them."""
LEAST_OF_A_STEP = 50
"""Rows; a gate on fewer would fall to chance."""


class Registers(Protocol):
    """What training needs of the registry."""

    def register(self, workflow: Workflow, candidate: Candidate) -> RegisteredVersion:
        """Keep a version with its evidence."""


class TrainingReport(msgspec.Struct, frozen=True):
    """What came of a training.

    Attributes:
        version: registered whether it passed its gates or not; see `gates`.
        data: the rows that the registered model was fitted on.
        quality: of models walking forward over the most recent of them (`training.trial`).
    """

    version: RegisteredVersion
    data: Fingerprint
    quality: Quality
    gates: tuple[GateResult, ...]


def train(
    workflow: Workflow,
    arrivals: Iterable[Arrival],
    cut: Micros,
    registry: Registers,
    *,
    at: Micros,
    trained_by: str,
    code_version: str,
    tuning: int = 0,
    progress: Callable[[int], None] = lambda _: None,
) -> TrainingReport:
    """Replay the log, judge the model walking forward over the rows known at the cut, and register
    the one that is fitted on all of them.

    A version that fails a gate is registered too, marked as failed, so that there is something to
    look at; `gates.require` keeps it from being promoted. With `tuning`, so many sets of parameters
    are tried on the earlier splits, and the later ones judge the best; `progress` counts them.

    Raises:
        CannotTrain: too few rows are known at the cut, all outcomes are alike, or a feature leaks.
    """
    replayed = replay_whole(workflow, arrivals)
    require_none(workflow, replayed, cut)
    learn = partial(lessons, workflow, replayed)
    known = old_enough(workflow, replayed.rows.known_at(cut), cut)
    splits = walk_forward(workflow, known, learn)
    tuned = _tune(workflow, splits, tuning, progress) if tuning else None
    if tuned is not None:
        workflow, splits = tuned.workflow, splits[TUNED_ON:]
    trial = try_out(workflow, splits)
    rows = learn(cut)
    fitted = fit(workflow, rows)
    difference = served_difference(workflow, fitted, rows.features)
    gates = check(workflow, trial.quality, difference, _steps(workflow, replayed, splits, trial))
    with tempfile.TemporaryDirectory() as folder:
        candidate = Candidate(
            fitted=fitted,
            rows=rows,
            cut=cut,
            quality=trial.quality,
            gates=gates,
            pictures=[
                *draw(trial.outcome, trial.probability, Path(folder)),
                *_tuning_record(tuned, Path(folder)),
            ],
            code_version=code_version,
            trained_by=trained_by,
            at=at,
        )
        version = registry.register(workflow, candidate)
    return TrainingReport(version, rows.fingerprint(), trial.quality, tuple(gates))


def _tune(
    workflow: Workflow, splits: Sequence[Split], trials: int, progress: Callable[[int], None]
) -> Tuned:
    from training.tune import tune  # noqa: PLC0415  (imports Optuna)

    if len(splits) <= TUNED_ON:
        raise CannotTrain(
            f"{workflow.slug}: the known rows give {len(splits)} splits, tuning takes {TUNED_ON} "
            "and judging at least one more; train without tuning, or choose a later cut"
        )
    return tune(workflow, splits[:TUNED_ON], trials, progress)


def _tuning_record(tuned: Tuned | None, folder: Path) -> list[Path]:
    if tuned is None:
        return []
    file = folder / "tuning.json"
    file.write_bytes(msgspec.json.format(msgspec.json.encode(tuned.tried)))
    return [file]


def _steps(
    workflow: Workflow, replayed: Replayed, splits: Sequence[Split], trial: Trial
) -> dict[str, Quality]:
    """The quality by step, where the gates ask for it."""
    if not workflow.model.gates.each_step:
        return {}
    steps = [s for split in splits for s in steps_of(workflow, replayed, split.held_out)]
    least = LEAST_OF_A_STEP
    return quality_by(steps, trial.outcome, trial.probability, trial.constant, least)


def served_difference(workflow: Workflow, fitted: Fitted, features: Floats) -> float:
    """The largest difference between the model in memory and the file that would serve."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.ubj"
        fitted.booster.save_model(path)
        content = path.read_bytes()
        digest = hashlib.sha256(content).hexdigest()
        scorer = FileScorer(path, digest, len(content), workflow.feature_names, "candidate")
        return serving_difference(fitted, scorer, features, workflow.model.seed)
