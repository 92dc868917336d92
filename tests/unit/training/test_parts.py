"""Each part is held to its own base rate, as it was known when the model was trained."""

from __future__ import annotations

import numpy as np
import pytest

from firm.errors import CannotTrain
from firm.time import DAY
from firm.workflow import Slices, Workflow
from tests.unit.training.cases import estimate, tickets, workflow
from tests.unit.training.small import START, WORKFLOW
from training.evaluate import evaluate
from training.lessons import lessons
from training.parts import Parting, slices, steps
from training.replay import replay_whole

CUT = START + 60 * DAY


def sliced(*by: str) -> Workflow:
    gates = WORKFLOW.model.gates.model_copy(update={"slices": Slices(by=by)})
    return workflow(
        label={"estimate": estimate},
        step=lambda entry: "high" if float(entry.values["level"]) > 0.5 else "low",
        model=WORKFLOW.model.model_copy(update={"gates": gates}),
    )


def test_a_step_has_to_beat_its_own_base_rate_as_known_at_the_cut() -> None:
    flow = sliced("state")
    replayed = replay_whole(flow, tickets())
    found = evaluate(flow, replayed, CUT)
    learnt, judged = lessons(flow, replayed, CUT), replayed.rows.after(CUT).labelled()
    for step, above in (("high", True), ("low", False)):
        rate = learnt.outcome[(learnt.features[:, 0] > 0.5) == above].mean()
        truth = judged.outcome[(judged.features[:, 0] > 0.5) == above]
        assert found.steps[step].constant == pytest.approx(rate)
        assert found.steps[step].constant_brier == pytest.approx(np.mean((truth - rate) ** 2))
    assert found.steps["low"].constant < found.quality.constant < found.steps["high"].constant


def test_a_part_that_was_not_learnt_from_is_held_to_the_rate_of_all() -> None:
    flow = sliced("state")
    replayed = replay_whole(flow, tickets(days=80))
    rows = replayed.rows.labelled()
    parting = Parting(replayed.rows, ["new" if at >= CUT else "old" for at in replayed.rows.as_of])
    learnt, judged = rows.known_at(CUT), rows.after(CUT)
    assert set(parting.constant(learnt, judged)) == {learnt.outcome.mean()}


def test_slices_are_texts_as_they_were_folded_or_else_values_of_features() -> None:
    flow = sliced("state", "level")
    replayed = replay_whole(flow, tickets(days=5))
    found = slices(flow, replayed)
    assert set(found["state"].of(replayed.rows)) == {"open", "closed"}
    levels = [f"{value:g}" for value in replayed.rows.features[:, 0]]
    assert found["level"].of(replayed.rows) == levels


def test_a_slice_of_nothing_is_refused() -> None:
    flow = sliced("colour")
    with pytest.raises(CannotTrain, match="'colour', which is neither a text"):
        slices(flow, replay_whole(flow, tickets(days=5)))


def test_a_workflow_without_steps_has_rows_of_no_step() -> None:
    flow = workflow(step=None)
    replayed = replay_whole(flow, tickets(days=5))
    assert set(steps(flow, replayed).of(replayed.rows)) == {None}


def test_declared_slices_are_reported() -> None:
    flow = sliced("state")
    found = evaluate(flow, replay_whole(flow, tickets()), CUT)
    assert set(found.slices) == {"month", "state"}
    assert sum(of.n for of in found.slices["state"].values()) == found.quality.n
