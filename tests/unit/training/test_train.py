"""From the log to a registered version: judged walking forward, fitted on all that was known."""

import hashlib
from pathlib import Path

import numpy as np
import pytest

from firm.errors import CannotTrain
from firm.workflow import Workflow
from tests.unit.training.small import MONTH, START, WORKFLOW, log
from training.candidate import Candidate
from training.gates import require
from training.registered import RegisteredVersion
from training.replay import replay
from training.rows import TrainingRows
from training.train import TrainingReport, train
from training.trial import STEPS, try_out, walk_forward

CUT = START + 7 * MONTH


class Shelf:
    """A registry that keeps versions in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.kept: list[Candidate] = []
        self.pictures: list[str] = []

    def register(self, workflow: Workflow, candidate: Candidate) -> RegisteredVersion:
        path = self._folder / "model.ubj"
        candidate.fitted.booster.save_model(path)
        content = path.read_bytes()
        self.kept.append(candidate)
        self.pictures += [p.name for p in candidate.pictures if p.stat().st_size > 1000]
        return RegisteredVersion(
            workflow=workflow.slug,
            version=str(len(self.kept)),
            run="run",
            path=path,
            sha256=hashlib.sha256(content).hexdigest(),
            size=len(content),
            cut=candidate.cut,
            gates_passed=candidate.gates_passed,
            trained_by=candidate.trained_by,
        )


def run(shelf: Shelf, workflow: Workflow = WORKFLOW, cut: int = CUT) -> TrainingReport:
    return train(workflow, log(), cut, shelf, at=cut, trained_by="ada", code_version="test")


def test_a_version_that_learnt_something_passes_its_gates(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    report = run(shelf)
    require(report.gates, report.version.version)
    assert report.version.gates_passed
    assert report.quality.auc is not None
    assert report.quality.auc > 0.6
    assert shelf.pictures == [
        "reliability.png",
        "precision_recall.png",
        "gains.png",
        "contributions.png",
    ]


def test_the_registered_model_saw_all_rows_known_at_the_cut_and_no_other(
    tmp_path: Path, rows: TrainingRows
) -> None:
    shelf = Shelf(tmp_path)
    report = run(shelf)
    assert report.data == rows.known_at(CUT).fingerprint()
    assert shelf.kept[0].fitted.rows == len(rows.known_at(CUT))


def test_what_happens_after_the_cut_does_not_change_the_model(tmp_path: Path) -> None:
    until = [arrival for arrival in log() if arrival.event.occurred_at < CUT]
    shelf = Shelf(tmp_path)
    whole = run(shelf)
    cut_off = train(WORKFLOW, until, CUT, shelf, at=CUT, trained_by="ada", code_version="test")
    assert cut_off.version.sha256 == whole.version.sha256


def test_the_registered_version_scores(tmp_path: Path, rows: TrainingRows) -> None:
    shelf = Shelf(tmp_path)
    scorer = run(shelf).version.scorer(WORKFLOW)
    served = scorer.predict([tuple(row) for row in rows.features.tolist()])
    assert served == pytest.approx(shelf.kept[0].fitted.predict(rows.features), abs=1e-6)


def test_a_version_that_misses_a_gate_is_registered_as_failed(tmp_path: Path) -> None:
    gates = WORKFLOW.model.gates.model_copy(update={"auc": 1.0})
    model = WORKFLOW.model.model_copy(update={"gates": gates})
    report = run(Shelf(tmp_path), WORKFLOW.model_copy(update={"model": model}))
    assert not report.version.gates_passed


def test_nothing_known_at_the_cut_cannot_be_trained_on(tmp_path: Path) -> None:
    with pytest.raises(CannotTrain, match="0 rows with a known outcome are too few"):
        run(Shelf(tmp_path), cut=START)


def test_too_few_rows_cannot_be_trained_on(tmp_path: Path) -> None:
    with pytest.raises(CannotTrain, match="too few"):
        run(Shelf(tmp_path), cut=START + MONTH + 2)


def test_no_held_out_row_was_known_to_the_model_that_is_judged_on_it(rows: TrainingRows) -> None:
    splits = walk_forward(WORKFLOW, rows.known_at(CUT))
    assert len(splits) == STEPS
    for earlier, held_out in splits:
        assert earlier.as_of.max() < held_out.as_of.min()
        assert earlier.known_from.max() < held_out.as_of.min()


def test_each_held_out_row_is_judged_once(rows: TrainingRows) -> None:
    known = rows.known_at(CUT)
    judged = np.concatenate([split.held_out.decision for split in walk_forward(WORKFLOW, known)])
    assert len(set(judged)) == len(judged) >= len(known) / 2


def test_a_walk_over_outcomes_without_a_pattern_finds_none() -> None:
    known = replay(WORKFLOW, log(projects=200)).known_at(CUT)
    shuffled = known.outcome.copy()
    np.random.default_rng(1).shuffle(shuffled)
    columns = {name: getattr(known, name) for name in known.__slots__}
    trial = try_out(
        WORKFLOW, walk_forward(WORKFLOW, TrainingRows(**columns | {"outcome": shuffled}))
    )
    assert trial.quality.auc == pytest.approx(0.5, abs=0.06)
