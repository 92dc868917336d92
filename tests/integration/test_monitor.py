"""Monitoring behind the stream, on real Kafka and PostgreSQL: its figures are those of the rows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import brier_score_loss, roc_auc_score

from firm.alerts import Alert
from firm.decision import Decision
from firm.mapping import LogMapping
from firm.store import Heard
from firm.time import DAY, HOUR
from firm.workflow import Workflow
from headway import log_watch, service_watch, watching
from headway.catalogue import mappings, workflow_named
from headway.clock import now
from headway.log_watch import LogWatch
from headway.logs import find_log, outgoing
from headway.parts import Parts
from headway.service_watch import ServiceWatch
from headway.watching import Watching
from monitoring.parts import LEAST
from monitoring.rates import Rate, rate
from monitoring.watch import VersionWatch
from stream.reader import Record
from tests.stage import CANONICAL, SLUG, Stage, report, running, slipping, until
from workflows.delivery_risk import WORKFLOW

RULE = "rule"
MINUTE = 60.0


@pytest.fixture
def stage(parts: Parts) -> Iterator[Stage]:
    made = Stage(parts)
    yield made
    made.close()


@pytest.fixture
def events(stage: Stage) -> Iterator[LogWatch]:
    made = LogWatch(stage.bootstrap, stage.store, [SLUG])
    yield made
    made.close()


@pytest.fixture(autouse=True)
def _no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing else writes here, so nothing can commit late."""
    monkeypatch.setattr(watching, "SETTLING", 0)


def follow(stage: Stage) -> Watching:
    return Watching(stage.store, WORKFLOW, lambda version: VersionWatch(WORKFLOW, version, None))


def figures(stage: Stage) -> dict[str, Any]:
    (kept,) = stage.store.figures(SLUG)
    return kept.figures


def known(stage: Stage) -> int:
    return int(figures(stage)["outcomes"]["known"])


def test_the_figures_on_a_real_log_are_those_of_an_offline_computation(stage: Stage) -> None:
    """The status reports of capital projects up to the end of 2016, scored by the declared rule."""
    file, mapping = find_log("capital_projects")
    events = outgoing(file, mapping, CANONICAL, now())[:900]
    monitor = follow(stage)
    stage.send([event.payload for event in events])
    with running(stage, stage.reactor()):
        until(lambda: stage.taken, MINUTE)
    monitor.look()
    found = figures(stage)
    judged = list(stage.store.judged(SLUG))
    end = max(max(d.as_of, at or 0) for d, _, at in judged)
    old = [
        (d.probability, value, at)
        for d, value, at in judged
        if d.as_of <= end - WORKFLOW.label.maturity_days * DAY
    ]
    score = np.array([p for p, value, _ in old if value is not None])
    truth = np.array([value for _, value, _ in old if value is not None])
    assert found["decisions"] == len(judged)
    assert found["matured"]["rows"] == len(old) > 300
    assert found["matured"]["matured"] == len(truth)
    assert found["matured"]["auc"] == pytest.approx(roc_auc_score(truth, score))
    assert found["matured"]["brier"] == pytest.approx(brier_score_loss(truth, score))
    alert = score >= WORKFLOW.policy.alarm_at
    assert found["matured"]["false_positives"] == int(np.sum(alert & (truth == 0)))
    assert found["matured"]["false_negatives"] == int(np.sum(~alert & (truth == 1)))
    assert found["outcomes"]["known"] == sum(value is not None for _, value, _ in judged)
    assert len(found["windows"]) == len(judged) // WORKFLOW.watch.window_rows
    for by in WORKFLOW.told_by:
        offline = by_group(by, [event.payload for event in events], judged, end)
        told = {part["name"]: part for part in found["parts"] if part["by"] == by}
        assert {name: part["judged"] for name, part in told.items()} == {
            name: len(group) for name, group in offline.items()
        }
        for name, group in offline.items():
            false, missed, hits = wrong(group)
            part = told[name]
            assert (part["false_positives"], part["false_negatives"]) == (false, missed)
            assert part["too_few"] == (len(group) < LEAST)
            if not part["too_few"]:
                assert part["precision"] == as_json(rate(hits, hits + false))
                assert part["recall"] == as_json(rate(hits, hits + missed))

    again = follow(stage)
    before = stage.store.alerts(SLUG)
    assert again.look() == [], "what is read again after a restart raises nothing"
    assert figures(stage) == found
    assert stage.store.alerts(SLUG) == before


