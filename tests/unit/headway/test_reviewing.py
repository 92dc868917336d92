"""A breach opens one review, a challenger is trained from the log, and a person decides."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from firm.alerts import Alert, alert_id
from firm.errors import CannotTrain
from firm.store import Review, SqlStore
from firm.time import DAY
from headway import monitor, reviewing
from headway.alert_words import alert_line, review_page
from headway.monitor import Monitor
from headway.settings import Settings
from training.gates import GateResult
from training.quality import Quality

SLUG, NOON = "delivery_risk", 20_000 * DAY
QUALITY = Quality(100, 0.3, 0.8, 0.6, 0.15, 0.3, 0.21, 0.04, 0.4)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStore]:
    opened = SqlStore(f"sqlite:///{tmp_path}/store.db", b"key")
    opened.migrate()
    yield opened
    opened.close()


def alert(kind: str = "outcomes-changed", version: str = "3", at: int = NOON) -> Alert:
    return Alert(
        id=alert_id(SLUG, version, kind, "", at),
        workflow=SLUG,
        version=version,
        kind=kind,
        about="",
        says="cases end otherwise",
        matters="it does",
        todo="compare",
        owner="Delivery director",
        at=at,
    )


class Found:
    """A workflow in which these alerts are new at the first look."""

    def __init__(self, *alerts: Alert, fairness: object = None) -> None:
        self.workflow = SimpleNamespace(slug=SLUG, fairness=fairness)
        self._alerts = list(alerts)

    def look(self) -> list[Alert]:
        found, self._alerts = self._alerts, []
        return found


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The commands of ours that are started beside."""
    commands: list[list[str]] = []

    class Child:
        def __init__(self, command: list[str]) -> None:
            commands.append(command[3:])

        def poll(self) -> int:
            return 0

    monkeypatch.setattr(monitor.subprocess, "Popen", Child)
    return commands


def test_what_puts_a_version_in_question_opens_one_review_of_it(
    store: SqlStore, started: list[list[str]]
) -> None:
    first, second = alert(), alert("worse-than-constant")
    others = [alert("inputs-changed"), alert(version="rule"), alert(version="")]
    watched: Any = [Found(first, second, *others)]
    Monitor(store, watched).look()
    assert [review.id for review in store.reviews(SLUG)] == [first.id]
    assert started == [["challenge", first.id]]


def test_a_live_version_is_reported_on_when_it_is_due(
    store: SqlStore, started: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "live", lambda slug: SimpleNamespace(kind="promoted"))
    watched: Any = [Found()]
    never, always = Monitor(store, watched), Monitor(store, watched, report_hours=1e-9)
    never.look()
    assert started == []
    always.look()
    assert started == [["report", SLUG, "--json"]]
    Monitor(store, watched, report_hours=1e-9, report_days=30).look()
    assert started[1:] == [["report", SLUG, "--days", "30", "--json"]]


def test_who_is_shown_is_looked_at_with_each_report_of_a_workflow_that_scores_people(
    store: SqlStore, started: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "live", lambda slug: SimpleNamespace(kind="promoted"))
    watched: Any = [Found(fairness="declared")]
    Monitor(store, watched, report_hours=1e-9).look()
    assert started == [["report", SLUG, "--json"], ["fairness", SLUG, "--json"]]


def test_the_challenger_and_how_it_compares_are_put_to_the_reviewer(
    store: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = alert()
    store.raise_alerts([one], NOON)
    store.open_review(Review(one.id, SLUG, "3", NOON), "monitor")
    asked: list[Any] = []

    def trained(settings: Settings, workflow: Any, cut: int, by: str) -> Any:
        asked.append((workflow.slug, cut, by))
        return SimpleNamespace(
            version=SimpleNamespace(version="4", gates_passed=True),
            data=SimpleNamespace(rows=100),
            quality=QUALITY,
            gates=(GateResult("auc", 0.8, "at least", 0.7, True),),
        )

    monkeypatch.setattr(reviewing, "train_version", trained)
    reviewing.challenge(Settings(), store, one.id)
    assert asked == [(SLUG, NOON, "monitor")], "on what was known when the breach showed"
    page = review_page(store.review(one.id))
    assert (page["champion"], page["challenger"], page["status"]) == ("3", "4", "ready")
    assert page["quality"]["auc"] == 0.8
    assert "headway promote delivery_risk 4" in page["what to do"]
    store.close_review(one.id, "Gus", "the work was changed on purpose", NOON, "governance")
    assert "Gus closed it" in review_page(store.review(one.id))["what to do"]


def test_where_no_challenger_can_be_trained_the_review_says_why(
    store: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = alert()
    store.raise_alerts([one], NOON)
    store.open_review(Review(one.id, SLUG, "3", NOON), "monitor")

    def refused(*_: object) -> Any:
        raise CannotTrain("too few rows are known")

    monkeypatch.setattr(reviewing, "train_version", refused)
    reviewing.challenge(Settings(), store, one.id)
    review = store.review(one.id)
    assert (review.status, review.challenger) == ("ready", None)
    assert review.comparison["not_trained"] == "too few rows are known"
    assert "promote" not in review_page(review)["what to do"]


def test_an_alert_is_a_line_that_says_where_it_stands(store: SqlStore) -> None:
    store.raise_alerts([alert(), alert(at=NOON + DAY)], NOON)
    (record,) = store.alerts(SLUG)
    line = alert_line(record)
    assert line.startswith("2024-10-04 00:00 open, found 2 times: outcomes-changed")
    assert "version 3" in line
