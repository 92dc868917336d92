"""The declared limits, on routes with and without a framework: each says no in its own words."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator

import httpx
import pytest

from firm.access import ROLES, Caller
from headway.api import build
from headway.keys import make_key
from headway.settings import Settings
from serving.batch import MOST_SUBJECTS
from tests.contract.serving.conftest import served
from tests.contract.serving.test_api import P1, SCORE, refused
from tests.stage import SLUG, Stage


@pytest.fixture(scope="module")
def strict(settings: Settings) -> Settings:
    few = {"rate_limit": "8/hour", "failed_logins": "3/hour", "json_depth": 6}
    return settings.model_copy(update=few)


@pytest.fixture(scope="module")
def keys(strict: Settings, stage: Stage) -> dict[str, str]:
    return {
        name: make_key(strict, stage.store, Caller(name, ROLES), "tests")
        for name in ("quick", "plain", "deep", "packed", "many")
    }


@pytest.fixture(scope="module")
def address(strict: Settings, keys: dict[str, str]) -> Iterator[str]:
    with served(build(strict)) as url:
        yield url


def client(address: str, token: str) -> httpx.Client:
    return httpx.Client(base_url=address, headers={"Authorization": f"Bearer {token}"})


@pytest.mark.parametrize(("who", "path"), [("quick", SCORE), ("plain", f"{SCORE}?explain=true")])
def test_a_caller_who_asks_too_often_hears_when_to_ask_again(
    address: str, keys: dict[str, str], who: str, path: str
) -> None:
    with client(address, keys[who]) as api:
        answers = [api.post(path, json=P1) for _ in range(10)]
        assert [one.status_code for one in answers] == [200] * 8 + [429] * 2
        refused(answers[-1], 429, "too-many-requests")
        assert 1 <= int(answers[-1].headers["retry-after"]) <= 3_600
        assert api.get("/health/live").is_success


def test_an_address_that_fails_to_log_in_too_often_hears_429_and_good_keys_go_on(
    address: str, keys: dict[str, str]
) -> None:
    with client(address, "hw_nobody_secret") as api:
        found = [api.post(SCORE, json=P1).status_code for _ in range(2)]
        found += [api.get("/v1/workflows").status_code for _ in range(3)]
    assert found == [401, 401, 401, 429, 429]
    with client(address, keys["many"]) as api:
        assert api.get("/v1/workflows").status_code == 200


def test_json_that_is_nested_too_deep_is_refused_on_every_route(
    address: str, keys: dict[str, str]
) -> None:
    text = json.dumps({"subject": "project:p1", "as_of": [[[[[[["deep"]]]]]]]})
    with client(address, keys["deep"]) as api:
        for path in (SCORE, "/v1/events", f"/v2/models/{SLUG}/infer"):
            answer = api.post(path, content=text, headers={"Content-Type": "application/json"})
            assert "6 levels" in refused(answer, 400, "too-deep")["detail"]


def test_a_compressed_body_is_refused_on_every_route(address: str, keys: dict[str, str]) -> None:
    packed, plain = gzip.compress(json.dumps(P1).encode()), json.dumps(P1).encode()
    with client(address, keys["packed"]) as api:
        for path in (SCORE, "/v1/events", f"/v2/models/{SLUG}/infer"):
            for body, coding in ((packed, "gzip"), (plain, "gzip"), (plain, "br, gzip")):
                headers = {"Content-Type": "application/json", "Content-Encoding": coding}
                answer = api.post(path, content=body, headers=headers)
                assert repr(coding) in refused(answer, 415, "compressed")["detail"]
                assert answer.headers["accept-encoding"] == "identity"
        headers = {"Content-Type": "application/json", "Content-Encoding": "identity"}
        assert api.post(SCORE, content=plain, headers=headers).is_success


def test_a_batch_has_at_most_so_many_subjects(address: str, keys: dict[str, str]) -> None:
    subjects = [f"project:nobody-{n}" for n in range(MOST_SUBJECTS + 1)]
    with client(address, keys["many"]) as api:
        answer = api.post(f"{SCORE}/batch", json={"subjects": subjects[:-1]})
        assert len(answer.json()["problems"]) == MOST_SUBJECTS
        answer = api.post(f"{SCORE}/batch", json={"subjects": subjects})
        assert "1,001 subjects" in refused(answer, 422, "too-many")["detail"]
