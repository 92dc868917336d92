"""What a user of Feast does for training rows: join the views' past as of each row's instant."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd
from feast import Entity, FeatureStore, FeatureView, Field, FileSource, RepoConfig, ValueType
from feast.types import Float32

from training.partitions import Parts

KEY, TIME = "work_item_id", "event_timestamp"
VIEWS = 3
STORES = {"feast_join": "dask", "feast_duckdb_join": "features.offline.DuckOfflineStore"}
"""Feast's own store for files, and the house's that joins by DuckDB."""


def write_views(parts: Parts, folder: Path) -> tuple[pd.DataFrame, dict[str, Path]]:
    """The rows as Feast is asked for them, and where the past of each view lies: a part of the
    features of each, as they were computed."""
    batches = list(parts.batches())
    instants = np.concatenate([batch.as_of for batch in batches]).astype("datetime64[us]")
    asked = pd.DataFrame(
        {
            KEY: np.concatenate([batch.subject for batch in batches]).astype(str),
            TIME: pd.Series(instants, dtype="datetime64[us]").dt.tz_localize("UTC"),
        }
    )
    features = np.concatenate([batch.features for batch in batches])
    views = {}
    for number, some in enumerate(np.array_split(np.arange(len(parts.names)), VIEWS)):
        names = [parts.names[place] for place in some]
        past = asked.join(pd.DataFrame(features[:, some], columns=names))
        views[f"view_{number}"] = folder / f"view_{number}"
        views[f"view_{number}"].mkdir(parents=True, exist_ok=True)
        past.to_parquet(views[f"view_{number}"] / "past.parquet", index=False)
    return asked, views


def open_feast(folder: Path, store: str, views: Mapping[str, Path]) -> FeatureStore:
    """Feast with these views, its registry in a file of the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    config = RepoConfig(
        project="bench",
        provider="local",
        registry=str(folder / "registry.db"),
        online_store={"type": "sqlite", "path": str(folder / "online.db")},
        offline_store={"type": store},
        entity_key_serialization_version=3,
        repo_path=folder,
    )
    item = Entity(name="work_item", join_keys=[KEY], value_type=ValueType.STRING)
    feast = FeatureStore(config=config)
    feast.apply([item, *(_view(name, path, item) for name, path in views.items())])
    return feast


def join(feast: FeatureStore, asked: pd.DataFrame, views: Iterable[str]) -> pd.DataFrame:
    """Feast's point-in-time join of all features of the views."""
    wanted = [
        f"{view}:{field.name}" for view in views for field in feast.get_feature_view(view).features
    ]
    return feast.get_historical_features(entity_df=asked, features=wanted).to_df()


def _view(name: str, path: Path, entity: Entity) -> FeatureView:
    names = [n for n in pd.read_parquet(path).columns if n not in {KEY, TIME}]
    return FeatureView(
        name=name,
        entities=[entity],
        schema=[Field(name=n, dtype=Float32) for n in names],
        source=FileSource(name=f"{name}_past", path=str(path), timestamp_field=TIME),
        ttl=timedelta(days=0),
    )
