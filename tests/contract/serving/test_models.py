"""Promotion over HTTP: two people with keys of their own, and every refusal with its reason."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from firm.access import Caller
from firm.declared import Role
from headway.api import build
from headway.keys import make_key
from headway.parts import Parts
from headway.swap import wait_until_served
from stream.reactor import Record
from tests.contract.serving.conftest import served
from tests.stage import NOON, SLUG, Stage, report
from tests.versions import TRAINER, registered, settings_of

PEOPLE: dict[str, tuple[Role, ...]] = {
    "Ben": ("data_scientist",),
    "Gus": ("governance_reviewer",),
    TRAINER: ("data_scientist", "governance_reviewer"),
}
WHY = {"why": "as the test says"}


class Api:
    """The API as several people see it."""

    def __init__(self, url: str, tokens: dict[str, str]) -> None:
        self._clients = {
            name: httpx.Client(
                base_url=f"{url}/v1/workflows/{SLUG}/",
                headers={"Authorization": f"Bearer {token}"},
                timeout=30,
            )
            for name, token in tokens.items()
        }

    def post(self, name: str, path: str, **said: object) -> httpx.Response:
        return self._clients[name].post(path, json={**WHY, **said})

    def get(self, name: str, path: str, **asked: str) -> httpx.Response:
        return self._clients[name].get(path, params=asked)

    def ask(self, name: str, subject: str) -> httpx.Response:
        return self._clients[name].post("score", json={"subject": subject})

    def close(self) -> None:
        for client in self._clients.values():
            client.close()


@pytest.fixture
def own(parts: Parts) -> Iterator[Stage]:
    stage = Stage(parts)
    stage.reactor().take([Record(stage.start, NOON, report("a"))], NOON)
    yield stage
    stage.close()


@pytest.fixture
def people(own: Stage, tmp_path: Path) -> Iterator[Api]:
    settings = settings_of(
        tmp_path / "home", kafka=own.bootstrap, database=own.url, redis=own.redis_url, port=7
    )
    for version, score in (("1", 0.2), ("2", 0.8)):
        registered(settings, own.store, version, score)
    tokens = {
        name: make_key(settings, own.store, Caller(name, frozenset(roles)), by="tests")
        for name, roles in PEOPLE.items()
    }
    with served(build(settings)) as url:
        api = Api(url, tokens)
        yield api
        api.close()


def score(api: Api, own: Stage) -> dict[str, object]:
    """An answer once the service has the last move."""
    wait_until_served(own.store, SLUG)
    found: dict[str, object] = api.ask("Ben", "project:p1").json()
    return found


def test_two_people_promote_take_back_and_switch_off(people: Api, own: Stage) -> None:
    for version in "12":
        asked = people.post("Ben", "promotions", version=version)
        assert asked.status_code == 201
        agreed = people.post("Gus", f"promotions/{asked.json()['id']}/agree")
        assert agreed.json()["version"] == version
    assert score(people, own)["model_version"] == "2"
    assert people.post("Gus", "rollback").json()["version"] == "1"
    assert score(people, own)["model_version"] == "1"
    assert people.post("Gus", "kill", why="nonsense since noon").is_success
    killed = score(people, own)
    assert killed["model_version"] == "rule"
    assert killed["rule_because"] == "kill switch, Gus: nonsense since noon"
    assert people.post("Gus", "lift").json()["version"] == "1"
    assert score(people, own)["model_version"] == "1"
    live = people.get("Gus", "models").json()
    assert live["champion"]["version"] == "1"
    assert people.get("Gus", "models", at="2020-01-01T00:00:00Z").json()["champion"] is None


def test_who_trained_or_proposed_cannot_agree(people: Api) -> None:
    id_ = people.post("Ben", "promotions", version="1").json()["id"]
    refused = people.post(TRAINER, f"promotions/{id_}/agree")
    assert (refused.status_code, "trained version 1" in refused.json()["detail"]) == (403, True)
    assert people.post("Ben", f"promotions/{id_}/agree").status_code == 403
    assert people.post("Gus", "promotions/another/agree").status_code == 404
    assert people.post("Gus", f"promotions/{id_}/decline").status_code == 204
    assert people.post("Gus", f"promotions/{id_}/agree").status_code == 403


def test_what_nobody_registered_cannot_be_proposed(people: Api) -> None:
    refused = people.post("Ben", "promotions", version="9")
    assert (refused.status_code, refused.json()["type"]) == (
        409,
        "urn:headway:problem:model-refused",
    )
