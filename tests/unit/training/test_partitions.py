"""Rows on disk are those in memory, whatever comes late, repeated or out of order."""

import random
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from firm.errors import CannotTrain
from firm.react import Arrival
from firm.workflow import Workflow
from tests.unit.training.cases import tickets, workflow
from tests.unit.training.small import MONTH, START, WORKFLOW, in_order, log
from training.partitions import Part, Parts
from training.replay import Replayed, replay_whole
from training.spill import SubjectsOnDisk
from training.streaming import replay_to_parts

CUT = START + 3 * MONTH


def disturbed(arrivals: Sequence[Arrival], seed: int = 3) -> list[Arrival]:
    """A fifth comes late, by up to a hundred places, and a tenth twice."""
    luck = random.Random(seed)  # noqa: S311 - a log is no secret
    events = [arrival.event for arrival in arrivals]
    places = [(n + luck.random() * 100 * (luck.random() < 0.2), e) for n, e in enumerate(events)]
    places += [(n + luck.random() * 100, e) for n, e in places if luck.random() < 0.1]
    return in_order([event for _, event in sorted(places, key=lambda place: place[0])])


def together(parts: Parts) -> Part:
    """All rows in the order of the log."""
    batches = list(parts.batches())
    columns = {n: np.concatenate([getattr(b, n) for b in batches]) for n in Part.__slots__}
    whole = Part(**columns)
    return whole.where(np.argsort(whole.offset))


def require_same(parts: Parts, replayed: Replayed) -> None:
    found, rows = together(parts), replayed.rows
    assert parts.names == rows.names
    assert found.features.tobytes() == rows.features.astype(np.float32).tobytes()
    np.testing.assert_array_equal(found.outcome, rows.outcome)
    for name in ("subject", "event", "as_of", "known_from", "partition", "offset"):
        assert getattr(found, name).tolist() == getattr(rows, name).tolist(), name


@pytest.mark.parametrize("declared", [WORKFLOW, workflow()], ids=lambda w: w.slug)
@pytest.mark.parametrize("seed", [None, 3, 4])
def test_the_rows_are_those_of_the_replay_in_memory(
    tmp_path: Path, declared: Workflow, seed: int | None
) -> None:
    arrivals = log(200) if declared is WORKFLOW else tickets()
    arrivals = arrivals if seed is None else disturbed(arrivals, seed)
    parts = replay_to_parts(declared, arrivals, tmp_path, subjects_in_memory=10)
    require_same(parts, replay_whole(declared, arrivals))


def test_rows_lie_in_the_month_in_which_they_were_asked(tmp_path: Path) -> None:
    parts = replay_to_parts(WORKFLOW, log(), tmp_path)
    months = parts.months()
    assert months == [f"2020-{month:02d}" for month in range(1, 9)]
    assert parts.months(CUT) == months[:3]
    assert max(part.as_of.max() for part in parts.batches(CUT)) < CUT


def test_each_row_says_its_step(tmp_path: Path) -> None:
    every_step = workflow()
    parts = replay_to_parts(every_step, tickets(20), tmp_path)
    assert set(together(parts).step) == {"open", "closed"}


def test_histories_before_a_cut_are_those_in_memory(tmp_path: Path) -> None:
    arrivals = disturbed(tickets())
    replayed = replay_whole(workflow(), arrivals)
    replay_to_parts(workflow(), arrivals, tmp_path, subjects_in_memory=10)
    subjects = SubjectsOnDisk(tmp_path)
    cut = int(np.median(replayed.rows.as_of))
    on_disk = {entries[0].event: entries for entries in subjects.histories(cut)}
    assert on_disk == {entries[0].event: entries for entries in replayed.histories(cut)}
    assert any(cut <= came for came in replayed.came.values())
    subjects.close()


def test_the_fingerprint_does_not_depend_on_batches(tmp_path: Path) -> None:
    parts = replay_to_parts(WORKFLOW, log(), tmp_path)
    whole = parts.fingerprint(parts.batches())
    halves = (
        half
        for part in parts.batches()
        for half in (part.where(np.arange(len(part)) < 7), part.where(np.arange(len(part)) >= 7))
    )
    assert parts.fingerprint(halves) == whole
    assert whole.rows == 320
    assert whole.spans == ((0, 0, 319),)
    assert parts.fingerprint(parts.batches(CUT)) != whole


def test_a_second_replay_takes_the_place_of_the_first(tmp_path: Path) -> None:
    replay_to_parts(WORKFLOW, log(200), tmp_path)
    require_same(replay_to_parts(WORKFLOW, log(), tmp_path), replay_whole(WORKFLOW, log()))


def test_a_log_that_asks_for_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CannotTrain, match="no rows"):
        replay_to_parts(WORKFLOW, [], tmp_path)
