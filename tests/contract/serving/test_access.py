"""Who may call what: every role on every route, on the API as it is composed."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from fastapi import APIRouter, FastAPI
from joserfc import jwt
from joserfc.jwk import KeySet, OKPKey
from structlog.testing import capture_logs

from firm.access import ROLES, Caller, Permission
from firm.declared import Role
from firm.errors import Unauthenticated
from firm.store import Revocation
from headway.api import build
from headway.clock import now
from headway.keys import make_key
from headway.login import NotLoopback, login
from headway.settings import Settings
from serving.access.authority import HERE, holders
from serving.access.guard import PUBLIC, RouteWithoutPolicy, policies, require_policies
from tests.contract.serving.conftest import served
from tests.stage import PATIENCE_SECONDS, SLUG, Stage, until

OTHER = "staffing_fit"
REFUSED = {401, 403}


@pytest.fixture(scope="module")
def app(settings: Settings, tokens: dict[str, str]) -> FastAPI:
    return build(settings)


@pytest.fixture(scope="module")
def tokens(settings: Settings, stage: Stage) -> dict[str, str]:
    """A key for each role, one that reaches a single workflow, and one that has expired."""
    callers = {role: Caller(role, frozenset([role])) for role in sorted(ROLES)}
    callers["one workflow"] = Caller("one workflow", ROLES, frozenset([SLUG]))
    made = {name: make_key(settings, stage.store, who, "tests") for name, who in callers.items()}
    made["expired"] = make_key(settings, stage.store, Caller("past", ROLES), "tests", days=-1)
    return made


@pytest.fixture(scope="module")
def client(app: FastAPI) -> Iterator[httpx.Client]:
    with served(app) as url, httpx.Client(base_url=url, timeout=30) as found:
        yield found


def routes(app: FastAPI) -> list[tuple[str, str, Permission]]:
    """Every route that needs a permission, as (method, path, permission)."""
    return [
        (method, path, permission)
        for (method, path), permission in policies(app).items()
        if permission is not None
    ]


def call(
    client: httpx.Client, method: str, path: str, token: str | None, workflow: str = SLUG
) -> int:
    path = re.sub(r"\{[a-z_]+\}", "nothing", path.replace("{slug}", workflow))
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return client.request(method, path, headers=headers).status_code


def test_each_role_gets_through_where_the_policy_grants_it_and_nowhere_else(
    app: FastAPI, client: httpx.Client, tokens: dict[str, str]
) -> None:
    for method, path, permission in routes(app):
        for role in ROLES:
            status = call(client, method, path, tokens[role])
            assert (status not in REFUSED) == (role in holders(permission)), (role, method, path)


def test_nobody_gets_through_without_a_token_that_holds(
    app: FastAPI, client: httpx.Client, tokens: dict[str, str]
) -> None:
    good = tokens["data_scientist"]
    bad = ["hw_", "hw_nobody_secret", good[:-1] + "!", tokens["expired"], "a.b.c", "é"]
    said = [None, f"Digest {good}", *(f"Bearer {token}" for token in bad)]
    for method, path, _ in routes(app):
        for words in said:
            headers = {} if words is None else {"Authorization": words.encode()}
            answer = client.request(method, path.replace("{slug}", SLUG), headers=headers)
            assert answer.status_code == 401, (method, path, words)
            assert answer.headers["www-authenticate"] == "Bearer"
            assert answer.json()["type"] == "urn:headway:problem:unauthenticated"


def test_a_key_for_one_workflow_reaches_no_other(
    app: FastAPI, client: httpx.Client, tokens: dict[str, str]
) -> None:
    token = tokens["one workflow"]
    for method, path, _ in routes(app):
        if "{slug}" in path:
            assert call(client, method, path, token) != 403
            assert call(client, method, path, token, OTHER) == 403


@pytest.mark.parametrize("odd", [{}, {"Cookie": "a=b"}], ids=["without ASGI", "over ASGI"])
def test_a_plain_score_is_given_to_whoever_may_ask_for_it_and_to_nobody_else(
    client: httpx.Client, tokens: dict[str, str], odd: dict[str, str]
) -> None:
    """The common request goes past FastAPI, and past the guards of its routes."""

    def status(token: str, workflow: str = SLUG) -> int:
        path, headers = f"/v1/workflows/{workflow}/score", {"Authorization": f"Bearer {token}"}
        return client.post(path, json={"subject": "project:p1"}, headers=headers | odd).status_code

    may = holders("scores:ask")
    assert {role: status(tokens[role]) for role in ROLES} == {
        role: 200 if role in may else 403 for role in ROLES
    }
    assert (status(tokens["one workflow"]), status(tokens["one workflow"], OTHER)) == (200, 403)
    assert (status(tokens["expired"]), status("hw_nobody_secret")) == (401, 401)


def test_a_decision_is_not_shown_to_a_key_of_another_workflow(
    client: httpx.Client, settings: Settings, stage: Stage, tokens: dict[str, str]
) -> None:
    asked = client.post(
        f"/v1/workflows/{SLUG}/score",
        json={"subject": "project:p1"},
        headers={"Authorization": f"Bearer {tokens['one workflow']}"},
    ).json()
    other = Caller("another workflow", ROLES, frozenset([OTHER]))
    token = make_key(settings, stage.store, other, "tests")
    until_status(client, token, 403, f"/v1/decisions/{asked['decision_id']}")


def test_a_new_key_opens_and_a_revoked_one_does_not_without_a_restart(
    client: httpx.Client, settings: Settings, stage: Stage
) -> None:
    token = make_key(settings, stage.store, Caller("short", ROLES), "tests")
    until_status(client, token, 200)
    stage.store.revoke(Revocation(token.split("_")[1], "tests", "it leaked", now()), "governance")
    until_status(client, token, 401)


def test_a_key_that_was_given_more_roles_in_the_database_opens_nothing(
    client: httpx.Client, settings: Settings, stage: Stage
) -> None:
    token = make_key(settings, stage.store, Caller("modest", frozenset()), "tests")
    until_status(client, token, 403)
    forged = Caller("modest", frozenset[Role](ROLES))
    key = next(k for k in stage.store.api_keys() if k.id == token.split("_")[1])
    assert not type(key)(**{**_fields(key), "caller": forged}).opens(
        settings.audit_key(), token.split("_", 2)[2], now()
    )


def test_every_permission_is_granted_to_somebody_and_every_role_has_one() -> None:
    lines = (HERE / "policy.csv").read_text().split("\n")
    granted = {tuple(line.split(", ")[1:]) for line in lines if line}
    assert {role for role, _ in granted} == ROLES
    assert {permission for _, permission in granted} == set(Permission.__args__)  # type: ignore[attr-defined]


def test_a_route_without_a_policy_fails_the_start() -> None:
    app = FastAPI()
    router = APIRouter()
    router.add_api_route("/open", lambda: None)
    app.include_router(router)
    with pytest.raises(RouteWithoutPolicy, match="/open"):
        require_policies(app)
    ours = {"/health/live", "/health/ready", "/health/advancing"}
    assert ours | {"/ping", "/v2/health/live", "/v2/health/ready"} == PUBLIC


def test_the_service_does_not_start_with_such_a_route(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("serving.access.guard.PUBLIC", frozenset())
    with pytest.raises(RouteWithoutPolicy, match="/health/live"):
        build(settings.model_copy(update={"developer": True}))


@pytest.mark.parametrize(
    "host",
    ["0.0.0.0", "::", "10.0.0.1", "192.168.1.1", "169.254.1.1", "localhost.example"],  # noqa: S104
)
def test_the_mode_without_a_login_is_refused_beyond_loopback(
    settings: Settings, stage: Stage, host: str
) -> None:
    with pytest.raises(NotLoopback, match=f"HEADWAY_HOST={host}"):
        login(settings.model_copy(update={"developer": True, "host": host}), stage.store)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_the_mode_without_a_login_is_told_of_aloud(
    settings: Settings, stage: Stage, host: str
) -> None:
    with capture_logs() as logged:
        login(settings.model_copy(update={"developer": True, "host": host}), stage.store)
    (said,) = logged
    assert said["log_level"] == "warning"
    assert "DEVELOPER MODE" in said["event"]


def test_the_mode_without_a_login_lets_a_developer_do_everything(settings: Settings) -> None:
    app = build(settings.model_copy(update={"developer": True}))
    with served(app) as url:
        assert httpx.get(f"{url}/v1/workflows").status_code == 200


def test_a_token_of_the_firms_login_opens_until_it_is_revoked(
    settings: Settings, stage: Stage, tmp_path: Path
) -> None:
    key = OKPKey.generate_key("Ed25519", parameters={"kid": "one"})
    jwks = tmp_path / "jwks.json"
    jwks.write_text(json.dumps(KeySet([key]).as_dict(private=False)))
    firms = {"login_issuer": "https://login.example", "login_jwks": jwks}
    claims = {"iss": firms["login_issuer"], "aud": "headway", "sub": "mira", "jti": "leaked"}
    header, soon = {"alg": "Ed25519", "kid": "one"}, int(time.time()) + 600
    token = jwt.encode(header, {**claims, "exp": soon}, key, algorithms=["Ed25519"])
    entrance, stop = login(settings.model_copy(update=firms), stage.store)

    def is_refused() -> bool:
        try:
            return entrance.caller(f"Bearer {token}", now()).name != "mira"
        except Unauthenticated:
            return True

    try:
        assert not is_refused()
        stage.store.revoke(Revocation("leaked", "tests", "it leaked", now()), "governance")
        until(is_refused)
    finally:
        stop()


def test_every_answer_carries_the_headers_that_restrain_browsers(client: httpx.Client) -> None:
    for path in ("/health/live", "/v1/workflows", "/nothing"):
        headers = client.get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert headers["cache-control"] == "no-store"


def until_status(
    client: httpx.Client, token: str, status: int, path: str = "/v1/workflows"
) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while call(client, "GET", path, token) != status:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _fields(key: object) -> dict[str, object]:
    return {name: getattr(key, name) for name in key.__struct_fields__}  # type: ignore[attr-defined]
