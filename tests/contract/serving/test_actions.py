"""Actions that wait, over HTTP: who may agree to them, once, and for whom they go out."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import httpx
import pytest

from firm.access import Caller
from firm.declared import Role
from firm.ids import ActionId
from headway.keys import make_key
from headway.settings import Settings
from tests.contract.serving.test_access import until_status
from tests.contract.serving.test_api import refused
from tests.contract.store.samples import record
from tests.stage import SLUG, Stage

WHY = {"why": "the owner confirmed it"}
As = Callable[..., httpx.Client]


@pytest.fixture(scope="module")
def login(url: str, settings: Settings, stage: Stage) -> Iterator[As]:
    """A client for somebody with a role, and a key that reaches some workflows."""
    made: list[httpx.Client] = []

    def as_(role: Role, *workflows: str) -> httpx.Client:
        caller = Caller(f"a {role}", frozenset([role]), frozenset(workflows) if workflows else None)
        token = make_key(settings, stage.store, caller, "tests")
        client = httpx.Client(
            base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=30
        )
        made.append(client)
        until_status(client, token, 200, "/v1/actions")
        return client

    yield as_
    for client in made:
        client.close()


def waiting(stage: Stage, cause: str) -> str:
    """The id of an action that waits for a delivery director."""
    _, actions = record(stage.store, cause, 0.9)
    (found,) = (one.id for one in actions if one.approval)
    return str(found)


def test_somebody_of_the_role_agrees_once_and_the_action_goes_out(login: As, stage: Stage) -> None:
    id_, director = waiting(stage, "agreed over http"), login("delivery_director")
    (shown,) = (one for one in director.get("/v1/actions").json() if one["id"] == id_)
    assert (shown["kind"], shown["approval"]) == ("propose_forecast_change", "delivery_director")
    before = stage.store.verify()
    said = director.post(f"/v1/actions/{id_}/agree", json=WHY).json()
    assert (said["verdict"], said["person"]) == ("agreed", "a delivery_director")
    assert stage.store.verify() == before + 1
    assert id_ not in {one["id"] for one in director.get("/v1/actions").json()}
    (record_,) = [r for r in stage.store.actions_of(shown["decision_id"]) if r.action.id == id_]
    assert record_.status == "queued"
    refused(director.post(f"/v1/actions/{id_}/decline", json=WHY), 403, "not-allowed")


def test_a_declined_action_is_never_done(login: As, stage: Stage) -> None:
    id_, director = waiting(stage, "declined over http"), login("delivery_director")
    assert director.post(f"/v1/actions/{id_}/decline", json=WHY).json()["verdict"] == "declined"
    verdict = stage.store.verdict(ActionId(id_))
    assert verdict is not None
    assert (verdict.agreed, verdict.reason) == (False, WHY["why"])


def test_another_role_may_look_and_not_agree(login: As, stage: Stage) -> None:
    id_, finance = waiting(stage, "not theirs"), login("finance")
    assert id_ in {one["id"] for one in finance.get("/v1/actions").json()}
    problem = refused(finance.post(f"/v1/actions/{id_}/agree", json=WHY), 403, "not-allowed")
    assert "waits for the role delivery_director" in problem["detail"]


def test_a_key_of_another_workflow_neither_sees_nor_agrees(login: As, stage: Stage) -> None:
    id_, other = waiting(stage, "elsewhere"), login("delivery_director", "staffing_fit")
    assert id_ not in {one["id"] for one in other.get("/v1/actions").json()}
    refused(other.post(f"/v1/actions/{id_}/agree", json=WHY), 403, "not-allowed")
    assert other.get("/v1/actions", params={"workflow": SLUG}).json() == []


def test_an_unknown_action_and_a_missing_reason_are_refused(login: As, stage: Stage) -> None:
    director = login("delivery_director")
    refused(director.post("/v1/actions/nothing/agree", json=WHY), 404, "unknown-decision")
    refused(director.post("/v1/actions/a%00b/agree", json=WHY), 404, "unknown-decision")
    refused(director.post("/v1/actions/nothing/agree", json={}), 422, "invalid-value")
