"""The API's contract: what callers may rely on, and how it says no."""

from __future__ import annotations

import gc
import json
import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from threading import Event
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from firm.envelope import LARGEST_EVENT_BYTES
from firm.ids import EventRef, SubjectId, event_id
from firm.time import to_datetime
from headway.api import build
from headway.demo.bad import bad_inputs
from headway.parts import Parts, free_port
from headway.settings import Settings
from stream.topics import EVENTS
from tests.contract.serving.conftest import served
from tests.stage import NOON, SLUG, Stage, end_of, read, report, request, sent_by, take_in, until
from workflows.delivery_risk import WORKFLOW

SCORE = f"/v1/workflows/{SLUG}/score"
P1 = {"subject": "project:p1"}
AWAY_SECONDS = 6.0
"""How long Redis is away; docs/operations.md says what came of 30."""
REFUSALS = {
    "not JSON": (400, "malformed"),
    "unknown type": (422, "unknown-type"),
    "wrong unit": (422, "wrong-unit"),
    "NaN": (422, "invalid-value"),
    "infinity": (422, "invalid-value"),
    "far past": (422, "time-out-of-range"),
    "far future": (422, "time-out-of-range"),
    "10 MB payload": (413, "too-large"),
}


def at(days: float) -> str:
    return (to_datetime(NOON) + timedelta(days=days)).isoformat()


def z(moment: str) -> str:
    return moment.replace("+00:00", "Z")


def refused(answer: httpx.Response, status: int, kind: str) -> dict[str, Any]:
    """The problem that an answer is, with the members that RFC 9457 names."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = answer.json()
    assert problem["type"] == f"urn:headway:problem:{kind}"
    assert problem["title"] == kind.replace("-", " ")
    assert problem["status"] == status
    assert problem["detail"]
    assert "Traceback" not in answer.text
    assert 'File "' not in answer.text
    return problem


class TestAScore:
    def test_rests_on_the_newest_features_and_says_so(self, api: httpx.Client) -> None:
        answer = api.post(SCORE, json=P1)
        assert answer.status_code == 200
        said = answer.json()
        assert (said["probability"], said["band"], said["model_version"]) == (0.5, "watch", "rule")
        assert said["actions"] == ["Ask for the critical path."]
        assert said["freshness"]["event_time"] == at(2).replace("+00:00", "Z")
        assert said["freshness"]["stale"] is True, "the newest report is years old"
        assert said["missing"]
        assert set(said["missing"]) == {n for n, v in said["features"].items() if v is None}

    def test_is_that_of_the_instant_that_is_asked_for(self, api: httpx.Client) -> None:
        early, late = (api.post(SCORE, json=P1 | {"as_of": at(d)}).json() for d in (0.5, 1.5))
        assert (early["probability"], late["probability"]) == (0.0, 0.5)
        assert early["freshness"]["event_time"] == at(0).replace("+00:00", "Z")
        assert (late["freshness"]["age_days"], late["freshness"]["stale"]) == (0.5, False)

    def test_can_be_read_again_by_its_id_byte_for_byte(self, api: httpx.Client) -> None:
        answer = api.post(SCORE, json=P1)
        again = api.get(f"/v1/decisions/{answer.json()['decision_id']}")
        assert again.content == answer.content

    def test_tells_of_each_value_its_unit_its_time_and_where_it_comes_from(
        self, api: httpx.Client
    ) -> None:
        body = P1 | {"as_of": at(1.5)}
        said = api.post(SCORE, json=body).json()
        found = api.get(f"/v1/decisions/{said['decision_id']}/evidence").json()
        features = {one["feature"]: one for one in found["features"]}
        assert {name: one["value"] for name, one in features.items()} == said["features"]
        assert {name: one["unit"] for name, one in features.items()} == said["units"]
        assert features["slip_rate"]["event_time"] == found["event_time"] == z(at(1))
        assert (features["slip_rate"]["age_days"], features["slip_rate"]["stale"]) == (0.5, False)
        assert features["budget"]["event_time"] is None, "no report spoke of a budget"
        assert said["freshness"]["apart"]["budget"] is None
        assert "slip_rate" not in said["freshness"]["apart"], "it is as the newest event"
        assert (found["missing"], found["freshness_days"]) == (said["missing"], 250)
        assert (found["when_stale"], found["stale"]) == ("flag", False)
        late = api.post(SCORE, json=P1 | {"as_of": at(400)}).json()
        aged = api.get(f"/v1/decisions/{late['decision_id']}/evidence").json()
        assert aged["stale"] is True
        assert {one["stale"] for one in aged["features"] if one["event_time"]} == {True}

    def test_is_in_the_audit_log(self, api: httpx.Client, stage: Stage) -> None:
        before = stage.store.verify()
        api.post(SCORE, json=P1)
        assert stage.store.verify() == before + 1


class TestAnIdempotencyKey:
    def test_gives_the_same_decision_byte_for_byte(self, api: httpx.Client) -> None:
        answers = {scored(api, "again").content for _ in range(3)}
        assert len(answers) == 1

    def test_gives_one_decision_to_many_at_once(self, api: httpx.Client, stage: Stage) -> None:
        before = stage.store.verify()
        with ThreadPoolExecutor(16) as threads:
            answers = list(threads.map(lambda _: scored(api, "at once"), range(48)))
        assert {answer.status_code for answer in answers} == {200}
        assert len({answer.content for answer in answers}) == 1
        assert stage.store.verify() == before + 1

    def test_is_refused_for_another_subject(self, api: httpx.Client) -> None:
        scored(api, "mine")
        problem = refused(scored(api, "mine", "project:p2"), 422, "key-reused")
        assert "'mine'" in problem["detail"]

    def test_is_refused_for_another_instant(self, api: httpx.Client) -> None:
        body = P1 | {"as_of": at(1)}
        assert api.post(SCORE, json=body, headers=key("instant")).is_success
        assert api.post(SCORE, json=body, headers=key("instant")).is_success
        other = api.post(SCORE, json=P1 | {"as_of": at(2)}, headers=key("instant"))
        refused(other, 422, "key-reused")

    def test_is_no_way_to_take_the_place_of_an_event(self, api: httpx.Client, stage: Stage) -> None:
        """A key that is an event's id has a decision of its own."""
        (first, *_) = [d for d in stage.store.decisions(SLUG) if d.origin == "stream"]
        answer = scored(api, first.cause, first.subject).json()
        assert answer["decision_id"] != first.id

    def test_has_at_most_two_hundred_characters(self, api: httpx.Client) -> None:
        refused(scored(api, "k" * 201), 422, "invalid-value")
        assert scored(api, "k" * 200).is_success


