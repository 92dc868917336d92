"""Several processes serve one port as one API; one that is killed takes no answer with it."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import msgspec
import pytest

from firm.errors import UnknownDecision
from firm.ids import DecisionId, decision_id
from headway.children import Program
from headway.metrics import empty_folder
from headway.parts import free_port
from headway.settings import Settings
from headway.supervisor import Supervisor
from headway.workers import ApiWorker, programs
from serving.answers import answer
from tests.contract.serving.test_observed import value
from tests.contract.store.samples import rows
from tests.stage import PATIENCE_SECONDS, SLUG, Stage, until
from workflows.delivery_risk import WORKFLOW

SCORE = f"/v1/workflows/{SLUG}/score"
CLIENTS = 64
DIES_ONCE_IT_HAS_RECORDED = """
import os, signal
from headway import api
from headway.settings import Settings
class Dying(api.MeteredRecorder):
    async def record_all(self, asked):
        await super().record_all(asked)
        os.kill(os.getpid(), signal.SIGKILL)
api.MeteredRecorder = Dying
api.run(Settings())
"""


@pytest.fixture(scope="module")
def shared(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Two workers on one port, whose counts are added up."""
    metrics = empty_folder(tmp_path_factory.mktemp("shared") / "metrics")
    changed = {"workers": 2, "port": free_port(), "metrics": metrics, "hung_seconds": 3.0}
    return settings.model_copy(update=changed)


@pytest.fixture(scope="module")
def pair(shared: Settings) -> Iterator[list[ApiWorker]]:
    """The two, running; each test leaves them so."""
    workers = programs(shared, shared.environment())
    with running(shared, workers):
        yield workers


@contextmanager
def running(settings: Settings, workers: Sequence[Program]) -> Iterator[str]:
    """Where they answer, once each of them serves."""
    url = f"http://127.0.0.1:{settings.port}"
    for one in workers:
        one.start()
    try:
        for one in workers:
            one.wait_for(lambda: answers(url), PATIENCE_SECONDS)
        yield url
    finally:
        for one in workers:
            one.kill()


def answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/health/live", timeout=1).is_success
    except httpx.HTTPError:
        return False


def post(url: str, headers: dict[str, str], key: str) -> bytes:
    """Over a connection of its own, which the kernel gives to any of the workers."""
    told = {**headers, "Idempotency-Key": key}
    answer = httpx.post(f"{url}{SCORE}", json={"subject": "project:p1"}, headers=told, timeout=30)
    assert answer.status_code == 200, answer.text
    return answer.content


def workers_of(stage: Stage, settings: Settings) -> set[str]:
    return {one.worker for one in stage.store.served(SLUG) if f":{settings.port}" in one.worker}


def test_two_workers_are_one_api(
    shared: Settings, pair: list[ApiWorker], stage: Stage, headers: dict[str, str]
) -> None:
    """One key is one decision whichever worker is asked, both follow what is live, their counts
    are added up, and when one is killed the other answers and says so until it is back."""
    other, url = pair[1], f"http://127.0.0.1:{shared.port}"
    with ThreadPoolExecutor(CLIENTS) as pool:
        until(lambda: workers_of(stage, shared) == {f"http:{shared.port}", f"http:{shared.port}/1"})
        ends = chain_ends(stage)
        same = set(pool.map(lambda _: post(url, headers, "one-key"), range(CLIENTS)))
        assert len(same) == 1
        found = set(pool.map(lambda n: post(url, headers, f"key-{n}"), range(CLIENTS)))
        assert len(found) == CLIENTS
        grown = {name: end - ends.get(name, 0) for name, end in chain_ends(stage).items()}
        assert grown["http:0"] > 0
        assert grown["http:1"] > 0
        assert grown["http:0"] + grown["http:1"] == CLIENTS + 1
        text = httpx.get(f"{url}/metrics", headers=headers).text
        route = "/v1/workflows/{slug}/score"
        counted = f'headway_http_request_seconds_count{{route="{route}",status="200"}}'
        assert value(text, counted) == 2 * CLIENTS
        assert other.pid
        os.kill(other.pid, signal.SIGKILL)
        until(lambda: other.pid is None)
        assert post(url, headers, "one-key") in same
        ready = httpx.get(f"{url}/health/ready")
        assert ready.status_code == 503
        assert "worker serve-1" in ready.json()["wrong"]
        other.start()
        until(lambda: httpx.get(f"{url}/health/ready").is_success)


def test_a_worker_that_hangs_is_told_ended_and_started_again(
    shared: Settings, pair: list[ApiWorker], headers: dict[str, str]
) -> None:
    """Stopped, it lives and takes its share of the connections; the other one tells of it."""
    other, url = pair[1], f"http://127.0.0.1:{shared.port}"
    hung = other.pid
    assert hung
    until(lambda: other.silence is not None)  # it has been started just now
    before = starts(url, headers)
    os.kill(hung, signal.SIGSTOP)
    until(lambda: "serve-1 has not moved" in wrong(url), seconds=60)
    assert other.pid == hung, "it lives"
    keeper = Supervisor(pair, pair, shared.hung_seconds)
    keeper.start()
    try:
        until(lambda: starts(url, headers) > before)
        until(lambda: other.silence is not None)
    finally:
        keeper.stop()
    assert other.pid != hung
    until(lambda: wrong(url) == "")
    assert post(url, headers, "after it hung")


def starts(url: str, headers: dict[str, str]) -> float:
    """How often the second worker has been started."""
    said = asked(url, "/metrics", headers)
    return value(said, 'headway_worker_starts_total{worker="serve-1"}')


def wrong(url: str) -> str:
    """What readiness finds wrong, in words; asked over and over, as half of the connections may go
    to one that hangs."""
    said = msgspec.json.decode(asked(url, "/health/ready", {}))["wrong"]
    return ", ".join(f"{part} {why}" for part, why in said.items())


def asked(url: str, path: str, headers: dict[str, str]) -> str:
    """What whoever answers says."""
    for _ in range(20):
        with suppress(httpx.TransportError):
            return httpx.get(f"{url}{path}", headers=headers, timeout=2).text
    raise AssertionError("nobody answers")


def chain_ends(stage: Stage) -> dict[str, int]:
    """How many entries each chain of the audit log has."""
    return {row["chain"]: row["seq"] for row in rows(stage.url, "audit_head")}


def test_killed_between_record_and_answer_the_retry_gets_what_was_recorded(
    settings: Settings, stage: Stage, headers: dict[str, str], tmp_path: Path
) -> None:
    alone = settings.model_copy(update={"port": free_port()})
    environment = alone.environment()
    dying = Program(
        "dying", [sys.executable, "-c", DIES_ONCE_IT_HAS_RECORDED], tmp_path, environment
    )
    id_ = decision_id(SLUG, "http:killed")
    with running(alone, [dying]) as url:
        with pytest.raises(UnknownDecision):
            stage.store.decision(id_)
        with pytest.raises(httpx.TransportError):
            post(url, headers, "killed")
    recorded = stage.store.decision(DecisionId(id_))
    serving = Program("serve", [sys.executable, "-m", "headway", "serve"], tmp_path, environment)
    with running(alone, [serving]) as url:
        assert post(url, headers, "killed") == answer(WORKFLOW, recorded)
        assert post(url, headers, "killed") == answer(WORKFLOW, recorded)
    assert stage.store.decision(DecisionId(id_)) == recorded
    assert stage.store.verify() > 0
