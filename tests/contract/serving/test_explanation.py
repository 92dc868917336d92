"""Why a decision was taken, over HTTP: by the very version that took it, whatever is live since."""

from __future__ import annotations

import json
from collections.abc import Iterator
from math import exp
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import xgboost

from firm.access import ROLES, Caller
from firm.workflow import Workflow
from headway.api import build
from headway.client import Client
from headway.governance import Governance
from headway.keys import make_key
from headway.parts import Parts
from headway.settings import Settings
from headway.swap import wait_until_served
from stream.reactor import Record
from tests.contract.serving.conftest import served
from tests.contract.serving.test_rank import RANK, T, solved, stream, tickets
from tests.stage import NOON, SLUG, Stage, slipping
from tests.versions import REVIEWER, promote, registered, registration, settings_of
from workflows.delivery_risk import WORKFLOW
from workflows.staffing_fit import WORKFLOW as STAFFING

SCORE = f"/v1/workflows/{SLUG}/score"
P1 = {"subject": "project:p1"}


@pytest.fixture(scope="module")
def own(parts: Parts) -> Iterator[Stage]:
    stage = Stage(parts)
    taken = [Record(stage.start + n, NOON, payload) for n, payload in enumerate(slipping("p1"))]
    stage.reactor().take(taken, NOON)
    stream(stage, [*solved("C", 24), *tickets()])
    yield stage
    stage.close()