@pytest.mark.parametrize(
    ("method", "path", "kind"),
    [
        ("POST", "/v1/workflows/nothing/score", "unknown-workflow"),
        ("GET", "/v1/decisions/nothing", "unknown-decision"),
        ("GET", "/v1/decisions/a%00b", "unknown-decision"),
        ("GET", "/v1/nothing", "not-found"),
    ],
)
def test_what_is_not_there_is_404(api: httpx.Client, method: str, path: str, kind: str) -> None:
    body = P1 if method == "POST" else None
    refused(api.request(method, path, json=body), 404, kind)


def test_an_unknown_subject_is_404(api: httpx.Client) -> None:
    refused(api.post(SCORE, json={"subject": "project:nobody"}), 404, "unknown-subject")
    refused(api.post(SCORE, json=P1 | {"as_of": at(-1)}), 404, "unknown-subject")


def test_a_workflow_tells_all_that_it_declares_and_who_decides(api: httpx.Client) -> None:
    found = api.get(f"/v1/workflows/{SLUG}").json()
    assert found in api.get("/v1/workflows").json()
    assert (found["question"], found["owner"]) == (WORKFLOW.question, WORKFLOW.owner)
    assert [one["name"] for one in found["features"]] == list(WORKFLOW.feature_names)
    assert all(one["unit"] and one["why"] and one["source"] for one in found["features"])
    acting = found["policy"][-1]
    assert (acting["name"], acting["at_least"]) == ("act", 0.6)
    assert acting["actions"][1]["approval"] == "delivery_director"
    assert found["label"]["maturity_days"] == WORKFLOW.label.maturity_days
    assert found["promises"]["stale"] == "flag"
    assert found["promises"]["latency_p99_ms"] == 50
    assert found["live"]["champion"] == found["model_version"] == "rule"
    assert found["rule"] == WORKFLOW.rule.words
    refused(api.get("/v1/workflows/nothing"), 404, "unknown-workflow")


