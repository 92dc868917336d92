"""A candidate is held against the champion on rows that neither has seen, subject by subject."""

import hashlib
from pathlib import Path

import msgspec
import numpy as np
import pytest

from firm.workflow import Workflow
from tests.unit.training.small import MONTH, START, WORKFLOW
from training.contest import LEAST_ROWS, Contest, contest, limits
from training.fit import fit
from training.registered import RegisteredVersion
from training.rows import TrainingRows
from training.trial import Split, Trial, try_out, walk_forward

EARLY = START + 2 * MONTH


@pytest.fixture
def champion(rows: TrainingRows, tmp_path: Path) -> RegisteredVersion:
    path = tmp_path / "model.ubj"
    fit(WORKFLOW, rows.known_at(EARLY)).booster.save_model(path)
    content = path.read_bytes()
    sha256, size = hashlib.sha256(content).hexdigest(), len(content)
    return RegisteredVersion(
        WORKFLOW.slug, "3", "run", path, sha256, size, EARLY, gates_passed=True, trained_by="ada"
    )


@pytest.fixture(scope="module")
def splits(rows: TrainingRows) -> list[Split]:
    return walk_forward(WORKFLOW, rows.known_at(START + 7 * MONTH))


@pytest.fixture(scope="module")
def trial(splits: list[Split]) -> Trial:
    return try_out(WORKFLOW, splits)


def test_both_are_judged_on_the_same_rows(
    champion: RegisteredVersion, splits: list[Split], trial: Trial
) -> None:
    found = contest(WORKFLOW, champion, splits, trial)
    assert isinstance(found, Contest)
    features = np.concatenate([split.held_out.features for split in splits])
    assert len(features) == found.n
    served = champion.scorer(WORKFLOW).predict([tuple(row) for row in features.tolist()])
    by_champion = float(np.mean((np.array(served) - trial.outcome) ** 2))
    assert found.difference == pytest.approx(trial.quality.brier - by_champion)
    assert found.low < found.difference < found.high


def test_it_comes_out_the_same_again(
    champion: RegisteredVersion, splits: list[Split], trial: Trial
) -> None:
    found = [contest(WORKFLOW, champion, splits, trial) for _ in range(2)]
    assert found[0] == found[1]


def test_no_row_counts_that_the_champion_may_have_learnt_from(
    champion: RegisteredVersion, splits: list[Split], trial: Trial
) -> None:
    newest = int(splits[-1].held_out.as_of.max())
    seen = msgspec.structs.replace(champion, cut=newest)
    last = sum(int((split.held_out.as_of >= newest).sum()) for split in splits)
    assert 0 < last < LEAST_ROWS
    assert contest(WORKFLOW, seen, splits, trial) == (
        f"version 3 may have learnt from all but {last} of the rows; it takes {LEAST_ROWS}"
    )


def test_a_champion_of_other_features_is_none(
    champion: RegisteredVersion, splits: list[Split], trial: Trial
) -> None:
    fewer = Workflow.model_validate(
        {name: getattr(WORKFLOW, name) for name in Workflow.model_fields}
        | {"features": WORKFLOW.features[:2]}
    )
    said = contest(fewer, champion, splits, trial)
    assert isinstance(said, str)
    assert "version 3 cannot score these rows" in said
    assert "was fitted on" in said


def test_where_no_version_is_live_there_is_no_contest(splits: list[Split], trial: Trial) -> None:
    assert contest(WORKFLOW, None, splits, trial) == "no version is live"


def test_the_limits_hold_the_mean_as_often_as_they_say() -> None:
    luck = np.random.default_rng(5)
    names = [str(number) for number in range(60)]
    held = [limits(luck.normal(0.0, 1.0, 60), names, 0.9, 1)[1] > 0 for _ in range(100)]
    assert np.mean(held) == pytest.approx(0.9, abs=0.06)


def test_rows_of_one_subject_count_as_one() -> None:
    difference = np.random.default_rng(6).normal(0.0, 1.0, 50)
    alone = limits(difference, [str(n) for n in range(50)], 0.95, 1)
    tenfold = limits(np.repeat(difference, 10), np.repeat([str(n) for n in range(50)], 10), 0.95, 1)
    assert tenfold == pytest.approx(alone)
