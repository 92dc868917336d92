"""What is read from Feast's layout is what Feast's own SDK reads, whatever was written."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, NamedTuple

import pytest
from feast import Entity, FeatureService, FeatureStore, FeatureView, Field, FileSource, ValueType
from feast.protos.feast.types.EntityKey_pb2 import EntityKey
from feast.protos.feast.types.Value_pb2 import NULL, Value
from feast.types import Bytes, FeastType, Float64, Int64, String
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st
from redis import Redis

from bench.stored import StoredFeatures, StoredView
from features.errors import OnlineStoreUnavailable, UnreadableValue
from features.store import open_feature_store
from firm.time import DAY, to_micros

KEY, PROJECT = "project_id", "fuzzed"
TTL = timedelta(days=1)
FLOATS = (math.nan, math.inf, -math.inf, 0.0, -0.0, 5e-324, 1 / 3)
INTEGERS = (0, -1, 127, 128, 2**63 - 1, -(2**63))
TEXTS = ("", "a", "\x00", "ä" * 100, "😀")
BLOBS = (b"", b")", b")" + bytes(8), bytes(300))
VIEWS: dict[str, dict[str, FeastType]] = {
    "mixed": {"a": Float64, "b": Int64, "c": String, "d": Bytes},
    "numbers": {"e": Float64, "f": Float64},
    "texts": {"g": String, "h": String},
}
FEATURES = [name for types in VIEWS.values() for name in types]
IDS = [f"project:{n}" for n in range(4)]
START = datetime(2026, 1, 1, tzinfo=UTC)


def written(rng: Random, type_: FeastType) -> Value | None:
    """A value of the type, null as Feast writes it, or none at all."""
    made = {
        Float64: lambda: Value(double_val=rng.choice([*FLOATS, rng.gauss(0, 1e6)])),
        Int64: lambda: Value(int64_val=rng.choice([*INTEGERS, rng.randrange(2**40)])),
        String: lambda: Value(string_val=rng.choice(TEXTS)),
        Bytes: lambda: Value(bytes_val=rng.choice(BLOBS)),
    }
    if rng.random() < 0.6:
        return made[type_]()
    return rng.choice([None, Value()])


def instant(rng: Random) -> datetime:
    return START + timedelta(seconds=rng.randrange(4 * 86_400))


def some_rows(rng: Random) -> dict[str, Any]:
    """By view and subject its values with their time; some subjects are missing in some views."""
    return {
        view: {
            one: ({name: written(rng, type_) for name, type_ in types.items()}, instant(rng))
            for one in IDS[:3]
            if rng.random() < 0.8
        }
        for view, types in VIEWS.items()
    }


class Both(NamedTuple):
    feast: FeatureStore
    views: dict[str, FeatureView]
    service: FeatureService
    ours: StoredFeatures


@pytest.fixture(scope="module")
def both(redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    folder = tmp_path_factory.mktemp("fuzzed")
    feast = open_feature_store(redis_url, f"sqlite:///{folder}/registry.db", folder, PROJECT)
    entity = Entity(name="project", join_keys=[KEY], value_type=ValueType.STRING)
    views = [
        FeatureView(
            name=name,
            entities=[entity],
            schema=[Field(name=one, dtype=type_) for one, type_ in types.items()],
            source=FileSource(name=f"{name}_past", path=name, timestamp_field="event_timestamp"),
            ttl=TTL,
        )
        for name, types in VIEWS.items()
    ]
    feast.apply([entity, *views, FeatureService(name="all", features=list(views))])
    stored = [StoredView(name, tuple(types), DAY) for name, types in VIEWS.items()]
    ours = StoredFeatures(redis_url, stored, KEY, PROJECT)
    found = {view.name: view for view in views}
    yield Both(feast, found, feast.get_feature_service("all"), ours)
    ours.close()


def write(both: Both, rows: Mapping[str, Mapping[str, Any]]) -> None:
    feast, provider = both.feast, both.feast._get_provider()
    for name, entities in rows.items():
        batch = [
            (
                EntityKey(join_keys=[KEY], entity_values=[Value(string_val=entity)]),
                {feature: value for feature, value in values.items() if value is not None},
                at,
                None,
            )
            for entity, (values, at) in entities.items()
        ]
        provider.online_write_batch(feast.config, both.views[name], batch, None)


def alike(one: object, other: object) -> bool:
    if isinstance(one, float) and isinstance(other, float) and math.isnan(one):
        return math.isnan(other)
    return one == other and type(one) is type(other)


@seed(7)
@settings(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(number=st.integers(0, 2**32))
def test_every_value_is_that_of_feast_and_each_is_its_own_subjects(
    both: Both, redis: Redis, number: int
) -> None:
    """Missing, null, NaN, of every type, past its time, asked for in any order and repeatedly."""
    rng = Random(number)  # noqa: S311 - values to write, no secrets
    rows, as_of = some_rows(rng), instant(rng)
    asked = rng.choices(IDS, k=rng.randrange(1, 7))
    redis.flushall()
    write(both, rows)
    entities = [{KEY: one} for one in asked]
    theirs = both.feast.get_online_features(both.service, entities).to_dict()
    ours = both.ours.read(asked)
    for place, (entity, found) in enumerate(zip(asked, ours, strict=True)):
        expected = [theirs[name][place] for name in FEATURES]
        pairs = zip(FEATURES, found.values, expected, strict=True)
        assert [pair for pair in pairs if not alike(*pair[1:])] == []
        times = [rows[view][entity][1] if entity in rows[view] else None for view in VIEWS]
        assert found.times == tuple(None if at is None else to_micros(at) for at in times)
        assert both.ours.expired(found, to_micros(as_of)) == [
            view
            for view, at in zip(VIEWS, times, strict=True)
            if at is not None and as_of - at > TTL
        ]


def test_a_null_that_is_spelled_out_is_none_and_not_the_zero_that_the_sdk_makes_of_it(
    both: Both, redis: Redis
) -> None:
    write(both, {"numbers": {IDS[0]: ({"e": Value(null_val=NULL)}, START)}})
    theirs = both.feast.get_online_features(["numbers:e"], [{KEY: IDS[0]}]).to_dict()
    assert theirs["e"] == [0]
    assert both.ours.read([IDS[0]])[0].values[FEATURES.index("e")] is None


def test_a_value_of_another_type_is_refused(both: Both, redis: Redis) -> None:
    write(both, {"numbers": {IDS[0]: ({"e": Value(bool_val=True)}, START)}})
    with pytest.raises(UnreadableValue, match="no double, int64, bytes or string"):
        both.ours.read([IDS[0]])


def test_without_redis_it_says_so_and_then_connects_again(
    both: Both, redis: Redis, redis_url: str
) -> None:
    views = [StoredView("numbers", ("e", "f"))]
    with pytest.raises(OnlineStoreUnavailable):
        StoredFeatures("redis://127.0.0.1:1/0", views, KEY, PROJECT).read(IDS)
    redis.client_kill_filter(_type="normal", skipme=True)
    with pytest.raises(OnlineStoreUnavailable):
        both.ours.read(IDS)
    assert len(both.ours.read(IDS)) == len(IDS)