def by_group(
    by: str, payloads: list[bytes], judged: list[Any], end: int
) -> dict[str, list[tuple[float, float]]]:
    """Scores and known outcomes of matured decisions, by what the subject's newest report until
    then said of the group."""
    said = defaultdict(list)
    for event in (CANONICAL.event(payload, now()) for payload in payloads):
        if (name := getattr(event.fact, by)) is not None:
            said[event.subject].append((event.occurred_at, event.id, name))
    found = defaultdict(list)
    for decision, value, _ in judged:
        names = [name for at, _, name in sorted(said[decision.subject]) if at <= decision.as_of]
        mature = decision.as_of <= end - WORKFLOW.label.maturity_days * DAY
        if mature and value is not None and names:
            found[names[-1]].append((decision.probability, value))
    return found


def wrong(group: list[tuple[float, float]]) -> tuple[int, int, int]:
    """False alerts, missed cases and hits."""
    line = WORKFLOW.policy.alarm_at
    return (
        sum(score >= line and truth == 0 for score, truth in group),
        sum(score < line and truth == 1 for score, truth in group),
        sum(score >= line and truth == 1 for score, truth in group),
    )


def as_json(found: Rate | None) -> dict[str, Any] | None:
    return asdict(found) if found else None


def test_an_outcome_is_in_the_figures_within_a_minute(stage: Stage) -> None:
    """Told twice, late and corrected, it counts once, as it was told last."""
    monitor = follow(stage)
    first, *later = slipping("p1", reports=3)
    with running(stage, stage.reactor()):
        stage.send([first])
        until(lambda: stage.taken)
        monitor.look()
        assert known(stage) == 0
        stage.send(later)
        until(lambda: monitor.look() == [] and known(stage) == 2, MINUTE)
        stage.send(later)
        stage.send([report("p1-between", "p1", day=0.5, slip=0)])
        until(lambda: monitor.look() == [] and figures(stage)["decisions"] == 4, MINUTE)
    outcomes = figures(stage)["outcomes"]
    assert outcomes["known"] == 3
    assert outcomes["corrected"] == 1
    assert outcomes["for_no_decision"] == 0


