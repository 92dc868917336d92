"""What knows the outcome, or what had not happened yet, is named; what is honest is let through."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest

from firm.errors import CannotTrain
from firm.events import Event
from firm.react import Arrival
from firm.time import DAY
from firm.vocabulary import Expr, days_until, known_rate, series, text
from firm.workflow import GroupBy, Workflow
from tests.unit.training.cases import Moved, fold, moved, tickets, workflow
from tests.unit.training.small import START, WORKFLOW, feature, in_order, log
from training.evaluate import evaluate
from training.hindsight import hindsight
from training.leaks import leaks, require_none
from training.replay import replay_whole

CUT = START + 200 * DAY
SAID = Expr(lambda known: float(text("says")(known) is not None), "says is there")
GROUPS = ("red", "blue", "green")
PEOPLE = {group: [f"{group}-{n}" for n in range(5)] for group in GROUPS}

Plant = Callable[[random.Random, list[Event]], list[Any]]


def passed_on(plant: Plant, cases: int = 300) -> list[Arrival]:
    """Tickets that are opened, passed on or not, and closed; `plant` says something on each."""
    luck = random.Random(3)  # noqa: S311 - a log is no secret
    found = []
    for number in range(cases):
        opened = START + int(number * DAY / 4)
        first, second = luck.choice(GROUPS), luck.choice(GROUPS)
        ends = ("closed", "dropped") if number % 6 else ("open", "dropped")
        life = [
            moved(number, "open", opened, luck.random(), group=first),
            moved(number, "passed", opened + int(luck.random() * 3 * DAY) + 1, group=second),
            moved(number, ends[0], opened + int(luck.random() * 30 * DAY) + 4 * DAY, group=second),
        ]
        found += [
            with_said(event, said) for event, said in zip(life, plant(luck, life), strict=True)
        ]
    return in_order(sorted(found, key=lambda e: (e.occurred_at, e.id)))


def with_said(event: Event, said: Any) -> Event:
    fact = event.fact.model_copy(update={"says": said})
    return Event(event.id, event.type, event.subject, event.occurred_at, event.source, fact)


def group_of(event: Event) -> str:
    assert isinstance(event.fact, Moved)
    return event.fact.group or ""


def planted(said: Expr) -> Workflow:
    return workflow(
        features=(*workflow().features, feature("said", said)),
        groups=(GroupBy(name="all"), GroupBy(name="who", key="says")),
    )


def named(plant: Plant, said: Expr) -> list[str]:
    flow = planted(said)
    return [leak.feature for leak in leaks(flow, replay_whole(flow, passed_on(plant)), CUT)]


def closing(luck: random.Random, life: list[Event]) -> list[Any]:
    """`closed_at` stands on every row of the case."""
    return [life[-1].occurred_at / DAY] * 3


def due(luck: random.Random, life: list[Event]) -> list[Any]:
    """A due date is a plan."""
    return [life[0].occurred_at / DAY + luck.choice([5, 10, 20]) + 0.37] * 3


def last_assignee(luck: random.Random, life: list[Event]) -> list[Any]:
    """`assigned_to` was filled in afterwards: somebody of the last group, on every row."""
    return [luck.choice(PEOPLE[group_of(life[-1])])] * 3


def assignee(luck: random.Random, life: list[Event]) -> list[Any]:
    """Whoever works on it is of the group that has it."""
    return [luck.choice(PEOPLE[group_of(event)]) for event in life]


def caller(luck: random.Random, life: list[Event]) -> list[Any]:
    """Who called stays the same; callers have a group that mostly helps them."""
    usual = luck.choice(PEOPLE[group_of(life[-1])]) if luck.random() < 0.5 else "anybody"
    return [usual] * 3


def project(luck: random.Random, life: list[Event]) -> list[Any]:
    """The project was filled in when it was closed; it is blank where that never came."""
    fact = life[-1].fact
    assert isinstance(fact, Moved)
    return ["P1" if fact.state == "closed" else None] * 3


def task(luck: random.Random, life: list[Event]) -> list[Any]:
    """Some cases have no task, whatever comes of them."""
    return ["T1" if luck.random() < 0.4 else None] * 3


@pytest.mark.parametrize(
    ("plant", "said"),
    [
        (closing, days_until("says")),
        (closing, series("says").last()),
        (last_assignee, known_rate("who", prior="all")),
        (project, SAID),
        (project, known_rate("who", prior="all")),
    ],
)
def test_what_was_filled_in_afterwards_is_named(plant: Plant, said: Expr) -> None:
    assert named(plant, said) == ["said"]


@pytest.mark.parametrize(
    ("plant", "said"),
    [
        (due, days_until("says")),
        (assignee, known_rate("who", prior="all")),
        (caller, known_rate("who", prior="all")),
        (task, SAID),
    ],
)
def test_what_is_honest_is_not(plant: Plant, said: Expr) -> None:
    assert named(plant, said) == []


def test_days_that_are_counted_until_something_happens_are_seen_too() -> None:
    def until(luck: random.Random, life: list[Event]) -> list[Any]:
        return [(life[-1].occurred_at - event.occurred_at) / DAY for event in life]

    assert named(until, series("says").last()) == ["said"]


def test_a_value_that_only_the_label_needs_is_let_through() -> None:
    log_ = passed_on(closing)
    flow = workflow()
    replayed = replay_whole(flow, log_)
    assert [seen.name for seen in hindsight(replayed.histories(CUT))] == ["says"]
    assert leaks(flow, replayed, CUT) == []


def test_a_feature_that_alone_tells_the_outcome_is_named_even_by_what_is_missing() -> None:
    def fold_outcome(event: Event) -> dict[str, Any]:
        said = fold(event)
        slow = int(event.id[:6]) in slow_ones
        return {**said, "says": None if slow else 1.0}

    log_ = tickets()
    replayed = replay_whole(workflow(), log_)
    rows = replayed.rows.labelled()
    slow_ones = {int(e[:6]) for e in rows.event[rows.outcome == 1]}
    flow = workflow(
        fold=fold_outcome,
        features=(*workflow().features, feature("known", series("says").last())),
    )
    assert [leak.feature for leak in leaks(flow, replay_whole(flow, log_), CUT)] == ["known"]


def test_few_rows_prove_nothing() -> None:
    flow = planted(days_until("says"))
    assert leaks(flow, replay_whole(flow, passed_on(closing, cases=20)), CUT) == []


def test_the_honest_small_log_raises_no_alarm() -> None:
    require_none(WORKFLOW, replay_whole(WORKFLOW, log(projects=200)), CUT)


def test_the_alarm_stops_training_and_says_what_to_do() -> None:
    flow = planted(days_until("says"))
    replayed = replay_whole(flow, passed_on(closing))
    with pytest.raises(CannotTrain, match=r"said: made of 'says'.*leave them out"):
        evaluate(flow, replayed, CUT - 150 * DAY)
