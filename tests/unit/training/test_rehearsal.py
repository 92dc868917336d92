"""Rounds and level are found on later rows than the trees learnt from, and all rows are then used;
the model file alone scores with the level that was found."""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

import training.rehearsal as module
from firm.workflow import Gates, ModelSpec, Workflow
from tests.unit.training.small import MONTH, START, WORKFLOW, log
from training.evaluate import evaluate
from training.fit import fit, parameters
from training.gates import LARGEST_DIFFERENCE, serving_difference
from training.rehearsal import LATER, LEAST_LATER, level_shift, rehearse
from training.replay import replay, replay_whole
from training.rows import Floats, TrainingRows
from training.scorer import FileScorer
from training.trial import walk_forward
from training.tune import tune


def workflow(**model: Any) -> Workflow:
    return WORKFLOW.model_copy(update={"model": WORKFLOW.model.model_copy(update=model)})


STOPPING = workflow(rounds=400, early_stopping=10)
CALIBRATED = workflow(calibrated=True)
KNOWN = START + 7 * MONTH


@pytest.fixture(scope="module")
def rows() -> TrainingRows:
    """Enough for a fifth of those that are known to tell something."""
    return replay(WORKFLOW, log(projects=80))


def test_it_stops_before_it_learns_by_heart_and_then_uses_all_rows(rows: TrainingRows) -> None:
    known = rows.known_at(KNOWN)
    fitted = fit(STOPPING, known)
    assert 1 <= fitted.rounds < 400
    assert fitted.booster.num_boosted_rounds() == fitted.rounds
    same = fit(workflow(rounds=fitted.rounds), known)
    assert same.booster.save_raw("ubj") == fitted.booster.save_raw("ubj")


def test_the_rows_that_judge_are_never_rehearsed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[TrainingRows] = []
    parted = module._parted

    def watched(rows: TrainingRows) -> tuple[TrainingRows, TrainingRows]:
        earlier, later = parted(rows)
        assert earlier.as_of.max() < later.as_of.min()
        assert len(later) >= LATER * len(rows)
        seen.append(rows)
        return earlier, later

    monkeypatch.setattr(module, "_parted", watched)
    cut = START + 5 * MONTH
    evaluate(STOPPING, replay_whole(WORKFLOW, log(projects=80)), cut)
    assert len(seen) == 1
    assert seen[0].known_from.max() < cut


def test_few_later_rows_leave_what_is_declared(rows: TrainingRows) -> None:
    few = rows.labelled()
    few = few.where(np.arange(len(few)) < LEAST_LATER)
    assert rehearse(STOPPING, few, parameters(STOPPING)) == (400, 0.0)


def test_while_tuning_the_rounds_are_found_and_not_searched(rows: TrainingRows) -> None:
    found = tune(STOPPING, walk_forward(STOPPING, rows.known_at(KNOWN)), 2)
    assert all("rounds" not in tried.parameters for tried in found.tried)
    assert found.workflow.model.rounds == 400
    assert found.workflow.model.early_stopping == 10


def drifted(rows: TrainingRows) -> TrainingRows:
    """Of late, half of what came true before no longer does."""
    known = rows.known_at(KNOWN)
    late = known.as_of >= np.quantile(known.as_of, 1 - LATER, method="lower")
    spared = late & (np.arange(len(known)) % 2 == 0)
    return known.replace(outcome=np.where(spared, 0.0, known.outcome), known_from=known.known_from)


def test_the_level_is_that_of_the_latest_rows(rows: TrainingRows) -> None:
    known = drifted(rows)
    plain, fitted = fit(WORKFLOW, known), fit(CALIBRATED, known)
    assert fitted.shift < -0.3
    moved = log_odds(fitted.predict(known.features)) - log_odds(plain.predict(known.features))
    assert moved == pytest.approx(fitted.shift, abs=1e-4)


def test_the_file_alone_scores_with_the_level_that_was_found(
    rows: TrainingRows, tmp_path: Path
) -> None:
    fitted = fit(CALIBRATED, drifted(rows))
    path = tmp_path / "model.ubj"
    fitted.booster.save_model(path)
    content = path.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    scorer = FileScorer(path, digest, len(content), WORKFLOW.feature_names, "1")
    assert serving_difference(fitted, scorer, rows.features, seed=3) <= LARGEST_DIFFERENCE
    assert fitted.contributions(rows.features).sum(axis=1) == pytest.approx(
        log_odds(fitted.predict(rows.features)), abs=1e-4
    )


def test_shifted_scores_have_the_mean_of_the_outcomes() -> None:
    luck = np.random.default_rng(2)
    odds, outcome = luck.normal(1.0, 2.0, 500), luck.random(500)
    shift = level_shift(odds, outcome)
    assert (1 / (1 + np.exp(-(odds + shift)))).mean() == pytest.approx(outcome.mean(), abs=1e-5)


def test_a_level_for_all_and_one_for_each_value_exclude_each_other() -> None:
    with pytest.raises(ValidationError, match="declare one of them"):
        ModelSpec(
            parameters={}, rounds=1, gates=Gates(auc=0.5), calibrated=True, offset_by="reports"
        )


def log_odds(probability: Floats) -> Floats:
    return np.asarray(np.log(probability / (1 - probability)))
