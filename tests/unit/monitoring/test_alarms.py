"""Each alarm of a version is raised by what it is about, after that began, and by nothing else."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import msgspec
import numpy as np
import pytest

from firm.alerts import Alert
from firm.decision import Decision
from firm.time import DAY
from monitoring.cases import Floats
from monitoring.watch import VersionWatch
from monitoring.workflow_watch import WorkflowWatch
from tests.unit.monitoring.test_watch import NAMES, NOON, decision, outcome, reference
from workflows.delivery_risk import WORKFLOW

COUNT, CHANGED, A_DAY, ROWS = 2_000, 1_000, 100, 200
"""Decisions in all, the first of those that are otherwise, and how many a day and a window have."""
Change = Callable[[Decision, int], Decision]
FOLLOWS = {
    "false-positives": {"scores-changed"},
    "worse-than-constant": {"false-positives"},
    "labels-overdue": {"outcomes-changed"},
}
"""What the same change also is: more alerts are other scores, missing outcomes are other ones."""


def interplay(rows: Floats) -> Floats:
    """Contributions that rest on how features go together, not on each alone."""
    return np.asarray(rows * np.roll(rows, 1, axis=1))


@cache
def usual() -> list[Decision]:
    """Scores of one in twenty or of nineteen, each for half of the cases."""
    likely = np.random.default_rng(5).random(COUNT) < 0.5
    return [
        msgspec.structs.replace(decision(n), probability=0.95 if likely[n] else 0.05)
        for n in range(COUNT)
    ]


@cache
def followed(change: Change, known: float = 1.0) -> tuple[WorkflowWatch, list[Alert]]:
    """Usual cases end as their scores say; labels mature in three days, known after two.

    Args:
        change: what is otherwise from CHANGED on, given its number.
        known: the share of outcomes that come at all from there on.
    """
    label = WORKFLOW.label.model_copy(update={"maturity_days": 3.0})
    limits = WORKFLOW.watch.model_copy(update={"window_rows": ROWS, "cooldown_days": 30.0})
    workflow = WORKFLOW.model_copy(update={"label": label, "watch": limits})
    watch = WorkflowWatch(workflow, lambda v: VersionWatch(workflow, v, reference(), interplay))
    cases, found = usual(), list[Alert]()
    luck, comes = np.random.default_rng(6).random((2, COUNT))
    decided = [change(one, n) if n >= CHANGED else one for n, one in enumerate(cases)]
    told = [
        outcome(n, float(luck[n] < one.probability))
        for n, one in enumerate(cases)
        if n < CHANGED or comes[n] < known
    ]
    for day in range(COUNT // A_DAY):
        until = NOON + (day + 1) * DAY
        watch.take(decided[day * A_DAY : (day + 1) * A_DAY])
        watch.take([], [one for one in told if until - DAY <= one.known_at < until])
        found += watch.advance(until)
    return watch, found


def run(change: Change, known: float = 1.0) -> list[Alert]:
    return followed(change, known)[1]


def same(one: Decision, _n: int) -> Decision:
    return one


def with_features(one: Decision, values: Floats) -> Decision:
    return msgspec.structs.replace(one, features=dict(zip(NAMES, values.tolist(), strict=True)))


def together(one: Decision, n: int) -> Decision:
    """Each feature is spread as before, but all of them rise and fall as one."""
    return with_features(one, np.full(len(NAMES), np.random.default_rng([8, n]).normal()))


def without_phase(one: Decision, _n: int) -> Decision:
    return msgspec.structs.replace(one, features={**one.features, "phase": None})


def later_phase(one: Decision, _n: int) -> Decision:
    return msgspec.structs.replace(
        one, features={**one.features, "phase": (one.features["phase"] or 0) + 1}
    )


def bolder(one: Decision, _n: int) -> Decision:
    return msgspec.structs.replace(one, probability=min(one.probability + 0.04, 1.0))


def stale(one: Decision, _n: int) -> Decision:
    return msgspec.structs.replace(one, stale=True)


def eager(one: Decision, n: int) -> Decision:
    """An alert for three in five of those who need none."""
    line = WORKFLOW.policy.alarm_at
    raised = one.probability < line and n % 5 < 3
    return msgspec.structs.replace(one, probability=line) if raised else one


def upside_down(one: Decision, _n: int) -> Decision:
    return msgspec.structs.replace(one, probability=1 - one.probability)


def test_of_calibrated_scores_on_steady_work_nothing_is_said() -> None:
    assert run(same) == []


@pytest.mark.parametrize(
    ("kind", "change", "known"),
    [
        ("scores-changed", bolder, 1.0),
        ("attributions-changed", together, 1.0),
        ("inputs-silent", without_phase, 1.0),
        ("features-stale", stale, 1.0),
        ("labels-overdue", same, 0.7),
        ("false-positives", eager, 1.0),
        ("worse-than-constant", upside_down, 1.0),
    ],
)
def test_each_is_raised_once_after_what_it_is_about_began(
    kind: str, change: Change, known: float
) -> None:
    found = run(change, known)
    (alert,) = [one for one in found if one.kind == kind]
    assert alert.at > NOON + CHANGED * DAY // A_DAY
    assert alert.owner == WORKFLOW.owner
    assert alert.todo
    assert {one.kind for one in found} <= {kind, *FOLLOWS.get(kind, ())}


def test_what_weighs_otherwise_is_told_from_inputs_that_moved() -> None:
    """Every feature is spread as in training: only how they go together has changed."""
    (alert,) = run(together)
    assert alert.evidence["compared"] == len(NAMES)
    assert alert.says.split(" of ")[1].startswith(f"{len(NAMES)} features weigh otherwise than in")


def test_an_input_that_falls_silent_is_named() -> None:
    (alert,) = run(without_phase)
    assert (alert.about, alert.evidence["features"]) == ("phase", ["phase"])


def test_a_window_is_held_against_training_and_against_the_last() -> None:
    """An input that moved lies away from training ever since, and from the last window once."""
    windows = followed(later_phase)[0].versions["3"].windows
    first = CHANGED // ROWS
    away = ["phase" in {moved.name for moved in one.moved_inputs} for one in windows]
    assert away == [place >= first for place in range(COUNT // ROWS)]
    assert windows[0].since_last is None
    for place, one in enumerate(windows[1:], start=1):
        assert one.since_last
        distance = {column.name: column.distance for column in one.since_last.columns}["phase"]
        assert (distance > 0.5) == (place == first)
