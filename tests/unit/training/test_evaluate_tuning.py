"""Tuning tries the declared parameters first, never sees the rows that judge it, and repeats; a
gate may ask that each step beats its constant."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from firm.errors import CannotTrain
from tests.unit.training.cases import estimate, tickets, workflow
from tests.unit.training.small import MONTH, START, WORKFLOW, log
from tests.unit.training.test_train import Shelf
from training.rows import TrainingRows
from training.train import TUNED_ON, train
from training.trial import walk_forward
from training.tune import tune

CUT = START + 7 * MONTH


def test_the_declared_parameters_are_the_first_that_are_tried(rows: TrainingRows) -> None:
    splits = walk_forward(WORKFLOW, rows.known_at(CUT))[:TUNED_ON]
    counted: list[int] = []
    found = tune(WORKFLOW, splits, 4, counted.append)
    first = found.tried[0].parameters
    assert (first["max_depth"], first["eta"], first["rounds"]) == (2, 0.1, 20)
    assert len(found.tried) == len(counted) == 4
    best = min(found.tried, key=lambda tried: tried.log_loss)
    assert found.workflow.model.rounds == best.parameters["rounds"]
    assert best.log_loss <= found.tried[0].log_loss


def test_the_same_rows_are_tuned_to_the_same_parameters(rows: TrainingRows) -> None:
    splits = walk_forward(WORKFLOW, rows.known_at(CUT))[:TUNED_ON]
    assert tune(WORKFLOW, splits, 3).tried == tune(WORKFLOW, splits, 3).tried


def test_a_tuned_version_is_judged_on_rows_that_no_parameter_was_chosen_on(
    tmp_path: Path, rows: TrainingRows
) -> None:
    shelf = Shelf(tmp_path)
    splits = walk_forward(WORKFLOW, rows.known_at(CUT))
    report = train(
        WORKFLOW, log(), CUT, shelf, at=CUT, trained_by="ada", code_version="t", tuning=2
    )
    assert report.quality.n == sum(len(split.held_out) for split in splits[TUNED_ON:])
    kept = shelf.kept[0]
    assert kept.fitted.rows == len(rows.known_at(CUT))
    assert {"eta", "max_depth", "reg_lambda"} <= set(kept.fitted.parameters)


def test_what_was_tried_is_kept_with_the_version(tmp_path: Path) -> None:
    seen: list[bytes] = []

    class Reads(Shelf):
        def register(self, workflow, candidate):  # type: ignore[no-untyped-def]
            seen.extend(p.read_bytes() for p in candidate.pictures if p.name == "tuning.json")
            return super().register(workflow, candidate)

    train(WORKFLOW, log(), CUT, Reads(tmp_path), at=CUT, trained_by="a", code_version="t", tuning=2)
    assert [set(tried) for tried in msgspec.json.decode(seen[0])] == [
        {"parameters", "log_loss"}
    ] * 2


def test_too_few_splits_cannot_be_tuned_on(tmp_path: Path) -> None:
    early = START + 2 * MONTH
    few = [a for a in log(projects=3) if a.event.occurred_at < early]
    with pytest.raises(CannotTrain):
        train(
            WORKFLOW,
            few,
            early,
            Shelf(tmp_path),
            at=CUT,
            trained_by="a",
            code_version="t",
            tuning=2,
        )


@pytest.mark.parametrize("each_step", [True, False])
def test_a_gate_for_each_step_is_checked_where_it_is_declared(
    tmp_path: Path, each_step: bool
) -> None:
    gates = WORKFLOW.model.gates.model_copy(update={"each_step": each_step})
    flow = workflow(
        label={"estimate": estimate, "least_age_days": 3.0},
        model=WORKFLOW.model.model_copy(update={"gates": gates}),
        step=lambda entry: "high" if float(entry.values["level"]) > 0.5 else "low",
    )
    shelf = Shelf(tmp_path)
    train(
        flow,
        tickets(),
        START + 100 * 86_400_000_000,
        shelf,
        at=CUT,
        trained_by="a",
        code_version="t",
    )
    names = {gate.gate for gate in shelf.kept[0].gates}
    assert ({"Brier score at high", "Brier score at low"} <= names) is each_step
