"""Staffing fit: what asks for a score, what judges it, what is known of its like, and the log."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firm.errors import UnknownType
from firm.events import Event
from firm.groups import Observation
from firm.time import DAY
from tests.unit.firm.samples import booked, taken, written
from tests.unit.workflows.tickets import (
    LEAKING,
    START,
    canonical,
    changed,
    entries,
    histories,
    looks_ahead,
    mapping,
    records,
)
from workflows.staffing_fit import WORKFLOW
from workflows.staffing_fit.estimate import USUAL, WEIGHT
from workflows.staffing_fit.features import FEATURES
from workflows.staffing_fit.fold import NONE, fold, settle

STATES = ("New", "Active", "Awaiting User Info", "Resolved", "Closed")
changes = st.builds(
    lambda minute, state, moved, group: (minute / 1440, state, moved, group),
    st.one_of(st.integers(0, 30 * 1440), st.sampled_from([0, 7 * 1440, 7 * 1440 + 1])),
    st.sampled_from(STATES),
    st.booleans(),
    st.sampled_from("ABC"),
)


def ticket(*what: tuple[float, str, bool, str], name: str = "1") -> list[Event]:
    """One ticket that changes so; once it is reassigned it stays so."""
    found, moves = [], 0
    for number, (day, state, moved, group) in enumerate(sorted(what)):
        moves += moved
        found.append(
            changed(f"{name}.{number:03}", day, state, name, reassignments=moves, group=group)
        )
    return found


def observed(*events: Event, group: str = "reassigned") -> list[tuple[float, float, float]]:
    """(days after START, value, count) of what a ticket tells a group."""
    told = WORKFLOW.observations(entries(WORKFLOW, *events), {})
    return [((o.at - START) / DAY, o.value, o.count) for o in told if o.group == group]


def test_a_text_that_is_missing_is_one_of_its_own() -> None:
    values = fold(changed("a", 0.5, group=None, impact="2", opened=0.25))
    assert (values["group"], values["caller"]) == (NONE, NONE)
    assert (values["priority"], values["impact"], values["urgency"]) == (3.0, 2.0, None)
    assert (values["opened"], values["hour"]) == (0.25, 6.0)


def test_only_changes_of_tickets_are_folded() -> None:
    with pytest.raises(UnknownType, match=r"got 'hours.booked' \('b' of /tests\)"):
        fold(booked("b", 1, 1))


def test_only_the_first_change_of_a_ticket_asks_and_is_judged() -> None:
    events = ticket((0, "New", False, "A"), (1, "Active", True, "B"), (2, "Closed", False, "B"))
    _, effects = taken(events, WORKFLOW)
    assert [decision.cause for decision in effects.decisions] == ["1.000"]
    assert {judged.event: judged.value for judged in effects.judged} == {"1.000": 1.0}


def test_the_first_group_was_wrong_at_the_reassignment_and_right_at_the_close() -> None:
    moved = ticket((0, "New", False, "A"), (1, "Active", True, "B"), (9, "Closed", False, "B"))
    kept = ticket((0, "New", False, "A"), (1, "Resolved", False, "A"), (6, "Closed", False, "A"))
    (wrong,) = settle(entries(WORKFLOW, *moved)).values()
    (right,) = settle(entries(WORKFLOW, *kept)).values()
    assert (wrong.value, wrong.known_at) == (1.0, START + DAY)
    assert (right.value, right.known_at) == (0.0, START + 6 * DAY)
    assert settle(entries(WORKFLOW, *kept[:2])) == {}


def test_what_is_not_reassigned_for_a_week_counts_as_kept_until_it_is() -> None:
    opened = (0, "New", False, "A")
    assert observed(*ticket(opened)) == [(7, 0, 1)]
    assert observed(*ticket(opened, (3, "Resolved", False, "A"))) == [(3, 0, 1)]
    assert observed(*ticket(opened, (2, "Active", True, "B"))) == [(2, 1, 1)]
    assert observed(*ticket(opened, (9, "Active", True, "B"))) == [(7, 0, 1), (9, 1, 0)]


def test_the_group_that_solved_a_ticket_is_credited_with_it() -> None:
    events = ticket((0, "New", False, "A"), (1, "Active", True, "B"), (2, "Resolved", False, "B"))
    told = list(WORKFLOW.observations(entries(WORKFLOW, *events), {}))
    assert Observation("solved_by_subcategory_group", "S|B", START + 2 * DAY, 0.0) in told
    assert Observation("solved_subcategory", "S", START + 2 * DAY, 0.0) in told


@given(st.lists(changes, min_size=1, max_size=8), st.integers(-1, 40 * 1440))
def test_what_is_observed_by_an_instant_does_not_rest_on_what_comes_later(
    what: list[tuple[float, str, bool, str]], minute: int
) -> None:
    history = entries(WORKFLOW, *ticket(*what))
    instants = [START + minute * DAY // 1440, *(e.at for e in history), START + 7 * DAY]
    assert not any(looks_ahead(WORKFLOW, history, at) for at in instants)


def test_features_on_an_example_computed_by_hand() -> None:
    before = [
        *ticket((0, "New", False, "A"), (1, "Resolved", False, "A"), name="1"),
        *ticket(
            (0, "New", False, "A"), (1, "Active", True, "B"), (2, "Resolved", False, "B"), name="2"
        ),
    ]
    states, effects = taken([*before, *ticket((4, "New", False, "A"), name="3")], WORKFLOW)
    found = effects.decisions[-1].features
    everybody = (1 + 0.5 * 8) / (2 + 8)
    assert found["reassigned_group"] == pytest.approx((1 + everybody * 8) / (2 + 8))
    assert found["known_subcategory_group"] == 2
    of_all = (1 + 0.5) / (2 + 10)
    assert found["match_subcategory"] == pytest.approx((1 + of_all * 3) / (2 + 3))
    assert found["solved_subcategory"] == 2
    assert states.groups.keys() >= {"solved_by_subcategory_group:S|B"}


def test_an_open_ticket_is_taken_for_what_became_of_those_that_were_as_old() -> None:
    old = [
        *ticket((0, "New", False, "A"), (2, "Active", True, "B"), name="1"),
        *ticket((0, "New", False, "A"), (2, "Resolved", False, "A"), name="2"),
        *ticket((0, "New", False, "A"), name="3"),
    ]
    young = ticket((19, "New", False, "A"), name="4")
    assert WORKFLOW.label.estimate is not None
    found = WORKFLOW.label.estimate(histories(WORKFLOW, *old, *young), START + 20 * DAY)
    assert found.keys() == {"2.000", "3.000", "4.000"}
    assert found["2.000"] == 0
    assert found["4.000"] == pytest.approx((1 + USUAL * WEIGHT) / (3 + WEIGHT))
    assert found["3.000"] == pytest.approx(USUAL, abs=0.06)


def test_columns_that_know_the_future_are_not_read() -> None:
    assert not mapping().columns & LEAKING
    spoilt = [{**record, **dict.fromkeys(LEAKING, "spoilt")} for record in records(300)]
    assert canonical(spoilt) == canonical(records(300))


def test_every_feature_says_where_it_comes_from() -> None:
    assert {feature.source for feature in FEATURES} == {
        "first change of the ticket (ITSM)",
        "earlier tickets, as known before the six hours of the score",
    }


@pytest.fixture(scope="module")
def log() -> list[Event]:
    return canonical(records())


def test_real_changes_of_one_minute_stand_in_the_order_in_which_they_were_made(
    log: list[Event],
) -> None:
    moves: dict[str, list[Any]] = {}
    for event in log:
        moves.setdefault(event.subject, []).append(event.fact.reassignments)  # type: ignore[attr-defined]
    assert all(counts == sorted(counts) for counts in moves.values())
    assert sum(counts[0] > 0 for counts in moves.values()) == 0


def test_the_real_log_asks_once_for_each_ticket_and_its_repetition_adds_nothing(
    log: list[Event],
) -> None:
    states, effects = taken(log, WORKFLOW)
    assert len({event.id for event in log}) == len(log) == 3000
    assert [d.subject for d in effects.decisions] == list(dict.fromkeys(e.subject for e in log))
    before = written(states)
    _, again = taken(log, WORKFLOW, states)
    assert {received.fate for received in again.received} == {"duplicate"}
    assert written(states) == before


def test_the_real_log_in_any_order_gives_the_same_states(log: list[Event]) -> None:
    shuffled = sorted(log, key=lambda event: event.id)
    assert written(taken(shuffled, WORKFLOW)[0]) == written(taken(log, WORKFLOW)[0])


def test_the_real_log_cut_off_gives_the_scores_that_the_whole_one_gave_by_then(
    log: list[Event],
) -> None:
    cut = log[1500].occurred_at
    _, whole = taken(log, WORKFLOW)
    _, part = taken([event for event in log if event.occurred_at < cut], WORKFLOW)
    assert part.decisions == [d for d in whole.decisions if d.as_of < cut]
    assert len(part.decisions) > 100


def test_no_real_ticket_looks_ahead(log: list[Event]) -> None:
    for history in histories(WORKFLOW, *log):
        assert not any(looks_ahead(WORKFLOW, history, entry.at) for entry in history)
