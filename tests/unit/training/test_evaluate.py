"""A log is judged as it would have been scored live: no model has seen what came after it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import training.evaluate as module
from firm.errors import CannotTrain
from firm.time import DAY, Micros
from firm.workflow import Workflow
from tests.unit.training.cases import estimate, tickets, workflow
from tests.unit.training.small import MONTH, START, WORKFLOW, log
from training.evaluate import Every, evaluate
from training.fit import Fitted, fit
from training.replay import Replayed, replay_whole
from training.rows import TrainingRows

CUT = START + 5 * MONTH


@pytest.fixture(scope="module")
def replayed() -> Replayed:
    return replay_whole(WORKFLOW, log(projects=80))


class Watched:
    """Remembers what each model was fitted on, and checks what it then scores."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.fits: list[TrainingRows] = []
        monkeypatch.setattr(module, "fit", self.fit)

    def fit(self, workflow: Workflow, rows: TrainingRows) -> Fitted:
        self.fits.append(rows)
        return fit(workflow, rows)


def test_a_frozen_model_scores_all_that_was_asked_from_the_cut_on(replayed: Replayed) -> None:
    found = evaluate(WORKFLOW, replayed, CUT)
    known = replayed.rows.known_at(CUT)
    later = replayed.rows.after(CUT)
    judged = later.labelled()
    assert found.learnt == known.fingerprint()
    assert (found.quality.n, found.open) == (len(judged), len(later) - len(judged))
    probability = fit(WORKFLOW, known).predict(judged.features)
    assert found.quality.brier == pytest.approx(float(np.mean((probability - judged.outcome) ** 2)))
    assert found.quality.constant == pytest.approx(known.outcome.mean())
    assert found.trainings == 1


@pytest.mark.parametrize("every", [7 * DAY, 30 * DAY, "each"])
def test_a_row_is_scored_by_the_newest_model_and_none_has_seen_the_future(
    replayed: Replayed, monkeypatch: pytest.MonkeyPatch, every: Every
) -> None:
    watched = Watched(monkeypatch)
    cuts: list[Micros] = []
    turns = list(module._turns(replayed.rows.after(CUT).labelled().as_of, CUT, every))
    found = evaluate(WORKFLOW, replayed, CUT, every)
    assert found.trainings == len(watched.fits) > 1
    judged = replayed.rows.after(CUT).labelled()
    for (at, keep), rows in zip(turns, watched.fits[-len(turns) :], strict=True):
        cuts.append(at)
        first = judged.as_of[keep].min()
        assert rows.as_of.max() < at <= first
        assert rows.known_from.max() < at + (every == "each")
        newest = judged.as_of[keep].max()
        assert newest == at if every == "each" else newest < at + int(every or 0)
    assert cuts == sorted(cuts)
    assert sum(int(keep.sum()) for _, keep in turns) == len(judged)


@pytest.mark.parametrize("every", [7 * DAY, "each"])
def test_an_estimate_is_made_anew_at_each_cut(every: Every) -> None:
    cuts: list[Micros] = []

    def spy(histories: Any, cut: Micros) -> Any:
        cuts.append(cut)
        assert all(entry.at < cut for entries in histories for entry in entries)
        return estimate(histories, cut)

    declared = workflow(label={"estimate": spy, "least_age_days": 3.0})
    replayed = replay_whole(declared, tickets(days=70, daily=4))
    found = evaluate(declared, replayed, START + 60 * DAY, every)
    assert len(cuts) == found.trainings > 1
    assert cuts == sorted(set(cuts))


def test_what_happens_later_changes_no_earlier_score(replayed: Replayed) -> None:
    until = replay_whole(
        WORKFLOW, [a for a in log(projects=80) if a.event.occurred_at < CUT + 2 * MONTH]
    )
    some, all_ = (evaluate(WORKFLOW, r, CUT, "each") for r in (until, replayed))
    assert some.learnt == all_.learnt
    assert some.quality.n < all_.quality.n


def test_each_step_is_told_apart() -> None:
    flow = workflow(
        label={"estimate": estimate}, step=lambda e: f"{float(e.values['level']) > 0.5}"
    )
    found = evaluate(flow, replay_whole(flow, tickets(days=90)), START + 60 * DAY)
    assert set(found.steps) == {"True", "False"}
    assert sum(q.n for q in found.steps.values()) == found.quality.n


def test_a_workflow_without_steps_has_none(replayed: Replayed) -> None:
    assert evaluate(WORKFLOW, replayed, CUT).steps == {}


def test_slices_are_the_months_and_the_groups_large_enough(replayed: Replayed) -> None:
    slices = evaluate(WORKFLOW, replayed, CUT).slices
    assert set(slices) == {"month"}
    assert all(q.n >= module.LEAST_OF_A_SLICE for q in slices["month"].values())


def test_where_nothing_can_be_judged_the_span_of_the_log_is_said(replayed: Replayed) -> None:
    with pytest.raises(CannotTrain, match="scores are asked from 2020-01-01 to 2020-08-22"):
        evaluate(WORKFLOW, replayed, START + 900 * DAY)


def test_where_nothing_is_known_nothing_is_fitted(replayed: Replayed) -> None:
    with pytest.raises(CannotTrain, match="choose a later cut"):
        evaluate(WORKFLOW, replayed, START)
