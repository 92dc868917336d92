"""Feast's file store, with the historical join done by DuckDB.

Feast's own leaves out rows from before a subject's first event, fails on subjects of which there
is no row at all, and takes many seconds. Its DuckDB store wants paths that are the same for all.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import dask.dataframe as dd
import duckdb
import pandas as pd
from feast import FeatureView, RepoConfig
from feast.infra.offline_stores.dask import (
    DaskOfflineStore,
    DaskOfflineStoreConfig,
    DaskRetrievalJob,
)
from feast.infra.offline_stores.file_source import FileSource
from feast.infra.offline_stores.offline_store import RetrievalJob, RetrievalMetadata
from feast.infra.registry.base_registry import BaseRegistry

TIME = "event_timestamp"
_NAME: Literal["features.offline.DuckOfflineStore"] = "features.offline.DuckOfflineStore"


class DuckOfflineStoreConfig(DaskOfflineStoreConfig):
    """Names the store in Feast's configuration."""

    # Feast's own class allows no names but its own two.
    type: Literal["features.offline.DuckOfflineStore"] = _NAME  # type: ignore[assignment]


class DuckOfflineStore(DaskOfflineStore):
    """Joins views as `features.derive` makes them: Parquet in one folder, true until replaced."""

    @staticmethod
    def get_historical_features(
        config: RepoConfig,
        feature_views: list[FeatureView],
        feature_refs: list[str],
        entity_df: pd.DataFrame | dd.DataFrame | str | None,
        registry: BaseRegistry,
        project: str,
        full_feature_names: bool = False,
        filter_by_created_timestamp: bool = False,
        **kwargs: Any,
    ) -> RetrievalJob:
        """Each view's newest row at or before each row's `event_timestamp`, rows in their order."""
        if not isinstance(entity_df, pd.DataFrame):
            raise TypeError(f"ask with a data frame of pandas; got a {type(entity_df).__name__}")
        asked = entity_df
        query = _query(config, feature_views, feature_refs, full_feature_names)
        return DaskRetrievalJob(
            evaluation_function=lambda: dd.from_pandas(_run(query, asked), npartitions=1),  # type: ignore[no-untyped-call]
            full_feature_names=full_feature_names,
            repo_path=str(config.repo_path),
            metadata=RetrievalMetadata(
                features=feature_refs,
                keys=[name for name in asked.columns if name != TIME],
                min_event_timestamp=asked[TIME].min(),
                max_event_timestamp=asked[TIME].max(),
            ),
        )


def _query(config: RepoConfig, views: list[FeatureView], refs: list[str], full_names: bool) -> str:
    wanted = [ref.split(":") for ref in refs]
    columns, joins = ["asked.* EXCLUDE (place)"], []
    for view in views:
        name = view.projection.name_alias or view.name
        for feature in (feature for owner, feature in wanted if owner == name):
            called = f"{name}__{feature}" if full_names else feature
            columns.append(f"{_quoted(name)}.{_quoted(feature)} AS {_quoted(called)}")
        joins.append(_join(config, view, name))
    return f"SELECT {', '.join(columns)} FROM asked {' '.join(joins)} ORDER BY asked.place"  # noqa: S608 (all quoted)


def _join(config: RepoConfig, view: FeatureView, name: str) -> str:
    source = view.batch_source
    assert isinstance(source, FileSource)  # noqa: S101  (features.derive makes no other)
    folder = FileSource.get_uri_for_file_path(config.repo_path, source.file_options.uri)
    files = str(Path(folder) / "*.parquet").replace("'", "''")
    renamed = view.projection.join_key_map
    keys = [(_quoted(renamed.get(key, key)), _quoted(key)) for key in view.join_keys]
    equal = " AND ".join(f"asked.{ours} = {_quoted(name)}.{theirs}" for ours, theirs in keys)
    return (
        f"ASOF LEFT JOIN read_parquet('{files}') {_quoted(name)} "
        f"ON {equal} AND asked.{TIME} >= {_quoted(name)}.{_quoted(source.timestamp_field)}"
    )


def _run(query: str, asked: pd.DataFrame) -> pd.DataFrame:
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.register("asked", asked.assign(place=range(len(asked))))
        return connection.execute(query).df()


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
