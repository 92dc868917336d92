"""The use case of training, with its rows in files: the same alarm, gates and registration."""

from functools import partial
from pathlib import Path

import pytest

from firm.errors import CannotTrain
from firm.vocabulary import series
from tests.unit.training.cases import tickets, workflow
from tests.unit.training.small import WORKFLOW, feature, log
from tests.unit.training.test_train import CUT, Shelf
from training.external import fit_external
from training.sampled import in_files
from training.train import TrainingReport, train


def run(folder: Path, shelf: Shelf, in_memory: bool = False) -> TrainingReport:
    where = {} if in_memory else {"replays": partial(in_files, folder, fit_external)}
    return train(
        WORKFLOW, log(), CUT, shelf, at=CUT, trained_by="ada", code_version="test", **where
    )


def test_it_registers_what_training_in_memory_does(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    ours, theirs = run(tmp_path, shelf), run(tmp_path, shelf, in_memory=True)
    one, two = shelf.kept
    assert ours.version.gates_passed
    assert [gate.gate for gate in ours.gates] == [gate.gate for gate in theirs.gates]
    assert one.fitted.rows == two.fitted.rows == ours.data.rows
    assert ours.quality.n == theirs.quality.n
    assert ours.quality.brier == pytest.approx(theirs.quality.brier, abs=0.01)


def test_a_leak_stops_it_and_is_named(tmp_path: Path) -> None:
    leaking = workflow(features=(feature("fate", series("says").last()),))
    arrivals = tickets()
    ends = {a.event.subject: a.event.occurred_at for a in arrivals}
    told = [
        arrival.__class__(
            arrival.event.__class__(
                **{f: getattr(arrival.event, f) for f in arrival.event.__struct_fields__}
                | {"fact": arrival.event.fact.model_copy(update={"says": ends[a]})}
            ),
            arrival.position,
        )
        for arrival in arrivals
        for a in [arrival.event.subject]
    ]
    with pytest.raises(CannotTrain, match="fate"):
        train(
            leaking,
            told,
            CUT,
            Shelf(tmp_path),
            at=CUT,
            trained_by="ada",
            code_version="test",
            replays=partial(in_files, tmp_path, fit_external),
        )
