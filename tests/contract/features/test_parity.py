"""Feast's SDK reads what we write, and we read what Feast's SDK writes."""

import math
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pandas as pd
import pytest
from feast import FeatureStore
from feast.data_source import PushMode
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis import Redis

from features import wire
from features.names import subject_fields
from features.online import FeastStates
from features.store import apply
from features.views import Views
from firm.events import Position
from firm.groups import Group
from firm.history import Entry, History
from firm.ids import EventId, SubjectId
from firm.states import GroupState, SubjectState, decode_subject, encode_state
from firm.time import to_micros
from firm.vocabulary import Expr, constant
from firm.workflow import Workflow
from workflows.delivery_risk import WORKFLOW

NAMES = ("aa", "bb", "cc")
IDS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=2_000)
NUMBERS = st.none() | st.floats(allow_nan=False, allow_infinity=False)
ROWS = st.fixed_dictionaries(dict.fromkeys(NAMES, NUMBERS))
TIMES = st.integers(to_micros(datetime(1990, 1, 1, tzinfo=UTC)), 7_000_000_000_000_000)
with_real_parts = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def state_of(subject: str, values: dict[str, float | None], at: int = 1) -> SubjectState:
    entry = Entry(at, EventId("e"), "t", dict(values))
    return SubjectState(SubjectId(subject), History([entry]), Position(0, 1))


def sdk_reads(store: FeatureStore, workflow: Workflow, subject: str) -> dict[str, Any]:
    """Every field of the workflow's view, as the SDK gives it."""
    answer = store.get_online_features(
        features=[f"{workflow.slug}:{name}" for name in subject_fields(workflow)],
        entity_rows=[{"project_id": subject}],
    )
    return {name: values[0] for name, values in answer.to_dict().items()}


@with_real_parts
@given(IDS, ROWS, TIMES)
def test_the_sdk_reads_what_we_write(
    redis: Redis,
    online: FeastStates,
    store: FeatureStore,
    numbers: Workflow,
    subject: str,
    row: dict[str, float | None],
    at: int,
) -> None:
    redis.flushall()
    state = state_of(subject, row, at)
    online.write(numbers, [state], [])
    assert sdk_reads(store, numbers, subject) == {
        "project_id": subject,
        "position": "0000/0000000000000000001",
        "event_time": at,
        "state": encode_state(state),
        **row,
    }


def test_the_sdk_reads_the_time_of_the_newest_event(
    online: FeastStates, store: FeatureStore, numbers: Workflow
) -> None:
    at = to_micros(datetime(2024, 2, 29, 1, 2, 3, 456_789, tzinfo=UTC))
    online.write(numbers, [state_of("p", {}, at)], [])
    answer = store.get_online_features(["numbers:aa"], [{"project_id": "p"}]).proto
    assert answer.results[1].event_timestamps[0].ToMicroseconds() == at


@with_real_parts
@given(IDS, ROWS, st.binary(max_size=5_000), TIMES)
def test_we_read_what_the_sdk_pushes(
    redis: Redis,
    store: FeatureStore,
    numbers: Workflow,
    subject: str,
    row: dict[str, float | None],
    blob: bytes,
    at: int,
) -> None:
    redis.flushall()
    frame = pd.DataFrame(
        {
            "project_id": [subject],
            "event_timestamp": pd.to_datetime([at], unit="us", utc=True),
            "position": ["0000/0000000000000000001"],
            "event_time": [at],
            "state": [blob],
            **{name: pd.Series([row[name]], dtype="float64") for name in NAMES},
        }
    )
    store.push("numbers_push", frame, to=PushMode.ONLINE)
    layout = Views("headway", numbers).subjects
    *ours, time = _fields(redis, layout.key(subject), layout.fields)
    assert time == wire.timestamp(at)
    found = dict(zip(subject_fields(numbers), map(wire.decode, ours), strict=True))
    assert found == {
        "position": "0000/0000000000000000001",
        "event_time": at,
        "state": blob or None,  # the SDK takes empty bytes for a missing value
        **row,
    }


