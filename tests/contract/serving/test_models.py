"""Promotion over HTTP: two people with keys of their own, and every refusal with its reason."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from firm.access import Caller
from firm.declared import Role
from firm.store import ShadowScore
from headway.api import build
from headway.clock import now
from headway.keys import make_key
from headway.parts import Parts
from headway.swap import wait_until_served
from stream.reactor import Record
from tests.contract.serving.conftest import served
from tests.stage import NOON, SLUG, Stage, report
from tests.versions import TRAINER, registered, settings_of
from workflows.delivery_risk import WORKFLOW

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


def test_a_challenger_is_watched_compared_and_ended(people: Api, own: Stage) -> None:
    assert people.get("Ben", "challenger/comparison").status_code == 404
    assert people.post("Gus", "challenger", version="2").status_code == 403
    assert people.post("Ben", "challenger", version="9").status_code == 409
    watched = people.post("Ben", "challenger", version="2")
    assert (watched.status_code, watched.json()["version"]) == (201, "2")
    early = people.get("Gus", "challenger/comparison")
    assert (early.status_code, "it takes 30" in early.json()["detail"]) == (409, True)
    shadow(own, 40)
    found = people.get("Gus", "challenger/comparison").json()
    assert (found["judged"], found["verdict"]) == (40, "the challenger is worse")
    assert people.post("Gus", "challenger/end").status_code == 403
    assert people.post("Ben", "challenger/end").json()["kind"] == "ended"
    assert people.post("Ben", "challenger/end").status_code == 404
    assert people.get("Gus", "models").json()["challenger"] is None


def test_a_canary_is_proposed_agreed_to_and_taken_back(people: Api, own: Stage) -> None:
    for said in ({"version": "1"}, {"version": "2", "alias": "canary", "share": 0.999}):
        id_ = people.post("Ben", "promotions", **said).json()["id"]
        people.post("Gus", f"promotions/{id_}/agree")
    assert score(people, own)["model_version"] == "2"
    assert people.post("Ben", "canary/end").status_code == 403
    assert people.post("Gus", "canary/end").json()["kind"] == "ended"
    assert score(people, own)["model_version"] == "1"


def shadow(own: Stage, decisions: int) -> None:
    """Decisions whose outcome is known and old, and what version 2 said of them."""
    slips = [report(f"s{n}", "p2", day=n, slip=0) for n in range(decisions + 1)]
    late = report("later", "p3", day=decisions + 2 * WORKFLOW.label.maturity_days)
    records = [Record(own.start + 1 + n, now(), one) for n, one in enumerate([*slips, late])]
    own.reactor().take(records, now())
    own.store.note_shadows(
        [
            ShadowScore(one.id, "2", SLUG, 0.9, one.decided_at)
            for one in own.store.decisions(SLUG)
            if one.subject != "project:p1"
        ]
    )