def test_a_wrong_method_is_405(api: httpx.Client) -> None:
    answer = api.get(SCORE)
    refused(answer, 405, "method-not-allowed")
    assert answer.headers["allow"] == "POST"


@pytest.mark.parametrize("body", [b"{not json", b"", b"\xff\xfe", b"[" * 50_000, b'"text"'])
def test_a_malformed_body_is_refused(api: httpx.Client, body: bytes) -> None:
    answer = api.post(SCORE, content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in {400, 422}
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    "body",
    [
        b'{"subject": NaN}',
        b'{"subject": Infinity}',
        b'{"subject": "no kind"}',
        b'{"subject": "project:"}',
        b'{"subject": "project:p1", "unknown": 1}',
        b'{"subject": "project:p1", "as_of": NaN}',
        b'{"subject": "project:p1", "as_of": 1e400}',
        b'{"subject": "project:p1", "as_of": "yesterday"}',
        b'{"subject": "project:p1", "as_of": "2020-01-01T00:00:00"}',
    ],
)
def test_an_invalid_value_is_422_and_named(api: httpx.Client, body: bytes) -> None:
    answer = api.post(SCORE, content=body, headers={"Content-Type": "application/json"})
    problem = refused(answer, 422, "invalid-value")
    assert problem["errors"]
    assert problem["errors"][0]["where"].startswith("body/")


@pytest.mark.parametrize(
    "moment",
    ["1890-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"],
)
def test_a_time_in_the_far_past_or_future_is_422(api: httpx.Client, moment: str) -> None:
    answer = api.post(SCORE, json=P1 | {"as_of": moment})
    refused(answer, 422, "time-out-of-range")


def test_a_time_a_week_ahead_is_422(api: httpx.Client) -> None:
    moment = (datetime.now(UTC) + timedelta(days=7)).isoformat()
    refused(api.post(SCORE, json=P1 | {"as_of": moment}), 422, "time-out-of-range")


@pytest.mark.parametrize("path", ["/v1/events", SCORE])
@pytest.mark.parametrize("chunked", [False, True])
def test_ten_megabytes_are_413(api: httpx.Client, path: str, chunked: bool) -> None:
    body = b'{"subject": "project:p1", "x": "' + b"x" * (10 << 20) + b'"}'
    pieces = (body[n : n + 65_536] for n in range(0, len(body), 65_536))
    answer = api.post(
        path,
        content=pieces if chunked else body,
        headers={"Content-Type": "application/json"},
    )
    problem = refused(answer, 413, "too-large")
    assert "1,048,576" in problem["detail"]


class TestAnEvent:
    def test_is_in_the_log_once_it_is_accepted(self, api: httpx.Client, stage: Stage) -> None:
        place = end_of(stage.bootstrap, EVENTS)
        payload = report("by-http", "p3")
        answer = api.post("/v1/events", content=payload)
        assert answer.status_code == 202
        assert answer.json() == {
            "event_id": event_id("/tests", "by-http"),
            "source": "/tests",
            "external_id": "by-http",
            "subject": "project:p3",
        }
        (record,) = read(stage.bootstrap, EVENTS, place)
        assert (record.value, record.key) == (payload, b"project:p3")

    def test_is_known_by_its_source_too_whichever_way_it_comes(
        self, api: httpx.Client, stage: Stage
    ) -> None:
        """Two systems number alike, one over HTTP and one on the topic; each sends its own again,
        by the other way."""
        itsm, erp = (sent_by(source, report("1", "two-systems")) for source in ("/itsm", "/erp"))
        place, before = end_of(stage.bootstrap, EVENTS), stage.store.tallies(SLUG).total
        told = api.post("/v1/events", content=itsm).json()
        stage.send([erp, itsm])
        assert api.post("/v1/events", content=erp).status_code == 202
        take_in(stage, place)
        after = stage.store.tallies(SLUG).total
        assert after.counted - before.counted == 2
        assert after.duplicate - before.duplicate == 2
        decisions = list(stage.store.decisions(SLUG, subject="project:two-systems"))
        assert {one.asked_by for one in decisions} == {
            EventRef("/itsm", "1"),
            EventRef("/erp", "1"),
        }
        (asked,) = [one for one in decisions if one.cause == told["event_id"]]
        evidence = api.get(f"/v1/decisions/{asked.id}/evidence").json()
        assert evidence["asked_by"] == {"source": "/itsm", "id": "1"}

    def test_may_be_as_large_as_the_limit(self, api: httpx.Client, stage: Stage) -> None:
        room = LARGEST_EVENT_BYTES - len(report("large", title=""))
        payload = report("large", title="x" * room)
        assert len(payload) == LARGEST_EVENT_BYTES
        place = end_of(stage.bootstrap, EVENTS)
        assert api.post("/v1/events", content=payload).status_code == 202
        (record,) = read(stage.bootstrap, EVENTS, place)
        assert record.value == payload

    @pytest.mark.parametrize("words", REFUSALS)
    def test_is_refused_with_its_reason_and_not_in_the_log(
        self, api: httpx.Client, stage: Stage, words: str
    ) -> None:
        place = end_of(stage.bootstrap, EVENTS)
        refused(api.post("/v1/events", content=bad_inputs(SLUG, NOON)[words]), *REFUSALS[words])
        assert end_of(stage.bootstrap, EVENTS) == place

    def test_that_asks_for_an_unknown_workflow_is_refused(self, api: httpx.Client) -> None:
        payload = request("r", workflow="nothing")
        refused(api.post("/v1/events", content=payload), 404, "unknown-workflow")


