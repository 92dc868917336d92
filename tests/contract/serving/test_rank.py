"""Ranking over HTTP: who could take a ticket, who is left out and why, and who has to agree."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from features.online import FeastStates
from firm.decision import Decision
from firm.envelope import Envelope, seal_envelope
from firm.exceptions import ALLOW_EXCLUDED
from firm.time import DAY, Micros, to_datetime
from headway.client import Client
from headway.clock import now
from stream.reactor import Reactor
from stream.reader import Reader, Record
from tests.contract.serving.test_api import key, refused
from tests.stage import CANONICAL, NOON, NoModel, Stage
from workflows.staffing_fit import WORKFLOW

RANK = f"/v1/workflows/{WORKFLOW.slug}/rank"
ASKED_AT = 30.0
T = {"subject": "ticket:t", "as_of": to_datetime(NOON + int(ASKED_AT * DAY)).isoformat()}


def event(id_: str, day: float, type_: str, ticket: str, data: object) -> bytes:
    at: Micros = NOON + int(day * DAY)
    return seal_envelope(Envelope(id_, "/tests", type_, data, to_datetime(at), f"ticket:{ticket}"))


def changed(ticket: str, day: float, state: str, group: str, category: str = "C") -> bytes:
    data = {
        "state": state,
        "group": group,
        "category": category,
        "subcategory": "S",
        "reassignments": 0,
        "within_sla": True,
        "opened_at": to_datetime(NOON).isoformat(),
    }
    return event(f"{ticket}-{day}", day, "ticket.updated", ticket, data)


def solved(group: str, day: float, category: str = "C") -> list[bytes]:
    """A ticket that a group takes, and solves a day later."""
    ticket = f"{group}-{day}"
    return [
        changed(ticket, day, "New", group, category),
        changed(ticket, day + 1, "Resolved", group, category),
    ]


def tickets() -> list[bytes]:
    """Ticket t is in the hands of group A: B is its equal, `old` is inactive and `other` solves
    other things."""
    return [
        *(p for n in range(3) for group in ("A", "B") for p in solved(group, 20 + n)),
        *solved("old", 0),
        *solved("other", 20, category="D"),
        changed("t", ASKED_AT, "New", "A"),
        event("ask", ASKED_AT, "score.requested", "t", {"workflow": WORKFLOW.slug}),
    ]


def stream(stage: Stage, payloads: Sequence[bytes]) -> Decision:
    """What the stream decides on the request."""
    opened = stage.store.open_stream(WORKFLOW)
    slugs = frozenset({WORKFLOW.slug})
    online = FeastStates(stage.redis_url)
    reactor = Reactor(WORKFLOW, opened, Reader(CANONICAL), NoModel(), online, slugs)
    effects = reactor.take([Record(n, now(), payload) for n, payload in enumerate(payloads)], now())
    assert effects is not None
    return next(d for d in effects.decisions if d.origin == "request")


@pytest.fixture(scope="module")
def streamed(stage: Stage) -> Decision:
    return stream(stage, tickets())


@pytest.fixture
def rank(api: httpx.Client, streamed: Decision) -> Any:
    def asking(idempotency_key: str | None = None, **changes: Any) -> httpx.Response:
        headers = key(idempotency_key) if idempotency_key else {}
        return api.post(RANK, json=T | changes, headers=headers)

    return asking


def test_it_is_the_ranking_that_the_stream_gave_at_that_instant(
    rank: Any, stage: Stage, streamed: Decision
) -> None:
    said = rank().json()
    recorded = stage.store.decision(said["decision_id"])
    assert recorded.ranking == streamed.ranking
    assert recorded.features == streamed.features


def test_the_best_come_first_and_who_is_left_out_is_told_why(rank: Any) -> None:
    said = rank().json()
    assert [one["candidate"] for one in said["ranking"]] == ["A", "B"]
    assert all(one["fits"] == 1 - one["probability"] for one in said["ranking"])
    reasons = {one["candidate"]: one["reasons"] for one in said["excluded"]}
    assert reasons == {
        "old": {"inactive": "has neither taken nor solved a ticket in 14 days"},
        "other": {"unfamiliar": "has solved no ticket of this category in 90 days"},
    }
    assert said["actions"] == [], "nobody is given anything by a ranking"
    assert said["freshness"]["age_days"] == 0
    assert said["features"]


def test_it_can_be_read_again_by_its_id_byte_for_byte(rank: Any, api: httpx.Client) -> None:
    answer = rank()
    again = api.get(f"/v1/decisions/{answer.json()['decision_id']}")
    assert again.content == answer.content


def test_only_so_many_are_told_as_are_asked_for(rank: Any) -> None:
    said = rank(top=1).json()
    assert [one["candidate"] for one in said["ranking"]] == ["A"]
    assert said["scored"] == 2


def test_who_is_proposed_against_the_rules_waits_for_a_person(rank: Any, stage: Stage) -> None:
    said = rank(candidates=["B", "other", "nobody"]).json()
    assert [one["candidate"] for one in said["ranking"]] == ["B"]
    (says,) = said["actions"]
    assert "other: has solved no ticket of this category in 90 days" in says
    assert "nobody: nothing was known of it by then" in says
    waiting = [a for a in stage.store.waiting_actions() if a.decision == said["decision_id"]]
    assert [(a.kind, a.approval, a.says) for a in waiting] == [
        (ALLOW_EXCLUDED, "resource_manager", says)
    ]


def test_the_same_key_gives_the_same_bytes_also_to_many_at_once(rank: Any, stage: Stage) -> None:
    before = stage.store.verify()
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: rank("once", candidates=["B", "A"]), range(16)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    assert stage.store.verify() == before + 1


def test_a_repeated_key_is_counted_once(rank: Any, api: httpx.Client) -> None:
    def counted() -> float:
        lines = api.get("/metrics").text.splitlines()
        ours = [line for line in lines if line.startswith("headway_decisions_total{")]
        return sum(float(line.rpartition(" ")[2]) for line in ours if WORKFLOW.slug in line)

    before = counted()
    assert rank("counted").content == rank("counted").content
    assert counted() == before + 1


@pytest.mark.parametrize("other", [{"candidates": ["A"]}, {"top": 2}, {"subject": "ticket:A-20"}])
def test_a_key_is_refused_for_another_question(rank: Any, other: dict[str, Any]) -> None:
    question = f"of {sorted(other)}"
    assert rank(question).is_success
    refused(rank(question, **other), 422, "key-reused")


def test_a_score_may_have_the_same_key(rank: Any, api: httpx.Client) -> None:
    """It is another question: each has its own decision."""
    ranked = rank("shared").json()
    asked = api.post(f"/v1/workflows/{WORKFLOW.slug}/score", json=T, headers=key("shared")).json()
    assert asked["decision_id"] != ranked["decision_id"]
    assert "ranking" not in asked
    assert (asked["probability"], asked["features"]) == (ranked["probability"], ranked["features"])


def test_a_workflow_without_candidates_says_which_have_some(api: httpx.Client) -> None:
    answer = api.post("/v1/workflows/delivery_risk/rank", json={"subject": "project:p1"})
    assert WORKFLOW.slug in refused(answer, 404, "no-candidates")["detail"]
    answer = api.post("/v1/workflows/nothing/rank", json={"subject": "project:p1"})
    refused(answer, 404, "unknown-workflow")


@pytest.mark.parametrize(
    "wrong",
    [{"candidates": []}, {"candidates": ["\u0000"]}, {"candidates": [""]}, {"top": 0}, {"x": 1}],
)
def test_a_wrong_question_is_refused(rank: Any, wrong: dict[str, Any]) -> None:
    refused(rank(**wrong), 422, "invalid-value")


def test_of_a_ticket_that_nobody_has_heard_of_there_is_no_ranking(rank: Any) -> None:
    refused(rank(subject="ticket:never"), 404, "unknown-subject")


def test_the_client_reads_it_whole(
    rank: Any, url: str, headers: dict[str, str], streamed: Decision
) -> None:
    said = rank("client").json()
    with Client(url, headers["Authorization"].removeprefix("Bearer ")) as client:
        as_of = to_datetime(NOON + int(ASKED_AT * DAY))
        ranked = client.rank(WORKFLOW.slug, "ticket:t", as_of=as_of, key="client")
        assert [one.candidate for one in ranked.ranking] == [
            c["candidate"] for c in said["ranking"]
        ]
        assert {one.candidate: one.reasons for one in ranked.excluded} == {
            one["candidate"]: one["reasons"] for one in said["excluded"]
        }
        assert client.decision(ranked.decision_id) == ranked
