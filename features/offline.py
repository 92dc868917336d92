"""Feast's file store, with the historical join done by DuckDB.

Feast's own leaves out rows from before a subject's first event, fails on subjects that it has
never heard of, and takes many seconds; its DuckDB store needs paths that are the same everywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
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
_PLACE = "__place"


class DuckOfflineStoreConfig(DaskOfflineStoreConfig):
    """Names the store in Feast's configuration."""

    type: Literal["features.offline.DuckOfflineStore"] = "features.offline.DuckOfflineStore"  # type: ignore[assignment]


class DuckOfflineStore(DaskOfflineStore):
    """Feast's file store with another historical join; Feast makes it by its name."""

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
        joins = list(_joins(config, feature_views, feature_refs, full_feature_names))
        return DaskRetrievalJob(
            evaluation_function=_evaluation(entity_df, joins),
            full_feature_names=full_feature_names,
            repo_path=str(config.repo_path),
            metadata=RetrievalMetadata(
                features=feature_refs,
                keys=[name for name in entity_df.columns if name != TIME],
                min_event_timestamp=entity_df[TIME].min(),
                max_event_timestamp=entity_df[TIME].max(),
            ),
        )


def _joins(
    config: RepoConfig, views: list[FeatureView], refs: list[str], full_names: bool
) -> Iterator[tuple[list[str], str]]:
    """For each view the columns to select and the join that brings them."""
    for number, view in enumerate(views):
        name, source = view.projection.name_to_use(), view.batch_source
        folder = FileSource.get_uri_for_file_path(config.repo_path, source.file_options.uri)
        wanted = [feature for owner, feature in (r.split(":") for r in refs) if owner == name]
        columns = [
            f"v{number}.{_quoted(f)} AS {_quoted(f'{name}__{f}' if full_names else f)}"
            for f in wanted
        ]
        keys = [(view.projection.join_key_map.get(k, k), k) for k in view.join_keys]
        equal = " AND ".join(f"asked.{_quoted(a)} = v{number}.{_quoted(k)}" for a, k in keys)
        yield (
            columns,
            f"ASOF LEFT JOIN read_parquet({_text(Path(folder) / '*.parquet')}) v{number} "
            f"ON {equal} AND asked.{TIME} >= v{number}.{_quoted(source.timestamp_field)}",
        )