class TestWhatIsAway:
    """503, in the same form, with the time after which to try again."""

    def test_redis(self, settings: Settings, headers: dict[str, str]) -> None:
        away = settings.model_copy(update={"redis": f"redis://127.0.0.1:{free_port()}/0"})
        with client(away, headers) as api:
            unavailable(api.post(SCORE, json=P1), "online-store-unavailable")
            assert api.get("/health/live").is_success

    def test_redis_for_a_while_under_load(
        self, api: httpx.Client, stage: Stage, parts: Parts
    ) -> None:
        """Each answer is refused or as fresh as it says, and all come back without a restart."""
        assert parts.redis
        assert parts.redis.pid
        newest, over = stage.store.states(WORKFLOW).subjects[SubjectId("project:p1")], Event()

        def ask(_: int) -> list[httpx.Response]:
            answers = []
            while not over.is_set():
                answers.append(api.post(SCORE, json=P1))
            return answers

        with ThreadPoolExecutor(4) as threads:
            asking = threads.map(ask, range(4))
            until(lambda: api.post(SCORE, json=P1).is_success)
            os.kill(parts.redis.pid, signal.SIGSTOP)
            back = time.monotonic() + AWAY_SECONDS
            try:
                refusals = [api.post(SCORE, json=P1)]
                while time.monotonic() < back:
                    refusals.append(api.post(SCORE, json=P1))
            finally:
                os.kill(parts.redis.pid, signal.SIGCONT)
            until(lambda: api.post(SCORE, json=P1).is_success)
            over.set()
            found = [answer for answers in asking for answer in answers]
        for answer in refusals:
            unavailable(answer, "online-store-unavailable")
        assert {answer.status_code for answer in found} == {200, 503}
        for answer in found:
            if answer.is_success:
                freshness = answer.json()["freshness"]
                assert freshness["event_time"] == z(to_datetime(newest.event_time).isoformat())
                assert freshness["stale"] is True, "the newest report is years old"
            else:
                unavailable(answer, "online-store-unavailable")

    def test_the_database(self, settings: Settings, headers: dict[str, str]) -> None:
        database = f"postgresql+psycopg://nobody@127.0.0.1:{free_port()}/none"
        with client(settings.model_copy(update={"database": database}), headers) as api:
            unavailable(api.post(SCORE, json=P1), "store-unavailable")
            unavailable(api.get("/v1/decisions/any"), "store-unavailable")
            assert api.get("/health/live").is_success

    def test_kafka(self, api: httpx.Client, parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
        with kafka_away(parts), monkeypatch.context() as sooner:
            sooner.setattr("headway.api.KAFKA_SECONDS", 1.0)
            unavailable(api.post("/v1/events", content=report("lost?")), "log-unavailable")
        assert api.post("/v1/events", content=report("kept")).status_code == 202

    def test_kafka_while_the_service_ends(
        self,
        settings: Settings,
        headers: dict[str, str],
        parts: Parts,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """It ends all the same, with an event that it could not get rid of."""
        with ExitStack() as away, client(settings, headers) as api:
            until(lambda: api.get("/health/ready").is_success)
            assert api.post("/v1/events", content=report("taken")).is_success
            away.enter_context(kafka_away(parts))
            monkeypatch.setattr("headway.api.KAFKA_SECONDS", 1.0)
            unavailable(api.post("/v1/events", content=report("lost?")), "log-unavailable")


def test_garbage_is_looked_for_again_once_it_serves(settings: Settings) -> None:
    """While the process loads it is not (`headway serve`)."""
    gc.disable()
    try:
        with served(build(settings)):
            assert gc.isenabled()
    finally:
        gc.enable()


def test_an_unexpected_error_tells_nothing_of_the_inside(
    url: str, headers: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("secret: /etc/passwd line 3")

    monkeypatch.setattr("serving.scoring.Scoring.decision", broken)
    with capture_logs() as logged:
        # A client of its own: the server closes the connection after it.
        answer = httpx.get(f"{url}/v1/decisions/any", headers=headers)
    refused(answer, 500, "internal-error")
    assert "secret" not in answer.text
    assert [(entry["event"], entry["path"]) for entry in logged] == [
        ("unexpected error", "/v1/decisions/any")
    ]


def test_the_openapi_document_lists_every_route_with_its_problems(api: httpx.Client) -> None:
    document = api.get("/openapi.json").json()
    paths = {path: set(methods) for path, methods in document["paths"].items()}
    assert {path: methods for path, methods in paths.items() if path.startswith("/v1")} == {
        "/v1/workflows": {"get"},
        "/v1/workflows/{slug}": {"get"},
        "/v1/workflows/{slug}/score": {"post"},
        "/v1/workflows/{slug}/rank": {"post"},
        "/v1/workflows/{slug}/score/batch": {"post"},
        "/v1/workflows/{slug}/reports": {"get"},
        "/v1/workflows/{slug}/reports/{version}/{end}/{file}": {"get"},
        "/v1/webhooks/mlflow": {"post"},
        "/v1/outcomes": {"post"},
        "/v1/decisions/{decision_id}/outcome": {"get"},
        "/v1/actions": {"get"},
        "/v1/actions/{action_id}/agree": {"post"},
        "/v1/actions/{action_id}/decline": {"post"},
        "/v1/decisions/{decision_id}": {"get"},
        "/v1/decisions/{decision_id}/explanation": {"get"},
        "/v1/decisions/{decision_id}/evidence": {"get"},
        "/v1/events": {"post"},
        "/v1/workflows/{slug}/models": {"get"},
        "/v1/workflows/{slug}/promotions": {"post"},
        "/v1/workflows/{slug}/promotions/{proposal}/agree": {"post"},
        "/v1/workflows/{slug}/promotions/{proposal}/decline": {"post"},
        "/v1/workflows/{slug}/challenger": {"post"},
        "/v1/workflows/{slug}/challenger/end": {"post"},
        "/v1/workflows/{slug}/challenger/comparison": {"get"},
        "/v1/workflows/{slug}/canary/end": {"post"},
        "/v1/workflows/{slug}/rollback": {"post"},
        "/v1/workflows/{slug}/kill": {"post"},
        "/v1/workflows/{slug}/lift": {"post"},
    }
    for path, methods in document["paths"].items():
        for operation in methods.values():
            assert not path.startswith("/v1") or "application/problem+json" in json.dumps(
                operation["responses"]["422"]
            )


def scored(api: httpx.Client, idempotency_key: str, subject: str = "project:p1") -> httpx.Response:
    return api.post(SCORE, json={"subject": subject}, headers=key(idempotency_key))


def key(value: str) -> dict[str, str]:
    return {"Idempotency-Key": value}


def unavailable(answer: httpx.Response, kind: str) -> None:
    refused(answer, 503, kind)
    assert int(answer.headers["retry-after"]) >= 1


@contextmanager
def kafka_away(parts: Parts) -> Iterator[None]:
    assert parts.kafka
    assert parts.kafka.pid
    os.kill(parts.kafka.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(parts.kafka.pid, signal.SIGCONT)


@contextmanager
def client(settings: Settings, headers: dict[str, str]) -> Iterator[httpx.Client]:
    """A client of an API with other settings."""
    with (
        served(build(settings)) as url,
        httpx.Client(base_url=url, headers=headers, timeout=30) as found,
    ):
        yield found
