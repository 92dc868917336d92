"""The ranking is judged where requests went elsewhere, on what was known when they were opened."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from firm.candidates import Candidates
from firm.events import Event
from firm.react import react
from firm.states import States
from firm.workflow import Workflow
from tests.unit.firm.samples import NOW, arriving
from tests.unit.training.small import WORKFLOW as PLAIN
from tests.unit.training.small import log
from tests.unit.workflows.tickets import START, changed
from training.ranking import Looks, Places, RankingQuality
from training.replay import Replayed, replay_whole
from training.rows import Floats
from workflows.staffing_fit import WORKFLOW


class ByCategory:
    """Scores a row by how few of its category its group solved."""

    column = WORKFLOW.feature_names.index("match_category")

    def predict(self, features: Floats) -> Floats:
        return 1.0 - features[:, self.column]


def ticket(name: str, day: float, first: str, last: str) -> list[Event]:
    """A ticket that the first group is given, and the last solves half a day later."""
    moved = int(first != last)
    said = {"category": "C", "ticket": name}
    return [
        changed(f"{name}.0", day, "New", group=first, **said),
        changed(f"{name}.1", day + 0.5, "Closed", group=last, reassignments=moved, **said),
    ]


BEFORE = [
    *(event for n in range(4) for event in ticket(f"a{n}", n, "A", "A")),
    *(event for n in range(2) for event in ticket(f"b{n}", n, "B", "B")),
]
ASKED = [*ticket("t", 8, "B", "A"), *ticket("u", 8, "A", "B"), *ticket("v", 8, "A", "Z")]
STAYED = ticket("w", 8, "A", "A")


def looked(events: list[Event], workflow: Workflow = WORKFLOW) -> tuple[Looks, Replayed]:
    looks = Looks(workflow, START)
    return looks, replay_whole(workflow, arriving(*events), looks)


def judged(events: list[Event]) -> RankingQuality | None:
    looks, replayed = looked(events)
    assert WORKFLOW.candidates
    places = Places(WORKFLOW.candidates, replayed, looks)
    rows = replayed.rows
    places.take(ByCategory(), rows.where(rows.as_of >= START + 8 * 86_400_000_000))  # type: ignore[arg-type]
    return places.quality()


def test_the_figures_of_an_example_by_hand() -> None:
    """t's right group A is first, u's B is second, v's Z has never solved such a ticket."""
    found = judged([*BEFORE, *ASKED, *STAYED])
    assert found is not None
    assert (found.n, found.scored) == (3, 2), "w stayed where it was"
    assert found.above_first == pytest.approx(1 / 3)
    assert (found.hit_at_1, found.hit_at_3, found.mrr) == pytest.approx((1 / 3, 2 / 3, 0.5))
    assert (found.baseline_hit_at_1, found.baseline_mrr) == pytest.approx((1 / 3, 0.5))
    assert found.random_hit_at_3 == pytest.approx(2 / 3)


def test_where_nothing_went_elsewhere_there_are_no_figures() -> None:
    assert judged([*BEFORE, *STAYED]) is None


def test_a_workflow_without_candidates_is_passed_over() -> None:
    looks = Looks(PLAIN, 0)
    rows = replay_whole(PLAIN, log(projects=3), looks).rows
    assert {looks.at(event) for event in rows.event.tolist()} == {None}


def test_what_is_looked_at_rests_on_nothing_that_came_later() -> None:
    whole, replayed = looked([*BEFORE, *ASKED])
    part, _ = looked([*BEFORE, ASKED[0]])
    one, other = whole.at("t.0"), part.at("t.0")
    assert one
    assert other
    assert (one.keys, one.usual, one.first) == (other.keys, other.usual, other.first)
    assert np.array_equal(one.rows, other.rows, equal_nan=True)
    own = replayed.rows.features[replayed.rows.event.tolist().index("t.0")]
    assert np.array_equal(one.rows[one.keys.index("B")], own.astype(np.float32), equal_nan=True)


def test_replay_and_stream_look_at_the_same_candidates() -> None:
    fields: dict[str, Any] = {name: getattr(WORKFLOW, name) for name in Workflow.model_fields}
    assert WORKFLOW.candidates
    always: Candidates = WORKFLOW.candidates.model_copy(update={"stream": "all", "top": 50})
    workflow = Workflow(**fields | {"candidates": always})
    events = [*BEFORE, *ASKED]
    looks, _ = looked(events, workflow)
    decisions = react(workflow, arriving(*events), States(), None, NOW).decisions
    for decision in decisions:
        look = looks.at(decision.cause)
        assert look
        assert decision.ranking
        assert sorted(one.candidate for one in decision.ranking.ranked) == sorted(look.keys)
