"""The use case: from the log to a registered version, with the evidence for and against it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import msgspec

from firm.errors import CannotTrain
from firm.react import Arrival
from firm.time import Micros
from firm.workflow import Workflow
from training.candidate import Candidate
from training.contributions import draw_contributions
from training.fairness import JudgesFairness, evidence
from training.gates import GateResult, check
from training.judge import judge, parts, served_difference
from training.leaks import require_none
from training.lessons import to_judge_on
from training.pictures import draw
from training.quality import Quality
from training.registered import RegisteredVersion
from training.rows import Fingerprint
from training.selection import Sampled
from training.source import Replays, in_memory
from training.trial import Split, walk_forward

if TYPE_CHECKING:
    from training.tune import Tuned


TUNED_ON = 3
"""Of the splits, the oldest ones: what parameters were chosen on cannot judge them."""


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
    champion: RegisteredVersion | None = None,
    card: str = "",
    tuning: int = 0,
    progress: Callable[[int], None] = lambda _: None,
    replays: Replays = in_memory,
    fairness: JudgesFairness | None = None,
) -> TrainingReport:
    """Replay the log, judge the model walking forward over the rows to judge on at the cut, and
    register the one that is fitted on all that may be learnt from then.

    A version that fails a gate is registered too, marked as failed, so that there is something to
    look at; `gates.require` keeps it from being promoted. It is held against the `champion`, if one
    is live; `card` is what the workflow's own model card says. With `tuning`, so many sets of
    parameters are tried on the earlier splits, and the later ones judge the best; `progress` counts
    them. `replays` says where the rows are kept and how a model is fitted on them. `fairness`
    judges whom the version would show, where its workflow declares fairness; without it, the
    version fails.

    Raises:
        CannotTrain: too few rows are known at the cut, all outcomes are alike, or a feature leaks.
    """
    sampled = Sampled(workflow, cut)
    watch = sampled if workflow.fairness else None
    replayed, learn, fitting = replays(workflow, arrivals, watch)
    require_none(workflow, replayed, cut)
    splits = walk_forward(workflow, to_judge_on(workflow, replayed, cut), learn)
    tuned = _tune(workflow, splits, tuning, progress) if tuning else None
    if tuned is not None:
        workflow, splits = tuned.workflow, splits[TUNED_ON:]
    judgement = judge(workflow, replayed, splits, champion, fitting)
    rows = learn(cut)
    fitted = fitting(workflow, rows)
    gates = check(workflow, judgement, served_difference(workflow, fitted, rows.features))
    with tempfile.TemporaryDirectory() as folder:
        fair = evidence(workflow, sampled, fitted, fairness, Path(folder))
        gates += fair.gates
        candidate = Candidate(
            fitted=fitted,
            rows=rows,
            cut=cut,
            quality=judgement.trial.quality,
            parts=parts(judgement),
            gates=gates,
            card=card,
            pictures=[
                *draw(judgement.trial, Path(folder)),
                draw_contributions(fitted, rows, Path(folder)),
                *_tuning_record(tuned, Path(folder)),
                *fair.pictures,
            ],
            code_version=code_version,
            trained_by=trained_by,
            at=at,
            fairness=fair,
        )
        version = registry.register(workflow, candidate)
    return TrainingReport(version, rows.fingerprint(), judgement.trial.quality, tuple(gates))


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
