"""Feast's historical join gives the rows that were written, each as of the instant asked for."""

from pathlib import Path

import pandas as pd
import pytest
from feast import FeatureStore
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from features import history
from features.errors import NoPast
from features.history import PastRow, historical, write_rows
from firm.ids import EventId, SubjectId
from firm.time import DAY
from firm.workflow import Row, Workflow

NUMBERS = st.none() | st.floats(-1e12, 1e12)
ROWS = st.lists(
    st.builds(
        PastRow,
        st.sampled_from([SubjectId("p"), SubjectId("Ä é")]),
        st.just(EventId("e")),
        st.integers(0, 200).map(lambda steps: 18_000 * DAY + steps * DAY // 4 + steps % 3),
        st.tuples(NUMBERS, NUMBERS, NUMBERS),
    ),
    min_size=1,
    max_size=25,
)


@settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(rows=ROWS)
def test_the_join_is_the_last_row_at_or_before_the_instant(
    store: FeatureStore, numbers: Workflow, monkeypatch: pytest.MonkeyPatch, rows: list[PastRow]
) -> None:
    monkeypatch.setattr(history, "IN_MEMORY", 4)
    write_rows(offline(store), numbers, rows)
    asked = [(s, r.at + off) for r in rows for s in ("p", "Ä é") for off in (-1, 0, 1, 40 * DAY)]
    found = historical(store, numbers, frame([*asked, ("never heard of", 19_000 * DAY)]))
    assert list(found["project_id"]) == [*(s for s, _ in asked), "never heard of"]
    expected = [as_of(rows, s, at) for s, at in asked]
    assert values(found) == [*expected, (None, None, None)]


def test_rows_written_again_replace_the_old_ones(store: FeatureStore, numbers: Workflow) -> None:
    at = 18_000 * DAY
    write_rows(offline(store), numbers, [past("p", at, 1.0), past("q", at + 90 * DAY, 5.0)])
    assert write_rows(offline(store), numbers, [past("p", at, 2.0)]) == 1
    assert values(historical(store, numbers, frame([("p", at), ("q", at + 91 * DAY)]))) == [
        (2.0, 2.0, 2.0),
        (None, None, None),
    ]


def test_rows_lie_by_month_in_files_that_anyone_can_read(numbers: Workflow, tmp_path: Path) -> None:
    rows = [past("p", (18_000 + day) * DAY, float(day)) for day in (40, 0, 1)]
    assert write_rows(tmp_path, numbers, [*rows, past("p", 18_000 * DAY, 7.0)]) == 3
    files = sorted(file.relative_to(tmp_path).as_posix() for file in tmp_path.rglob("*.parquet"))
    assert files == ["numbers/2019-04.parquet", "numbers/2019-05.parquet"]
    month = pd.read_parquet(tmp_path / files[0])
    assert list(month.columns) == ["project_id", "event_timestamp", "event_id", "aa", "bb", "cc"]
    assert list(month["aa"]) == [7.0, 1.0]


def test_columns_of_whoever_asks_stay(store: FeatureStore, numbers: Workflow) -> None:
    write_rows(offline(store), numbers, [past("p", 18_000 * DAY, 1.0)])
    asked = frame([("p", 18_001 * DAY)] * 2).assign(label=[0, 1])
    assert list(historical(store, numbers, asked)["label"]) == [0, 1]


def test_a_past_that_was_never_written_is_said(store: FeatureStore, numbers: Workflow) -> None:
    write_rows(offline(store), numbers, [])
    with pytest.raises(NoPast, match="replay the log"):
        historical(store, numbers, frame([("p", 0)]))


def offline(store: FeatureStore) -> Path:
    assert store.config.repo_path
    return store.config.repo_path


def past(subject: str, at: int, value: float) -> PastRow:
    return PastRow(SubjectId(subject), EventId(f"e{at}"), at, (value, value, value))


def frame(asked: list[tuple[str, int]]) -> pd.DataFrame:
    times = pd.to_datetime([at for _, at in asked], unit="us", utc=True)
    return pd.DataFrame({"project_id": [s for s, _ in asked], "event_timestamp": times})


def as_of(rows: list[PastRow], subject: str, at: int) -> Row:
    """What the join must give: the newest row by then, of one instant the one written last."""
    known = [(r.at, place, r.row) for place, r in enumerate(rows) if r.subject == subject]
    return max((k for k in known if k[0] <= at), default=(0, 0, (None, None, None)))[2]


def values(found: pd.DataFrame) -> list[Row]:
    rows = found[["aa", "bb", "cc"]].itertuples(index=False)
    return [tuple(None if pd.isna(value) else value for value in row) for row in rows]
