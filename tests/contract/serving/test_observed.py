"""What the service says of itself: alive, ready, advancing; metrics; the id of each request."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

import httpx
import pytest

from features.online import FeastStates
from headway.clock import now
from headway.metered import MeteredReactor
from headway.settings import Settings
from headway.vitals import CopyVitals
from stream import advance
from stream.reactor import Record
from stream.reader import Reader
from tests.stage import CANONICAL, SLUG, NoModel, Stage, report
from workflows.delivery_risk import WORKFLOW

SCORE = f"/v1/workflows/{SLUG}/score"
DASHBOARD = Path(__file__).parents[3] / "docs" / "grafana-dashboard.json"
METRIC = re.compile(r"\bheadway_[a-z_]+")


def exported(api: httpx.Client) -> str:
    answer = api.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain")
    return answer.text


def value(text: str, series: str) -> float:
    found = [line for line in text.splitlines() if line.startswith(f"{series} ")]
    return float(found[0].rpartition(" ")[2]) if found else 0.0


async def told(
    vitals: CopyVitals, ask: Callable[[CopyVitals], Awaitable[Mapping[str, str]]]
) -> Mapping[str, str]:
    try:
        return await ask(vitals)
    finally:
        await vitals.close()


class TestMetrics:
    def test_count_each_score_once_by_workflow_version_and_band(self, api: httpx.Client) -> None:
        answer = api.post(SCORE, json={"subject": "project:p2"})
        assert answer.status_code == 200, answer.text
        band = answer.json()["band"]
        labels = f'band="{band}",origin="http",version="rule",workflow="{SLUG}"'
        series = f"headway_decisions_total{{{labels}}}"
        before = value(exported(api), series)
        for _ in range(3):
            api.post(SCORE, json={"subject": "project:p2"}, headers={"Idempotency-Key": "counted"})
        assert value(exported(api), series) == before + 1

    def test_name_routes_as_they_are_declared(self, api: httpx.Client) -> None:
        api.post(SCORE, json={"subject": "project:p2"})
        api.post(SCORE, json={"subject": 3})
        api.get("/v1/decisions/of-no-one")
        api.get("/nothing/of-no-one")
        text = exported(api)
        route = "/v1/workflows/{slug}/score"
        for status in (200, 422):
            series = f'headway_http_request_seconds_count{{route="{route}",status="{status}"}}'
            assert value(text, series) >= 1
        assert "of-no-one" not in text
        assert 'route="none",status="404"' in text

    def test_tell_of_the_batches_of_the_stream(self, api: httpx.Client, stage: Stage) -> None:
        opened = stage.store.open_stream(WORKFLOW)
        online = FeastStates(stage.redis_url)
        reader = Reader(CANONICAL)
        slugs = frozenset({SLUG})
        reactor = MeteredReactor(WORKFLOW, opened, reader, NoModel(), online, slugs)
        series = f'headway_stream_events_total{{fate="counted",workflow="{SLUG}"}}'
        before = value(exported(api), series)
        at = reactor.next_offset
        reactor.take([Record(at, now(), report("metered", "metered"))], now())
        assert value(exported(api), series) == before + 1

    def test_that_the_dashboard_shows_are_all_exported(self, api: httpx.Client) -> None:
        text = exported(api)
        panels = json.loads(DASHBOARD.read_text())["panels"]
        named = {name for p in panels for t in p["targets"] for name in METRIC.findall(t["expr"])}
        families = set(re.findall(r"^# TYPE (\S+) ", text, re.MULTILINE))
        bases = {re.sub(r"_(bucket|sum|count)$", "", name) for name in named}
        assert bases <= families
        assert len(bases) == 14
        assert {f for f in families if f.startswith("headway_") and not f.endswith("_created")} == (
            bases
        )


class TestHealth:
    def test_is_ready_when_all_parts_answer(self, url: str) -> None:
        answer = httpx.get(f"{url}/health/ready")
        assert (answer.status_code, answer.json()) == (200, {"status": "ready", "wrong": {}})

    def test_names_the_part_that_is_away_and_no_address(
        self, settings: Settings, stage: Stage
    ) -> None:
        away = settings.model_copy(update={"redis": "redis://:s3cr3t@127.0.0.1:1/0"})
        wrong = asyncio.run(told(CopyVitals(away, stage.store, [SLUG]), CopyVitals.away))
        assert set(wrong) == {"online store"}
        assert "127.0.0.1" not in str(wrong)
        assert "s3cr3t" not in str(wrong)

    def test_tells_a_workflow_that_stands_while_records_wait(
        self, settings: Settings, stage: Stage, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        stage.send([report("waits", "p9", day=n) for n in range(40)])
        monkeypatch.setattr(advance, "STALL_SECONDS", -1.0)
        vitals = CopyVitals(settings, stage.store, ["never_served"])
        wrong = asyncio.run(told(vitals, CopyVitals.stands))
        assert "records wait" in wrong["never_served"]


class TestTheIdOfARequest:
    def test_is_the_callers_own(self, api: httpx.Client) -> None:
        for path in ("/health/live", "/nothing"):
            answer = api.get(path, headers={"X-Request-ID": "theirs-1"})
            assert answer.headers["x-request-id"] == "theirs-1"

    def test_is_that_of_the_callers_trace(self, api: httpx.Client) -> None:
        trace = "0af7651916cd43dd8448eb211c80319c"
        parent = {"traceparent": f"00-{trace}-b7ad6b7169203331-01"}
        answer = api.post(SCORE, json={"subject": "project:p2"}, headers=parent)
        assert answer.headers["x-request-id"] == trace

    def test_is_made_where_there_is_none_or_no_plain_one(self, api: httpx.Client) -> None:
        ids = {api.get("/health/live").headers["x-request-id"] for _ in range(3)}
        ids.add(api.get("/nothing", headers={"X-Request-ID": 'a"b c'}).headers["x-request-id"])
        assert len(ids) == 4
        assert all(re.fullmatch("[0-9a-f]{32}", id_) for id_ in ids)