@pytest.mark.parametrize("value", [float("nan"), None])
def test_what_the_sdk_writes_for_nan_is_missing_to_us(
    redis: Redis, store: FeatureStore, numbers: Workflow, value: float | None
) -> None:
    frame = pd.DataFrame(
        {
            "project_id": ["p"],
            "event_timestamp": [pd.Timestamp(1, unit="s", tz="UTC")],
            "position": [None],
            "event_time": [1],
            "state": [b""],
            **{name: pd.Series([value], dtype="float64") for name in NAMES},
        }
    )
    store.write_to_online_store("numbers", df=frame)
    layout = Views("headway", numbers).subjects
    found = [wire.decode(v) for v in _fields(redis, layout.key("p"), layout.fields[:-1])]
    assert found[3:6] == [None, None, None]


def test_a_state_that_the_sdk_pushes_is_served(
    redis: Redis, online: FeastStates, store: FeatureStore, numbers: Workflow
) -> None:
    state = state_of("p", {"aa": 1.0, "bb": None, "cc": -2.5})
    frame = pd.DataFrame(
        {
            "project_id": ["p"],
            "event_timestamp": [pd.Timestamp(1, unit="s", tz="UTC")],
            "position": ["0000/0000000000000000001"],
            "event_time": [1],
            "state": [encode_state(state)],
            "aa": [1.0],
            "bb": [None],
            "cc": [-2.5],
        }
    )
    store.push("numbers_push", frame, to=PushMode.ONLINE)
    assert online.read(numbers, SubjectId("p")) == (state, {})


def test_the_sdk_reads_groups(online: FeastStates, store: FeatureStore, numbers: Workflow) -> None:
    group = GroupState("owner:Ä", Group())
    group.known.record(0, 1.0)
    online.write(numbers, [], [group])
    answer = store.get_online_features(
        features=["numbers_groups:state"], entity_rows=[{"group_id": "owner:Ä"}]
    )
    assert answer.to_dict()["state"] == [encode_state(group)]


def test_nobody_reads_what_was_never_written(
    redis: Redis, online: FeastStates, store: FeatureStore, numbers: Workflow
) -> None:
    assert set(sdk_reads(store, numbers, "p").values()) == {"p", None}
    assert online.read(numbers, SubjectId("p")) == (None, {})


def test_a_feature_that_is_not_a_number_is_written_as_missing(
    redis: Redis,
    online: FeastStates,
    store: FeatureStore,
    declare: Callable[[str, dict[str, Expr]], Workflow],
) -> None:
    odd = {"nan": math.nan, "large": 1e308, "infinite": math.inf, "negative": -1e-300}
    workflow = declare("odd", {name: constant(value) for name, value in odd.items()})
    apply([workflow], store)
    online.write(workflow, [state_of("p", {})], [])
    found = sdk_reads(store, workflow, "p")
    assert {name: found[name] for name in odd} == {
        "nan": None,
        "large": 1e308,
        "infinite": None,
        "negative": -1e-300,
    }


def test_views_of_two_workflows_on_one_subject_keep_apart(
    redis: Redis, online: FeastStates, store: FeatureStore, numbers: Workflow
) -> None:
    """Feast keeps them in one hash."""
    for workflow, value in ((numbers, 1.0), (WORKFLOW, 2.0)):
        online.write(workflow, [state_of("p", {"aa": value})], [])
    assert redis.dbsize() == 1
    assert sdk_reads(store, numbers, "p")["aa"] == 1.0
    blob = sdk_reads(store, WORKFLOW, "p")["state"]
    assert decode_subject(blob).history.entries[0].values == {"aa": 2.0}


def _fields(redis: Redis, key: bytes, fields: tuple[bytes, ...]) -> list[bytes | None]:
    values: Any = redis.execute_command("HMGET", key, *fields)  # type: ignore[no-untyped-call]
    return list(values)
