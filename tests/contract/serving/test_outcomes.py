"""Outcomes over HTTP: into the log, joined to the decision, once; what is wrong is said at once."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from firm.ids import event_id
from stream.topics import EVENTS
from tests.contract.serving.test_api import P1, SCORE, at, key, refused, z
from tests.stage import SLUG, Stage, end_of, take_in

OUTCOMES = "/v1/outcomes"


def decided(api: httpx.Client, day: float = 1) -> str:
    found: str = api.post(SCORE, json=P1 | {"as_of": at(day)}).json()["decision_id"]
    return found


def sent(api: httpx.Client, stage: Stage, **said: Any) -> dict[str, Any]:
    """Report an outcome and let the stream take in what that put into the log."""
    place, headers = end_of(stage.bootstrap, EVENTS), said.pop("headers", None)
    answer = api.post(OUTCOMES, json=said, headers=headers)
    assert answer.status_code == 202, answer.text
    records = end_of(stage.bootstrap, EVENTS) - place
    take_in(stage, place)
    found: dict[str, Any] = answer.json()
    return found | {"records": records}


def known(api: httpx.Client, decision: str) -> dict[str, Any]:
    found: dict[str, Any] = api.get(f"/v1/decisions/{decision}/outcome").json()
    return found


def test_it_is_joined_to_its_decision_once_and_corrected(api: httpx.Client, stage: Stage) -> None:
    decision = decided(api)
    nothing = known(api, decision)
    assert (nothing["came_true"], nothing["revision"]) == (None, 0)
    first = sent(api, stage, decision_id=decision, came_true=True, known_at=at(40))
    assert (first["status"], first["records"]) == ("accepted", 1)
    shown = known(api, decision)
    assert (shown["came_true"], shown["known_at"], shown["revision"]) == (True, z(at(40)), 0)
    again = sent(api, stage, decision_id=decision, came_true=True, known_at=at(40))
    assert (again["status"], again["event_id"]) == ("duplicate", first["event_id"])
    assert again["records"] == 0, "nothing goes into the log twice"
    corrected = sent(api, stage, decision_id=decision, came_true=False, known_at=at(50))
    assert corrected["status"] == "correction"
    shown = known(api, decision)
    assert (shown["came_true"], shown["revision"]) == (False, 1)
    sent(api, stage, decision_id=decision, came_true=True, known_at=at(45))
    assert known(api, decision)["came_true"] is False, "what was known later counts"


def test_it_may_name_the_subject_and_means_its_newest_decision(
    api: httpx.Client, stage: Stage
) -> None:
    found = sent(
        api,
        stage,
        workflow=SLUG,
        subject="project:p1",
        as_of=at(1.5),
        came_true=True,
        known_at=at(60),
    )
    (meant,) = [
        d
        for d in stage.store.decisions(SLUG, subject="project:p1")
        if d.origin == "stream" and d.cause == event_id("/tests", "p1-1")
    ]
    assert found["decision_id"] == meant.id
    assert known(api, meant.id)["came_true"] is True


def test_a_key_makes_a_repeat_harmless(api: httpx.Client, stage: Stage) -> None:
    said = {"decision_id": decided(api, 1.2), "came_true": True, "known_at": at(40)}
    first = sent(api, stage, **said, headers=key("once"))
    again = sent(api, stage, **said, headers=key("once"))
    assert (first["event_id"], again["status"]) == (again["event_id"], "duplicate")


@pytest.mark.parametrize(
    ("said", "status", "kind"),
    [
        ({"decision_id": "nothing"}, 404, "unknown-decision"),
        ({"decision_id": "a\x00b"}, 404, "unknown-decision"),
        ({"workflow": SLUG, "subject": "project:nobody"}, 404, "unknown-decision"),
        ({"workflow": SLUG}, 422, "invalid-value"),
        ({"decision_id": "x", "known_at": "1890-01-01T00:00:00Z"}, 422, "time-out-of-range"),
        ({"decision_id": "x", "came_true": 3}, 422, "invalid-value"),
    ],
)
def test_what_cannot_be_joined_is_refused_and_not_in_the_log(
    api: httpx.Client, stage: Stage, said: dict[str, Any], status: int, kind: str
) -> None:
    place = end_of(stage.bootstrap, EVENTS)
    refused(api.post(OUTCOMES, json={"came_true": True, "known_at": at(9)} | said), status, kind)
    assert end_of(stage.bootstrap, EVENTS) == place


def test_an_outcome_from_before_its_decision_is_refused(api: httpx.Client) -> None:
    said = {"decision_id": decided(api), "came_true": True, "known_at": at(0.5)}
    refused(api.post(OUTCOMES, json=said), 422, "time-out-of-range")
