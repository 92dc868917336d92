"""The API as it is composed, served over real HTTP, on the real parts."""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest
import uvicorn
from fastapi import FastAPI

from firm.access import ROLES, Caller
from headway.api import build
from headway.clock import now
from headway.keys import make_key
from headway.parts import Parts, free_port
from headway.settings import Settings
from serving.direct import ScoreProtocol
from stream.reactor import Record
from tests.stage import KEY, PATIENCE_SECONDS, Stage, report, slipping


@pytest.fixture(scope="session")
def stage(parts: Parts) -> Iterator[Stage]:
    """Two projects with reports, the stream at rest."""
    opened = Stage(parts)
    payloads = [*slipping("p1"), report("calm-0", "p2")]
    taken = [Record(opened.start + n, now(), payload) for n, payload in enumerate(payloads)]
    opened.reactor().take(taken, now())
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def settings(stage: Stage, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    home = tmp_path_factory.mktemp("home")
    (home / "secrets").mkdir()
    (home / "secrets" / "audit.key").write_bytes(KEY)
    return Settings(
        home=home,
        kafka=stage.bootstrap,
        database=stage.url,
        redis=stage.redis_url,
        failed_logins="100000/minute",
    )


@pytest.fixture(scope="session")
def url(settings: Settings, headers: dict[str, str]) -> Iterator[str]:
    """Where the API answers; it knows the key, which was made before it started."""
    with served(build(settings)) as address:
        yield address


@pytest.fixture(scope="session")
def headers(stage: Stage, settings: Settings) -> dict[str, str]:
    """The key of somebody who holds every role."""
    token = make_key(settings, stage.store, Caller("tests", ROLES), by="tests")
    return {"Authorization": f"Bearer {token}"}


@pytest.fixture(scope="session")
def api(url: str, headers: dict[str, str]) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=url, headers=headers, timeout=30) as client:
        yield client


@contextmanager
def served(app: FastAPI) -> Iterator[str]:
    """Serve an application from a thread; what it does to the garbage collector is undone."""
    thresholds = gc.get_threshold()
    port = free_port()
    config = uvicorn.Config(
        app,
        host="127.0.0.1",
        port=port,
        log_level="warning",
        access_log=False,
        server_header=False,
        http=ScoreProtocol,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not server.started:
        assert thread.is_alive()
        assert time.monotonic() < deadline
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(PATIENCE_SECONDS)
        gc.unfreeze()
        gc.set_threshold(*thresholds)
        assert not thread.is_alive(), "it does not end"
