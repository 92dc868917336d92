"""The use case: from the log to a registered version, with the evidence for and against it."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Protocol

import msgspec

from firm.react import Arrival
from firm.time import Micros
from firm.workflow import Workflow
from training.candidate import Candidate
from training.fit import Fitted, fit
from training.gates import GateResult, check, serving_difference
from training.leaks import require_none
from training.lessons import lessons, old_enough
from training.pictures import draw
from training.quality import Quality
from training.registered import RegisteredVersion
from training.replay import replay_whole
from training.rows import Fingerprint, Floats
from training.scorer import FileScorer
from training.trial import try_out, walk_forward


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
) -> TrainingReport:
    """Replay the log, judge the model walking forward over the rows known at the cut, and register
    the one that is fitted on all of them.

    A version that fails a gate is registered too, marked as failed, so that there is something to
    look at; `gates.require` keeps it from being promoted.

    Raises:
        CannotTrain: too few rows are known at the cut, all outcomes are alike, or a feature leaks.
    """
    replayed = replay_whole(workflow, arrivals)
    require_none(workflow, replayed, cut)
    learn = partial(lessons, workflow, replayed)
    known = old_enough(workflow, replayed.rows.known_at(cut), cut)
    trial = try_out(workflow, walk_forward(workflow, known, learn))
    rows = learn(cut)
    fitted = fit(workflow, rows)
    gates = check(workflow, trial.quality, served_difference(workflow, fitted, rows.features))
    with tempfile.TemporaryDirectory() as folder:
        candidate = Candidate(
            fitted=fitted,
            rows=rows,
            cut=cut,
            quality=trial.quality,
            gates=gates,
            pictures=draw(trial.outcome, trial.probability, Path(folder)),
            code_version=code_version,
            trained_by=trained_by,
            at=at,
        )
        version = registry.register(workflow, candidate)
    return TrainingReport(version, rows.fingerprint(), trial.quality, tuple(gates))


def served_difference(workflow: Workflow, fitted: Fitted, features: Floats) -> float:
    """The largest difference between the model in memory and the file that would serve."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.ubj"
        fitted.booster.save_model(path)
        content = path.read_bytes()
        digest = hashlib.sha256(content).hexdigest()
        scorer = FileScorer(path, digest, len(content), workflow.feature_names, "candidate")
        return serving_difference(fitted, scorer, features, workflow.model.seed)
