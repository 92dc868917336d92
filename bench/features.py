"""Features of one subject and of a hundred, by id: Headway's reader beside Feast's SDK."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import cycle
from pathlib import Path
from typing import Any

from feast import Entity, FeatureService, FeatureStore, FeatureView, Field, FileSource, ValueType
from feast.protos.feast.types.EntityKey_pb2 import EntityKey
from feast.protos.feast.types.Value_pb2 import Value
from feast.types import Float64
from numpy.random import default_rng

from bench.rounds import Found, Goal, by_turns, judged, load, ratio
from bench.stored import StoredFeatures, StoredView
from features.store import open_feature_store

KEY, PROJECT = "project_id", "bench"
VIEWS = {f"view_{n}": tuple(f"feature_{n}_{m}" for m in range(10)) for n in range(3)}
SUBJECTS, MANY = 1_000, 100
GOALS = {
    "features_vs_feast_sdk_1": Goal(at_least=6),
    "features_vs_feast_sdk_100": Goal(at_least=10),
}


class Different(Exception):
    """The two do not read the same values."""


def measure(redis_url: str, folder: Path, rounds: int, say: Callable[[str], None]) -> Found:
    """Fill the views by Feast, check that both read the same, and time them by turns."""
    began = load()
    subjects = [f"project:{n}" for n in range(SUBJECTS)]
    say(f"writing {SUBJECTS:,} subjects")
    feast, service = _filled(redis_url, folder, subjects)
    groups = [subjects[start : start + MANY] for start in range(0, SUBJECTS, MANY)]
    views = [StoredView(name, features) for name, features in VIEWS.items()]
    reader = StoredFeatures(redis_url, views, KEY, PROJECT)

    def ours(asked: Sequence[str]) -> list[tuple[Any, ...]]:
        return [found.values for found in reader.read(asked)]

    def theirs(asked: Sequence[str]) -> dict[str, list[Any]]:
        rows = [{KEY: subject} for subject in asked]
        return feast.get_online_features(features=service, entity_rows=rows).to_dict()

    for group in groups:
        _check(ours(group), theirs(group))
    say(f"timing in {rounds} rounds")
    one, many = cycle([[s] for s in subjects]), cycle(groups)
    found = by_turns(
        {
            "headway_1_us": lambda: ours(next(one)),
            "feast_sdk_1_us": lambda: theirs(next(one)),
            "headway_100_us": lambda: ours(next(many)),
            "feast_sdk_100_us": lambda: theirs(next(many)),
        },
        rounds,
    )
    reader.close()
    return _found(found, rounds, began)


def _found(times: dict[str, list[float]], rounds: int, began: float) -> Found:
    ratios, spread = {}, {}
    for count in (1, MANY):
        key = f"features_vs_feast_sdk_{count}"
        slower, quicker = times[f"feast_sdk_{count}_us"], times[f"headway_{count}_us"]
        ratios[key], spread[key] = ratio(slower, quicker)
    return Found(
        ratios=ratios,
        spread=spread,
        figures={name: round(statistics.median(each), 1) for name, each in times.items()},
        rounds=rounds,
        how=f"{sum(map(len, VIEWS.values()))} features of type Float64 in {len(VIEWS)} views of "
        f"one entity, of one subject and of {MANY}, by id from one real Redis, written there by "
        "Feast; all values of both compared first. Feast by get_online_features with its service "
        "resolved before, to_dict included. Medians of ratios of rounds by turns, in one process",
        goals=judged(GOALS, ratios),
        load=began,
    )


def _filled(
    redis_url: str, folder: Path, subjects: Sequence[str]
) -> tuple[FeatureStore, FeatureService]:
    entity = Entity(name="project", join_keys=[KEY], value_type=ValueType.STRING)
    views = [_view(name, features, entity) for name, features in VIEWS.items()]
    service = FeatureService(name="all", features=list(views))
    registry = f"sqlite:///{folder}/registry.db"
    feast = open_feature_store(redis_url, registry, folder, PROJECT)
    feast.apply([entity, *views, service])
    rng, at = default_rng(7), datetime.now(UTC)
    keys = [EntityKey(join_keys=[KEY], entity_values=[Value(string_val=s)]) for s in subjects]
    for view in views:
        rows: list[tuple[EntityKey, dict[str, Value], datetime, datetime | None]] = [
            (key, {f.name: Value(double_val=rng.normal()) for f in view.features}, at, None)
            for key in keys
        ]
        feast._get_provider().online_write_batch(feast.config, view, rows, None)
    return feast, feast.get_feature_service("all")


def _view(name: str, features: Sequence[str], entity: Entity) -> FeatureView:
    return FeatureView(
        name=name,
        entities=[entity],
        schema=[Field(name=one, dtype=Float64) for one in features],
        source=FileSource(name=f"{name}_past", path=name, timestamp_field="event_timestamp"),
        ttl=timedelta(days=1),
    )


def _check(ours: Sequence[tuple[Any, ...]], theirs: dict[str, list[Any]]) -> None:
    names = [name for features in VIEWS.values() for name in features]
    rows = list(zip(*(theirs[name] for name in names), strict=True))
    if rows != ours:
        raise Different("Feast's SDK and Headway read different values")
