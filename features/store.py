"""The door to Feast: open its store at the addresses that are given, and tell it of workflows."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from feast import FeatureStore, RepoConfig
from redis import ConnectionPool, SSLConnection
from sqlalchemy import NullPool

from features.derive import derive
from features.names import PROJECT
from firm.workflow import Workflow

ENTITY_KEY_VERSION = 3
"""Of Feast's ways to write down an entity's key, the one that `features.layout` writes too."""


def open_feature_store(
    redis_url: str, registry_url: str, offline_folder: Path, project: str = PROJECT
) -> FeatureStore:
    """Feast over Redis and an SQL registry; the past is read from Parquet in `offline_folder`."""
    config = RepoConfig(
        project=project,
        provider="local",
        registry={
            "registry_type": "sql",
            "path": registry_url,
            # It is asked rarely, and Feast has no way to close it: it keeps no connection open.
            "sqlalchemy_config_kwargs": {"poolclass": NullPool},
        },
        online_store={"type": "redis", "connection_string": connection_string(redis_url)},
        offline_store={"type": "features.offline.DuckOfflineStore"},
        entity_key_serialization_version=ENTITY_KEY_VERSION,
        repo_path=offline_folder.absolute(),
    )
    return FeatureStore(config=config)


def apply(workflows: Iterable[Workflow], store: FeatureStore) -> None:
    """Make Feast's registry say what these workflows declare; repeating it changes nothing.

    Raises:
        DeclarationError: Feast could not tell two of their names apart.
    """
    store.apply([*derive(workflows)])


def connection_string(redis_url: str) -> str:
    """A Redis URL as Feast wants it: `host:port,name=value,...`, each value as JSON.

    Raises ValueError for a URL that is none, or that names a socket: Feast needs host and port.
    """
    pool = ConnectionPool.from_url(redis_url)
    given = pool.connection_kwargs
    if "host" not in given:
        raise ValueError(f"Feast reaches Redis by host and port only; got {redis_url!r}")
    options: dict[str, object] = {
        name: given[name] for name in ("db", "username", "password") if name in given
    }
    if issubclass(pool.connection_class, SSLConnection):
        options["ssl"] = True
    address = f"{given['host']}:{given.get('port', 6379)}"
    return ",".join((address, *(f"{name}={_json(value)}" for name, value in options.items())))


def _json(value: object) -> str:
    """JSON without a comma in it: Feast splits there."""
    return json.dumps(value).replace(",", "\\u002c")


def export(store: FeatureStore, redis_url: str, folder: Path) -> None:
    """Write what Feast's own commands need to serve the same features: a registry in a file and
    `feature_store.yaml` over the same Redis."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "registry.db").write_bytes(store.registry.proto().SerializeToString())
    config = {
        "project": store.project,
        "provider": "local",
        "registry": {"registry_type": "file", "path": str(folder / "registry.db")},
        "online_store": {"type": "redis", "connection_string": connection_string(redis_url)},
        "entity_key_serialization_version": ENTITY_KEY_VERSION,
    }
    (folder / "feature_store.yaml").write_text(json.dumps(config))
