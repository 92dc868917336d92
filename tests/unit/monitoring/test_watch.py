"""Outcomes that come twice, corrected or for nobody count once, rightly, or are reported."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np
import pytest

from firm.alerts import Alert
from firm.decision import Decision, Evidence, as_json
from firm.ids import DecisionId, SubjectId
from firm.store import Told
from firm.time import DAY, Micros
from monitoring.cases import NEVER
from monitoring.columns import Group
from monitoring.reference import Reference
from monitoring.standing import standing
from monitoring.watch import VersionWatch
from monitoring.workflow_watch import WorkflowWatch
from workflows.delivery_risk import WORKFLOW

NOON: Micros = 20_000 * DAY
NAMES = WORKFLOW.feature_names


def watching(**declared: Any) -> WorkflowWatch:
    watch = WORKFLOW.watch.model_copy(update={"window_rows": 200, "look_days": 5.0, **declared})
    workflow = WORKFLOW.model_copy(update={"watch": watch})
    return WorkflowWatch(workflow, lambda v: VersionWatch(workflow, v, reference()))


def reference(count: int = 2_000) -> Reference:
    rng = np.random.default_rng(1)
    as_of = NOON - 90 * DAY + np.arange(count, dtype=np.int64) * 80 * DAY // count
    outcome = (rng.random(count) < 0.5).astype(float)
    return Reference(
        names=NAMES,
        as_of=as_of,
        features=rng.normal(0, 1, (count, len(NAMES))),
        score=rng.random(count),
        outcome=outcome,
        known_at=as_of + 2 * DAY,
        base_rate=0.5,
        cut=NOON,
    )


def decision(
    number: int, shift: float = 0.0, version: str = "3", at: Micros | None = None
) -> Decision:
    rng = np.random.default_rng([7, number])
    values = (rng.normal(0, 1, len(NAMES)) + shift).tolist()
    as_of = NOON + number * DAY // 100 if at is None else at
    return Decision(
        id=DecisionId(f"decision-{number}"),
        workflow=WORKFLOW.slug,
        subject=SubjectId(f"project:{number}"),
        cause=f"event-{number}",
        origin="stream",
        as_of=as_of,
        evidence=Evidence(None, as_of),
        probability=float(rng.random()),
        band="calm",
        late=False,
        stale=False,
        model_version=version,
        policy_version="p",
        features=dict(zip(NAMES, values, strict=True)),
        decided_at=as_of,
    )


def outcome(number: int, value: float | None, revision: int = 0, days: float = 2.0) -> Told:
    as_of = NOON + number * DAY // 100
    known_at = as_of + int(days * DAY)
    return Told(DecisionId(f"decision-{number}"), value, known_at, revision, known_at, as_of)


def run(
    watch: WorkflowWatch,
    count: int,
    value: Callable[[int], float],
    decide: Callable[[int], Decision] = decision,
) -> list[Alert]:
    """A hundred decisions a day, each with its outcome two days later."""
    found = []
    for first in range(0, count, 100):
        watch.take([decide(n) for n in range(first, first + 100)])
        if first >= 200:
            watch.take([], [outcome(n, value(n)) for n in range(first - 200, first - 100)])
        found += watch.advance(NOON + (first // 100 + 1) * DAY)
    return found


def test_the_newest_outcome_of_a_decision_counts_once() -> None:
    watch = watching()
    watch.take([decision(0), decision(1)], [outcome(0, 1.0)])
    watch.take([], [outcome(0, 1.0)])
    watch.take([], [outcome(0, 0.0, revision=1), outcome(1, 1.0)])
    found = watch.versions["3"].cases()
    assert found.outcome.tolist() == [0.0, 1.0]
    assert watch.versions["3"].corrected == 1
    assert watch.labels.repeated == 1


def test_an_outcome_that_is_taken_back_is_not_known_any_more() -> None:
    watch = watching()
    watch.take([decision(0)], [outcome(0, 1.0)])
    watch.take([], [outcome(0, None, revision=1)])
    found = watch.versions["3"].cases()
    assert np.isnan(found.outcome[0])
    assert found.known_at[0] == NEVER


def test_an_outcome_for_nobody_is_reported_and_counts_nowhere() -> None:
    watch = watching()
    lost = msgspec.structs.replace(outcome(0, 1.0), decision=DecisionId("never"), as_of=None)
    watch.take([decision(0)], [lost])
    assert watch.labels.orphans == {"never"}
    assert not watch.versions["3"].cases().known.any()


def test_an_outcome_belongs_to_the_version_that_decided() -> None:
    watch = watching()
    watch.take([decision(0, version="3"), decision(1, version="4")], [outcome(1, 1.0)])
    assert not watch.versions["3"].cases().known.any()
    assert watch.versions["4"].cases().known.all()


def test_figures_are_told_by_the_groups_to_which_decisions_belong() -> None:
    """One of which nobody said so belongs to none."""
    watch = watching(by=("owner", "phase"))
    some = [decision(n) for n in range(101)]
    groups: dict[DecisionId, Group] = {
        one.id: ("DDC" if n < 60 else "DOT", "Design" if n % 2 else None)
        for n, one in enumerate(some[:100])
    }
    watch.take(some, [outcome(n, float(n % 2)) for n in range(101)], groups=groups)
    found = standing(watch.versions["3"], watch.labels, NOON + 400 * DAY)["parts"]
    assert [(part["by"], part["name"], part["judged"]) for part in found] == [
        ("owner", "DDC", 60),
        ("owner", "DOT", 40),
        ("phase", "Design", 50),
    ]
    alerts = [one.probability >= WORKFLOW.policy.alarm_at for one in some[:60]]
    assert found[0]["alerts"] == sum(alerts)
    assert found[0]["false_positives"] == sum(alerts[::2])


def test_how_far_off_an_estimate_was_is_told_once_the_outcomes_are_known() -> None:
    """Before that all are too young: the estimate stands alone."""
    watch, some = watching(), [decision(n) for n in range(100)]
    truth = np.arange(100) % 3 == 0
    watch.take(some, [outcome(n, float(truth[n])) for n in range(100)])
    young = standing(watch.versions["3"], watch.labels, NOON + 9 * DAY)
    assert (young["immature_share"], young["matured"]["matured"]) == (1.0, 0)
    found = standing(watch.versions["3"], watch.labels, NOON + 400 * DAY)["estimate"]["brier"]
    score = np.array([one.probability for one in some])
    estimated, really = np.mean(score * (1 - score)), np.mean((score - truth) ** 2)
    assert young["expected"]["brier"] == found["estimated"] == pytest.approx(estimated)
    assert found["really"] == pytest.approx(really)
    assert found["off_by"] == pytest.approx(abs(estimated - really))


def test_what_was_acted_on_is_treated() -> None:
    watch = watching()
    watch.take([decision(0), decision(1)], [], [DecisionId("decision-1"), DecisionId("another")])
    assert watch.versions["3"].cases().treated.tolist() == [False, True]


def test_work_that_stays_the_same_raises_nothing() -> None:
    rng = np.random.default_rng(3)
    values = (rng.random(2_000) < 0.5).astype(float)
    assert run(watching(), 2_000, lambda n: float(values[n])) == []


def test_cases_that_end_otherwise_are_heard_with_when() -> None:
    rng = np.random.default_rng(4)
    chances = np.where(np.arange(3_000) < 1_000, 0.5, 0.1)
    values = (rng.random(3_000) < chances).astype(float)
    (alert,) = run(watching(), 3_000, lambda n: float(values[n]))
    assert alert.kind == "outcomes-changed"
    changed = NOON + 10 * DAY
    since = np.datetime64(str(alert.evidence["since"])[:19]).astype("datetime64[us]").astype(int)
    assert abs(int(since) - changed) <= DAY
    assert changed + 5 * DAY <= alert.at <= changed + 8 * DAY
    assert float(str(alert.evidence["since_happened"])) == pytest.approx(0.1, abs=0.06)


def test_inputs_that_move_are_heard_with_their_names_and_once_within_the_cool_down() -> None:
    found = run(
        watching(cooldown_days=30.0),
        2_000,
        lambda n: float(n % 2),
        lambda n: decision(n, shift=1.0 if n >= 1_000 else 0.0),
    )
    (alert,) = [one for one in found if one.kind == "inputs-changed"]
    assert NOON + 10 * DAY < alert.at <= NOON + 13 * DAY
    assert set(alert.evidence["features"] or ()) <= set(NAMES)
    assert msgspec.json.decode(as_json(alert), type=Alert) == alert


def test_what_is_found_does_not_depend_on_how_often_one_looks() -> None:
    """Daily, or once after all has come."""
    rng = np.random.default_rng(4)
    values = (rng.random(3_000) < np.where(np.arange(3_000) < 1_000, 0.5, 0.1)).astype(float)
    daily, once = run(watching(), 3_000, lambda n: float(values[n])), watching()
    once.take([decision(n) for n in range(100)])
    once.advance(NOON + DAY)
    once.take(
        [decision(n) for n in range(100, 3_000)],
        [outcome(n, float(values[n])) for n in range(2_800)],
    )
    found = once.advance(NOON + 30 * DAY)
    assert [_without_names(alert) for alert in found] == [_without_names(a) for a in daily]


def _without_names(alert: Alert) -> object:
    """Named are the inputs of the newest rows; all else is of the rows in question."""
    figures = {k: v for k, v in alert.evidence.items() if k not in ("features", "weights")}
    return alert.id, alert.kind, alert.at, figures
