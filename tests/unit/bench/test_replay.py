"""The benchmark of the replay: every size alone, Feast by turns, goals with their figures."""

from pathlib import Path

import pytest

from bench import replay
from bench.feast_join import STORES, join, open_feast, write_views
from bench.work_items import WORKFLOW, write_log
from training.columnar import replay_columns


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(replay, "SIZES", (1_000, 2_000, 4_000))
    monkeypatch.setattr(replay, "STREAMED", 1_000)
    return tmp_path


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # Feast's and Dask's own
def test_it_measures_every_size_and_both_joins(small: Path) -> None:
    found = replay.measure(small, 2_000, 1, lambda _: None)
    assert {name: size.events for name, size in found.sizes.items()} == {"1000": 1000, "2000": 2000}
    assert found.streamed.rows == found.sizes["1000"].rows == 300
    assert set(found.ratios) == {"replay_vs_feast_join", "replay_vs_feast_duckdb_join"}
    assert {"events_per_second", "slowest_vs_fastest_size"} == set(found.goals)
    assert all(size.peak_mib >= size.start_mib > 0 for size in found.sizes.values())


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # Feast's and Dask's own
def test_feast_joins_the_values_that_the_replay_gave(tmp_path: Path) -> None:
    write_log(1_000, tmp_path / "log")
    parts = replay_columns(WORKFLOW, tmp_path / "log", tmp_path / "rows")
    asked, views = write_views(parts, tmp_path / "views")
    joined = [
        join(open_feast(tmp_path / name, store, views), asked, views)
        .sort_values(["work_item_id", "event_timestamp"])[list(parts.names)]
        .to_numpy(dtype="float32")
        for name, store in STORES.items()
    ]
    assert len(joined[0]) == len(asked) == 300
    assert joined[0].tobytes() == joined[1].tobytes()
