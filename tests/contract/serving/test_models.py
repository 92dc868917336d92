"""Promotion over HTTP: two people with keys of their own, and every refusal with its reason."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from firm.access import Caller
from firm.declared import Role
from firm.fairness import FAIRNESS_GATE
from firm.store import ShadowScore
from headway import aliases
from headway.api import build
from headway.clock import now
from headway.governance import Governance
from headway.keys import make_key
from headway.parts import Parts
from headway.registrar import look_after
from headway.settings import Settings
from headway.swap import wait_until_served
from serving.access.guard import SIGNED
from stream.reactor import Record
from tests.contract.serving.conftest import served
from tests.stage import NOON, PATIENCE_SECONDS, SLUG, Stage, report, until
from tests.tracking import Mlflow
from tests.versions import TRAINER, promote_before, registered, registration, settings_of
from workflows.delivery_risk import WORKFLOW
from workflows.staffing_fit import WORKFLOW as STAFFING

PEOPLE: dict[str, tuple[Role, ...]] = {
    "Ben": ("data_scientist",),
    "Gus": ("governance_reviewer",),
    TRAINER: ("data_scientist", "governance_reviewer"),
}
WHY = {"why": "as the test says"}


class Api:
    """The API as several people see it."""

    def __init__(self, url: str, settings: Settings, tokens: dict[str, str]) -> None:
        self.url, self.settings = url, settings
        self._clients = {
            name: httpx.Client(
                base_url=f"{url}/v1/workflows/",
                headers={"Authorization": f"Bearer {token}"},
                timeout=30,
            )
            for name, token in tokens.items()
        }

    def post(self, name: str, path: str, slug: str = SLUG, **said: object) -> httpx.Response:
        return self._clients[name].post(f"{slug}/{path}", json={**WHY, **said})

    def get(self, name: str, path: str, slug: str = SLUG, **asked: str) -> httpx.Response:
        return self._clients[name].get(f"{slug}/{path}", params=asked)

    def ask(self, name: str, subject: str) -> httpx.Response:
        return self._clients[name].post(f"{SLUG}/score", json={"subject": subject})

    def promote(self, version: str, slug: str = SLUG) -> httpx.Response:
        """One person proposes, another agrees."""
        asked = self.post("Ben", "promotions", slug, version=version)
        assert asked.status_code == 201, asked.text
        return self.post("Gus", f"promotions/{asked.json()['id']}/agree", slug)

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
        api = Api(url, settings, tokens)
        yield api
        api.close()


def score(api: Api, own: Stage) -> dict[str, object]:
    """An answer once the service has the last move."""
    wait_until_served(own.store, SLUG)
    found: dict[str, object] = api.ask("Ben", "project:p1").json()
    return found


def test_two_people_promote_take_back_and_switch_off(people: Api, own: Stage) -> None:
    for version in "12":
        assert people.promote(version).json()["version"] == version
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


UNJUDGED = f"nobody has checked its {FAIRNESS_GATE}"
UNFAIR = f"{FAIRNESS_GATE} (sex women: shown less often)"
"""As the fairness job names its gate where it finds something."""


@pytest.fixture
def scored(people: Api, own: Stage) -> Governance:
    """Of a workflow that scores people: 1 treats them alike, of 2 nobody knows, 3 does not."""
    governance = Governance(people.settings, own.store)
    gates = {"1": {FAIRNESS_GATE: 0.0}, "2": {"AUC": 0.9}, "3": {UNFAIR: 1.0}}
    for version, found in gates.items():
        failed = (f"{UNFAIR} is 1",) if UNFAIR in found else ()
        made = registration(people.settings, version, 0.3, STAFFING, gates=found, failed=failed)
        governance.register(made)
    return governance


def test_nobody_is_scored_unjudged_or_unfairly_by_a_canary_or_a_rollback(
    people: Api, own: Stage, scored: Governance
) -> None:
    slug = STAFFING.slug
    for version, why in (("2", UNJUDGED), ("3", UNFAIR)):
        made, _ = own.store.registration(slug, version)
        promote_before(people.settings, own.store, made)
        for said in ({}, {"alias": "canary", "share": 0.1}):
            refused = people.post("Ben", "promotions", slug, version=version, **said)
            assert (refused.status_code, why in refused.json()["detail"]) == (409, True)
    assert people.promote("1", slug).json()["version"] == "1"
    for version, why in (("2", UNJUDGED), ("3", UNFAIR)):
        refused = people.post("Gus", "rollback", slug, to=version)
        assert (refused.status_code, why in refused.json()["detail"]) == (409, True)
    assert people.get("Gus", "models", slug).json()["champion"]["version"] == "1"


@pytest.fixture
def mlflow(tmp_path: Path) -> Iterator[Mlflow]:
    server = Mlflow(tmp_path)
    yield server
    server.stop()


@contextmanager
def looking(settings: Settings, pages: str) -> Iterator[None]:
    """The registrar's own loop, in a thread."""
    told = threading.Event()
    thread = threading.Thread(target=look_after, args=(settings, pages, told), daemon=True)
    thread.start()
    try:
        yield
    finally:
        told.set()
        thread.join(PATIENCE_SECONDS)
        assert not thread.is_alive()


@pytest.mark.slow
def test_an_alias_moved_in_mlflow_past_its_approval_decides_nothing_and_the_owner_hears_at_once(
    mlflow: Mlflow,
    people: Api,
    own: Stage,
    scored: Governance,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The whole way: MLflow sends its signed webhook to the API, that wakes the registrar, and the
    alert says why the version is refused. By itself the registrar would look but once."""
    monkeypatch.setattr(aliases, "LOOK_SECONDS", 3_600.0)
    failed = registration(people.settings, "3", 0.9, failed=("AUC is 0.4, has to be at least 0.7",))
    Governance(people.settings, own.store).register(failed)
    people.promote("1")
    own.store.mark_aligned(SLUG, own.store.last_move(), now())
    mlflow.wait()
    for slug in (SLUG, STAFFING.slug):
        mlflow.register(slug, 3)
    mlflow.subscribe(people.url + SIGNED, people.settings.webhook_key())

    def alarm(slug: str) -> str:
        return "".join(record.alert.says for record in own.store.alerts(slug))

    def moved(slug: str, version: str, why: str) -> None:
        mlflow.move(slug, version)
        until(lambda: f"moved to version {version} past its approval" in alarm(slug))
        assert why in alarm(slug)

    with looking(people.settings, mlflow.url):
        until(lambda: "moved to no version" in alarm(SLUG))
        mlflow.move(SLUG, "1")
        until(lambda: alarm(SLUG) == "")
        for version, why in (("2", "two people have to agree to it"), ("3", "AUC is 0.4")):
            moved(SLUG, version, why)
            assert score(people, own)["model_version"] == "1"
        for version, why in (("2", UNJUDGED), ("3", UNFAIR)):
            moved(STAFFING.slug, version, why)
    live = people.get("Gus", "models", STAFFING.slug).json()
    assert live["champion"] is None


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