def test_an_outcome_that_is_committed_while_the_monitor_reads_is_not_lost(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between its reading of decisions and of outcomes; stamped before it looked."""
    read, monitor, reactor = stage.store.decided_between, follow(stage), stage.reactor()
    stamped = now()
    records = [Record(stage.start + n, stamped, one) for n, one in enumerate(slipping("p2"))]

    def meanwhile(workflow: str, since: int, until: int) -> Iterator[Decision]:
        yield from read(workflow, since, until)
        reactor.take(records, stamped)

    with monkeypatch.context() as once:
        once.setattr(stage.store, "decided_between", meanwhile)
        monitor.look()
    monitor.look()
    assert (figures(stage)["decisions"], known(stage)) == (3, 2)


def test_a_stream_that_stands_is_reported_and_its_latency_measured(
    stage: Stage, events: LogWatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Records wait while no worker runs; once one runs, each answer's time from Kafka is known."""
    monkeypatch.setattr(service_watch, "STALLED_SECONDS", 0.5)
    watch = ServiceWatch(stage.bootstrap, events, WORKFLOW)
    stage.send(slipping("p9", reports=3))
    until(lambda: kinds(events, watch) == ["stream-lagging"])
    with running(stage, stage.reactor()):
        until(lambda: stage.taken)
    assert kinds(events, watch) == []
    watch.decided(list(stage.store.decisions(SLUG)))
    assert watch.latency.of == 3


def test_records_that_are_none_of_a_workflows_are_no_lag(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The workers have gone past them, although the workflow has written nothing down."""
    monkeypatch.setattr(service_watch, "STALLED_SECONDS", 0.1)
    events = LogWatch(stage.bootstrap, stage.store, ["another"])
    watch = ServiceWatch(stage.bootstrap, events, WORKFLOW.model_copy(update={"slug": "another"}))
    with running(stage, stage.reactor()):
        stage.send(slipping("p7", reports=2))
        until(lambda: stage.taken)
        until(lambda: events.look() is None and events.lags["another"].records == 0)
    assert stage.store.offset("another") < 0
    assert kinds(events, watch) == []
    events.close()


def test_a_source_that_falls_silent_is_reported_by_its_name(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The source of status reports may be silent for no time at all, others for days."""
    hasty = declaring("/tests", 1e-6)
    events = LogWatch(stage.bootstrap, stage.store, [SLUG], [hasty])
    watch = ServiceWatch(stage.bootstrap, events, WORKFLOW)
    other = ServiceWatch(stage.bootstrap, events, workflow_named("service_level"))
    stage.send(slipping("p8", reports=1))
    until(lambda: kinds(events, watch) == ["source-silent"])
    (alert,) = watch.look()
    assert alert.about == "/tests"
    assert "Nothing has come from /tests since" in alert.says
    assert kinds(events, other) == [], "it sends no tickets"
    patient = LogWatch(stage.bootstrap, stage.store, [SLUG])
    assert kinds(patient, ServiceWatch(stage.bootstrap, patient, WORKFLOW)) == []
    events.close()
    patient.close()


def test_a_silence_that_began_before_the_monitor_did_is_reported(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the first monitor ever, from the log, and by the next, from what is kept; as one finding,
    so that who has resolved it hears no more of it."""
    stage.send(slipping("p6", reports=1))
    later_by(200, monkeypatch)
    found = silences(stage, declaring("/tests", 150))["/tests"]
    kept = {(one.source, one.offset) for one in stage.store.heard()}
    assert ("/tests", stage.end - 1) in kept
    retired = Heard("/retired", "project.status_reported", stage.end - 1, now())
    stage.store.keep_heard([retired])
    again = silences(stage, declaring("/tests", 150))
    assert "/retired" in again
    assert again["/tests"] == found


def test_a_source_that_never_spoke_is_named_once_it_is_due(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However often the monitor is started meanwhile; who declares nothing is not waited for."""
    awaited = declaring("/never", 24)
    undeclared = mappings()["payment_requests"].model_copy(update={"source": "/undeclared"})
    assert silences(stage, awaited) == {}
    later_by(23, monkeypatch)
    assert silences(stage, awaited) == {}
    later_by(25, monkeypatch)
    found = silences(stage, awaited)
    assert list(found) == ["/never"]
    assert "ever come from /never, which is waited for since" in found["/never"].says
    later_by(1_000, monkeypatch)
    assert "/undeclared" not in silences(stage, undeclared, workflow_named("billing_readiness"))


def declaring(source: str, hours: float) -> LogMapping:
    """The mapping of status reports for another source."""
    reports = mappings()["capital_projects"]
    return reports.model_copy(update={"source": source, "silence_hours": hours})


def later_by(hours: float, monkeypatch: pytest.MonkeyPatch) -> None:
    at = now() + int(hours * HOUR)
    monkeypatch.setattr(log_watch, "now", lambda: at)


def silences(stage: Stage, mapping: LogMapping, workflow: Workflow = WORKFLOW) -> dict[str, Alert]:
    """By source what a monitor says that is started now, and ended."""
    events = LogWatch(stage.bootstrap, stage.store, [SLUG], [mapping])

    def answered() -> bool:
        events.look()
        return SLUG in events.lags

    until(answered)
    found = ServiceWatch(stage.bootstrap, events, workflow).look()
    events.close()
    return {one.about: one for one in found if one.kind == "source-silent"}


def kinds(events: LogWatch, watch: ServiceWatch) -> list[str]:
    events.look()
    return [alert.kind for alert in watch.look()]
