"""The client against the service as it runs, in both its forms."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from firm.access import Caller
from firm.standing import Standing
from firm.time import to_datetime
from headway.client import (
    AsyncClient,
    CannotReach,
    Client,
    Forbidden,
    Invalid,
    KeyRefused,
    NotFound,
    TooManyRequests,
    Unavailable,
)
from headway.keys import make_key
from headway.parts import free_port
from headway.settings import Settings
from tests.contract.serving.flaky import Between, between
from tests.stage import NOON, SLUG, Stage, until

PAGE = Path(__file__).parents[3] / "docs" / "client.md"
Ask = Callable[..., Any]


def blocking(url: str, token: str | None, attempts: int = 5) -> Ask:
    def ask(what: str, *args: Any, **said: Any) -> Any:
        with Client(url, token, attempts=attempts) as client:
            return getattr(client, what)(*args, **said)

    return ask


def asynchronous(url: str, token: str | None, attempts: int = 5) -> Ask:
    def ask(what: str, *args: Any, **said: Any) -> Any:
        async def asked() -> Any:
            async with AsyncClient(url, token, attempts=attempts) as client:
                return await getattr(client, what)(*args, **said)

        return asyncio.run(asked())

    return ask


@pytest.fixture(params=[blocking, asynchronous])
def form(request: pytest.FixtureRequest) -> Callable[..., Ask]:
    form: Callable[..., Ask] = request.param
    return form


@pytest.fixture
def ask(form: Callable[..., Ask], url: str, token: str) -> Ask:
    return form(url, token)


@pytest.fixture(scope="session")
def token(headers: dict[str, str]) -> str:
    return headers["Authorization"].removeprefix("Bearer ")


def taken(stage: Stage) -> set[str]:
    """The ids of the decisions on project p2 so far."""
    return {one.id for one in stage.store.decisions(SLUG, subject="project:p2", limit=1_000)}


@pytest.fixture
def proxy(url: str) -> Iterator[Between]:
    with between(url) as state:
        yield state


def test_a_score_is_the_recorded_decision(ask: Ask) -> None:
    score = ask("score", SLUG, "project:p1")
    assert (score.probability, score.band, score.model_version) == (0.5, "watch", "rule")
    assert score.freshness.event_time == to_datetime(NOON) + timedelta(days=2)
    assert ask("decision", score.decision_id) == score


def test_the_same_key_is_the_same_decision(ask: Ask, form: Any) -> None:
    key = f"same {form.__name__}"
    first, again = (ask("score", SLUG, "project:p1", key=key) for _ in range(2))
    other = ask("score", SLUG, "project:p1")
    assert first == again
    assert other.decision_id != first.decision_id


def test_a_score_is_that_of_the_instant_that_is_asked_for(ask: Ask) -> None:
    at = to_datetime(NOON) + timedelta(days=0.5)
    score = ask("score", SLUG, "project:p1", as_of=at)
    assert (score.as_of, score.probability) == (at, 0.0)


def test_a_decision_is_explained_in_words_and_in_full(ask: Ask) -> None:
    score = ask("score", SLUG, "project:p1", explain=True)
    assert ask("decision", score.decision_id, explain=True) == score
    why = ask("explanation", score.decision_id)
    assert (why.decision_id, why.probability) == (score.decision_id, score.probability)
    assert why.rule, "the rule decided: no version is approved"
    assert score.unexplained or score.reasons is not None


def test_an_outcome_is_reported_and_looked_up(ask: Ask, form: Any) -> None:
    noon = to_datetime(NOON)
    score = ask("score", SLUG, "project:p1", as_of=noon + timedelta(days=1.5))
    known_at = noon + timedelta(days=9)
    key = f"outcome {form.__name__}"
    sent = ask("report_outcome", score.decision_id, True, known_at, key=key)
    assert (sent.decision_id, sent.subject) == (score.decision_id, "project:p1")
    found = ask("outcome", score.decision_id)
    assert (found.decision_id, found.workflow) == (score.decision_id, SLUG)
    assert found.matures_at > score.as_of


def test_a_batch_tells_the_scores_and_why_there_is_none(ask: Ask) -> None:
    batch = ask("batch", SLUG, ["project:p1", "project:unheard of", "project:p2"])
    assert [score.subject for score in batch.answers] == ["project:p1", "project:p2"]
    assert [one.problem.kind for one in batch.problems] == ["unknown-subject"]


def test_the_workflows_are_those_that_the_service_tells(ask: Ask, api: httpx.Client) -> None:
    told = {one["slug"]: one for one in api.get("/v1/workflows").json()}
    found = {one.slug: one for one in ask("workflows")}
    assert found.keys() == told.keys()
    assert found[SLUG].bands == told[SLUG]["bands"]
    assert [f.name for f in found[SLUG].features] == [f["name"] for f in told[SLUG]["features"]]


def test_a_workflow_is_told_whole(ask: Ask, api: httpx.Client) -> None:
    told = api.get(f"/v1/workflows/{SLUG}").json()
    found = ask("workflow", SLUG)
    assert found in ask("workflows")
    assert [band.name for band in found.policy] == list(told["bands"])
    assert found.live.champion == found.model_version == "rule"
    assert found.promises.freshness_days == found.freshness_days == told["freshness_days"]


def test_the_evidence_of_a_decision_is_told_value_by_value(ask: Ask) -> None:
    score = ask("score", SLUG, "project:p1")
    found = ask("evidence", score.decision_id)
    assert {one.feature: one.value for one in found.features} == score.features
    assert {one.feature: one.unit for one in found.features} == score.units
    assert found.event_time == score.freshness.event_time


def test_what_is_live_is_told_as_the_firm_knows_it(ask: Ask) -> None:
    assert ask("models", SLUG, at=to_datetime(NOON)) == Standing(SLUG)


@pytest.mark.parametrize(
    ("call", "error", "kind"),
    [
        (("score", SLUG, "project:unheard of"), NotFound, "unknown-subject"),
        (("score", "no/such flow", "project:p1"), NotFound, "not-found"),
        (("score", "no_such_flow", "project:p1"), NotFound, "unknown-workflow"),
        (("score", SLUG, "nonsense"), Invalid, "invalid-value"),
        (("rank", SLUG, "project:p1"), NotFound, "no-candidates"),
        (("decision", "never taken"), NotFound, "unknown-decision"),
    ],
)
def test_a_refusal_is_an_error_with_the_services_own_words(
    ask: Ask, call: tuple[str, ...], error: type[Exception], kind: str
) -> None:
    with pytest.raises(error) as raised:
        ask(*call)
    assert type(raised.value) is error
    assert raised.value.problem.kind == kind  # type: ignore[attr-defined]
    assert raised.value.problem.detail in str(raised.value)  # type: ignore[attr-defined]
    assert raised.value.request_id  # type: ignore[attr-defined]


def test_who_may_not_is_told_what_they_need(
    form: Any, url: str, settings: Settings, stage: Stage
) -> None:
    auditor = make_key(settings, stage.store, Caller("a", frozenset({"auditor"})), "tests")
    with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {auditor}"}) as plain:
        until(lambda: plain.get("/v1/workflows").status_code == 200)
    with pytest.raises(Forbidden, match="needs one of the roles"):
        form(url, auditor)("score", SLUG, "project:p1")
    for token in ("hw_not_one", None):
        with pytest.raises(KeyRefused, match="headway keys add"):
            form(url, token)("score", SLUG, "project:p1")


def test_a_score_that_is_asked_again_is_the_same_decision(
    form: Any, proxy: Between, token: str, stage: Stage
) -> None:
    before = taken(stage)
    proxy.moods = ["lose", 503, 429]
    score = form(proxy.url, token)("score", SLUG, "project:p2")
    assert len(proxy.keys) == 4
    assert len(set(proxy.keys)) == 1
    (new,) = taken(stage) - before
    assert score.decision_id == new


@pytest.mark.parametrize(("status", "error"), [(503, Unavailable), (429, TooManyRequests)])
def test_it_gives_up_after_its_attempts(
    form: Any, proxy: Between, token: str, status: int, error: type[Exception]
) -> None:
    proxy.moods = [status] * 5
    with pytest.raises(error):
        form(proxy.url, token, attempts=2)("score", SLUG, "project:p1")
    assert len(proxy.keys) == 2


def test_what_is_wrong_is_not_sent_again(form: Any, proxy: Between, token: str) -> None:
    with pytest.raises(Invalid):
        form(proxy.url, token)("score", SLUG, "nonsense")
    assert len(proxy.keys) == 1


def test_a_service_that_is_not_there_is_named(form: Any) -> None:
    with pytest.raises(CannotReach, match="check the address"):
        form(f"http://127.0.0.1:{free_port()}", "any", attempts=1)("workflows")


def test_the_examples_of_its_page_run(
    url: str, token: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HEADWAY_URL", url)
    monkeypatch.setenv("HEADWAY_TOKEN", token)
    examples = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert len(examples) == 3
    for example in examples:
        exec(compile(example, str(PAGE), "exec"), {})  # noqa: S102  (our own page)
    assert "project:p1: watch" in capsys.readouterr().out