@pytest.fixture(scope="module")
def copy(own: Stage, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    home = tmp_path_factory.mktemp("explained") / "home"
    found = settings_of(home, kafka=own.bootstrap, database=own.url, redis=own.redis_url)
    registered(found, own.store, "1", 0.2)
    registered(found, own.store, "2", 0.7)
    governance = Governance(found, own.store)
    promote(governance, "1")
    checked = {"AUC": 0.8, "fairness findings": 0.0}
    governance.register(registration(found, "1", 0.4, STAFFING, 300, gates=checked))
    promote(governance, "1", STAFFING.slug)
    return found


@pytest.fixture(scope="module")
def http(own: Stage, copy: Settings) -> Iterator[httpx.Client]:
    token = make_key(copy, own.store, Caller("tests", ROLES), by="tests")
    headers = {"Authorization": f"Bearer {token}"}
    with (
        served(build(copy)) as url,
        httpx.Client(base_url=url, headers=headers, timeout=30) as client,
    ):
        yield client


def explained(http: httpx.Client, decision: str) -> dict[str, Any]:
    answer = http.get(f"/v1/decisions/{decision}/explanation")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def by_package(
    copy: Settings, version: str, features: dict[str, float | None], workflow: Workflow = WORKFLOW
) -> Any:
    """XGBoost's own exact contributions, and last the bias."""
    booster = xgboost.Booster()
    booster.load_model(copy.artifacts / workflow.slug / version / "model.ubj")
    row = [[np.nan if features[n] is None else features[n] for n in workflow.feature_names]]
    data = xgboost.DMatrix(np.array(row, np.float32), feature_names=list(workflow.feature_names))
    return booster.predict(data, pred_contribs=True)[0]


def test_the_reasons_are_exact_and_add_up_to_the_score(http: httpx.Client, copy: Settings) -> None:
    said = http.post(SCORE, json=P1).json()
    found = explained(http, said["decision_id"])
    expected = by_package(copy, "1", said["features"])
    ours = {one["feature"]: one["log_odds"] for one in found["reasons"]}
    for name, value in zip(WORKFLOW.feature_names, expected, strict=False):
        assert ours[name] == pytest.approx(float(value), abs=1e-5)
    assert found["base_log_odds"] == pytest.approx(float(expected[-1]), abs=1e-5)
    total = found["base_log_odds"] + sum(ours.values())
    assert total == pytest.approx(found["log_odds"], abs=1e-9)
    assert 1 / (1 + exp(-total)) == pytest.approx(said["probability"], abs=1e-5)
    assert {one["value"] for one in found["reasons"]} == set(said["features"].values())


def test_an_answer_gives_reasons_only_if_they_are_asked_for(http: httpx.Client) -> None:
    key = {"Idempotency-Key": "with reasons"}
    plain = http.post(SCORE, json=P1, headers=key)
    assert "reasons" not in plain.json()
    asked = [http.post(f"{SCORE}?explain=true", json=P1, headers=key) for _ in range(2)]
    again = http.get(f"/v1/decisions/{plain.json()['decision_id']}?explain=true")
    assert asked[0].content == asked[1].content == again.content
    reasons = asked[0].json().pop("reasons")
    assert 1 <= len(reasons) <= 5
    assert {n: v for n, v in asked[0].json().items() if n != "reasons"} == plain.json()


def test_a_workflow_may_declare_that_what_it_acts_on_gives_its_reasons(
    http: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(WORKFLOW.__dict__, "reasons", "on action")
    said = http.post(SCORE, json=P1)
    assert ("reasons" in said.json()) == bool(said.json()["actions"])
    assert http.get(f"/v1/decisions/{said.json()['decision_id']}").content == said.content


def test_each_answer_of_a_batch_gives_the_reasons_that_it_would_give_alone(
    http: httpx.Client,
) -> None:
    key = {"Idempotency-Key": "batch with reasons"}
    asked = {"subjects": ["project:p1", "project:unheard of", "project:p1"]}
    plain = http.post(f"{SCORE}/batch", json=asked, headers=key).json()
    assert all("reasons" not in one for one in plain["answers"])
    said = http.post(f"{SCORE}/batch?explain=true", json=asked, headers=key).json()
    assert said["problems"] == plain["problems"]
    assert len(said["answers"]) == 2
    for one in said["answers"]:
        assert one["reasons"]
        assert one == http.get(f"/v1/decisions/{one['decision_id']}?explain=true").json()


def test_each_candidate_of_a_ranking_has_the_exact_reasons_of_its_own_score(
    http: httpx.Client, copy: Settings
) -> None:
    key = {"Idempotency-Key": "ranking with reasons"}
    answers = [http.post(f"{RANK}?explain=true", json=T, headers=key) for _ in range(2)]
    said = answers[0].json()
    again = http.get(f"/v1/decisions/{said['decision_id']}?explain=true")
    assert answers[0].content == answers[1].content == again.content
    told = {one["candidate"]: one["reasons"] for one in said["ranking"]}
    assert told["A"] == told["B"] != told["C"], "C has solved fewer such tickets"
    for one in said["ranking"]:
        features = said["features"] | one["features"]
        expected = by_package(copy, "1", features, STAFFING)
        added = dict(zip(STAFFING.feature_names, expected, strict=False))
        assert one["reasons"]
        for reason in one["reasons"]:
            assert reason["log_odds"] == pytest.approx(float(added[reason["feature"]]), abs=1e-5)
            assert reason["value"] == features[reason["feature"]]
        assert 1 / (1 + exp(-sum(expected))) == pytest.approx(one["probability"], abs=1e-5)
    plain = http.post(RANK, json=T, headers=key).json()
    assert all("reasons" not in one for one in [plain, *plain["ranking"]])


def test_the_client_reads_the_reasons_of_batches_and_candidates(http: httpx.Client) -> None:
    token = http.headers["Authorization"].removeprefix("Bearer ")
    with Client(str(http.base_url), token) as client:
        (score,) = client.batch(SLUG, ["project:p1"], explain=True).answers
        assert client.decision(score.decision_id, explain=True) == score
        ranked = client.rank(STAFFING.slug, "ticket:t", explain=True)
        assert client.decision(ranked.decision_id, explain=True) == ranked
        assert all(one.reasons for one in [score, *ranked.ranking])


def test_a_decision_is_explained_by_the_version_that_took_it(
    http: httpx.Client, own: Stage, copy: Settings
) -> None:
    first = http.post(SCORE, json=P1).json()
    assert first["model_version"] == "1"
    before = explained(http, first["decision_id"])
    governance = Governance(copy, own.store)
    promote(governance, "2")
    wait_until_served(own.store, SLUG)
    second = http.post(SCORE, json=P1).json()
    assert second["model_version"] == "2"
    assert explained(http, first["decision_id"]) == before
    governance.kill(SLUG, REVIEWER, "nonsense since noon")
    wait_until_served(own.store, SLUG)
    third = http.post(SCORE, json=P1).json()
    rule = explained(http, third["decision_id"])
    assert rule["reasons"] == []
    assert rule["rule"] == WORKFLOW.rule.words
    assert "nonsense since noon" in rule["says"]
    governance.lift(SLUG, REVIEWER, "seen")
    wait_until_served(own.store, SLUG)


def test_a_file_that_was_changed_explains_nothing_and_the_answer_says_so(
    own: Stage, copy: Settings, http: httpx.Client
) -> None:
    decision = http.post(SCORE, json=P1).json()
    file: Path = copy.artifacts / SLUG / decision["model_version"] / "model.ubj"
    content = file.read_bytes()
    file.write_bytes(content + b" ")
    moves = Governance(copy, own.store).standing(SLUG)
    assert moves.champion is not None
    try:
        token = make_key(copy, own.store, Caller("later", ROLES), by="tests")
        headers = {"Authorization": f"Bearer {token}"}
        with served(build(copy)) as url, httpx.Client(base_url=url, headers=headers) as fresh:
            path = f"/v1/decisions/{decision['decision_id']}"
            refused = fresh.get(f"{path}/explanation")
            assert refused.status_code == 409
            assert json.loads(refused.content)["type"] == "urn:headway:problem:model-refused"
            said = fresh.get(f"{path}?explain=true").json()
            assert "reasons" not in said
            assert "were registered" in said["unexplained"]
            batch = fresh.post(f"{SCORE}/batch?explain=true", json={"subjects": ["project:p1"]})
            (one,) = batch.json()["answers"]
            assert one["model_version"] == "rule", "the version is refused"
            assert one["reasons"] == []
    finally:
        file.write_bytes(content)
