"""Service level: when it is judged, what is observed beforehand, how open tickets are estimated."""

from __future__ import annotations

from math import log1p

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firm.errors import UnknownType
from firm.events import Event
from firm.facts import TicketUpdated
from firm.time import DAY
from tests.unit.firm.samples import booked, taken, written
from tests.unit.workflows.tickets import (
    START,
    canonical,
    changed,
    entries,
    histories,
    looks_ahead,
    records,
)
from workflows.service_level import WORKFLOW
from workflows.service_level.estimate import TO_CLOSE, USUAL, WEIGHT
from workflows.service_level.fold import NONE, fold, settle

STATES = ("New", "Active", "Awaiting User Info", "Resolved", "Closed")
changes = st.tuples(
    st.one_of(st.integers(0, 30 * 48).map(lambda half: half / 48), st.just(3.5)),
    st.sampled_from(STATES),
    st.sampled_from("AB"),
)


def ticket(*what: tuple[float, str], name: str = "1", late: bool = False) -> list[Event]:
    """One ticket that changes so; that it is late shows when it is closed."""
    return [
        changed(
            f"{name}.{number}",
            day,
            state,
            name,
            within_sla=not late or state != "Closed",
            opened=what[0][0],
        )
        for number, (day, state) in enumerate(what)
    ]


def closed(name: str, opened: float, solved: float, at: float, late: bool = False) -> list[Event]:
    return ticket((opened, "New"), (solved, "Resolved"), (at, "Closed"), name=name, late=late)


def estimates(days: float, *events: Event) -> dict[str, float]:
    assert WORKFLOW.label.estimate is not None
    cut = START + round(days * DAY)
    before = [event for event in events if event.occurred_at < cut]
    return dict(WORKFLOW.label.estimate(histories(WORKFLOW, *before), cut))


def observed(*events: Event, group: str) -> list[tuple[float, float]]:
    """(days after START, value) of what a ticket tells a group."""
    told = WORKFLOW.observations(entries(WORKFLOW, *events), {})
    return [((o.at - START) / DAY, o.value) for o in told if o.group == group]


def test_a_ticket_is_folded_to_texts_levels_and_the_time_in_its_week() -> None:
    values = fold(changed("a", 1.5, "New", opened=1.25, priority="2"))
    assert (values["state"], values["level"], values["priority"]) == ("New", "2", 2.0)
    assert (values["opened"], values["hour"], values["caller"]) == (1.25, 6.0, NONE)
    assert values["opened_at"] == START + 1.25 * DAY


def test_only_changes_of_tickets_are_folded() -> None:
    with pytest.raises(UnknownType, match=r"got 'hours.booked' \('b' of /tests\)"):
        fold(booked("b", 1, 1))


def test_the_outcome_is_known_at_the_close_and_not_before() -> None:
    late = entries(WORKFLOW, *closed("1", 0, 20, 25, late=True))
    assert settle(late[:2]) == {}
    (outcome,) = settle(late).values()
    assert (outcome.value, outcome.known_at) == (1.0, START + 25 * DAY)


def test_a_ticket_that_is_closed_again_is_judged_by_the_last_close() -> None:
    again = [
        *closed("1", 0, 1, 6),
        changed("1.8", 7),
        changed("1.9", 30, "Closed", within_sla=False),
    ]
    (outcome,) = settle(entries(WORKFLOW, *again)).values()
    assert (outcome.value, outcome.known_at) == (1.0, START + 30 * DAY)


def test_only_the_first_change_of_a_ticket_asks_and_is_judged() -> None:
    _, effects = taken(closed("1", 0, 1, 6), WORKFLOW)
    assert [decision.cause for decision in effects.decisions] == ["1.0"]
    assert [(judged.event, judged.value) for judged in effects.judged] == [("1.0", 0.0)]


def test_that_a_ticket_is_slow_is_known_once_it_can_no_longer_be_in_time() -> None:
    open_ = ticket((0, "New"))
    assert observed(*open_, group="slow") == [(3.5, 1.0)]
    assert observed(*open_, group="hours") == [(3.5, log1p(3.5 * 24))]
    solved = ticket((0, "New"), (2, "Resolved"))
    assert observed(*solved, group="slow") == [(2, 0.0)]
    assert observed(*solved, group="hours") == [(2, log1p(48))]
    too_late = ticket((0, "New"), (9, "Resolved"))
    assert observed(*too_late, group="slow") == [(3.5, 1.0)]


def test_that_a_ticket_moves_is_known_at_once_and_that_it_stays_when_solved_or_after_a_week() -> (
    None
):
    passed_on = changed("1.1", 1, "Active", reassignments=1)
    assert observed(*ticket((0, "New")), passed_on, group="moved") == [(1, 1.0)]
    solved = ticket((0, "New"), (2, "Resolved"))
    assert observed(*solved, group="moved") == [(2, 0.0)]
    assert observed(*ticket((0, "New")), group="moved") == [(7, 0.0)]
    too_late = changed("1.2", 9, "Active", reassignments=1)
    assert observed(*ticket((0, "New")), too_late, group="moved") == [(7, 0.0)]


def test_a_ticket_of_low_priority_has_more_time() -> None:
    (event,) = ticket((0, "New"))
    patient = changed("a", 0, "New", priority="4")
    (usual,), (longer,) = observed(event, group="slow"), observed(patient, group="slow")
    assert longer[0] - usual[0] == 10  # eight business days, over a weekend


@given(st.lists(changes, min_size=1, max_size=8), st.floats(-1, 40))
def test_what_is_observed_by_an_instant_does_not_rest_on_what_comes_later(
    what: list[tuple[float, str, str]], day: float
) -> None:
    events = [
        changed(f"e{n}", day, state, group=g, reassignments=int(g == "B"))
        for n, (day, state, g) in enumerate(what)
    ]
    history = entries(WORKFLOW, *events)
    instants = [START + round(day * DAY), *(e.at for e in history), START + round(3.5 * DAY)]
    assert not any(looks_ahead(WORKFLOW, history, at) for at in instants)


def ordinary() -> list[Event]:
    """Twelve tickets a day for four weeks, closed five days after they were solved; those that took
    four days were late."""
    return [
        event
        for day in range(28)
        for number, took in enumerate((0.5, 1, 4) * 4)
        for event in closed(f"{day}-{number}", day, day + took, day + took + 5, late=took == 4)
    ]


def test_one_that_is_solved_is_judged_by_the_clock_as_if_closed_five_days_later() -> None:
    quick, slow = (ticket((21, "New"), (at, "Resolved"), name=f"q{at}") for at in (21.5, 25.5))
    found = estimates(26, *ordinary(), *quick, *slow)
    assert found["q21.5.0"] < 0.3
    assert found["q25.5.0"] > 0.8


def test_one_that_is_open_fares_as_older_ones_did_that_were_open_at_its_age() -> None:
    open_ = ticket((38, "New"), name="open")
    as_it_waits = [estimates(day, *ordinary(), *open_)["open.0"] for day in (38.1, 39.1, 60)]
    assert as_it_waits[0] == pytest.approx(1 / 3, abs=0.1)
    assert as_it_waits[1:] == pytest.approx([1, 1], abs=0.05)


def test_those_closed_in_a_clean_up_count_as_if_they_had_closed_in_their_time() -> None:
    waiting = [e for n in range(60) for e in closed(f"w{n}", 2, 2.5, 24.5, late=True)]
    found = estimates(45, *ordinary(), *waiting)
    assert {found[f"w{n}.0"] for n in range(60)} == {found["w0.0"]}
    assert found["w0.0"] < 0.3
    assert "0-0.0" not in found


def test_without_any_history_an_estimate_is_a_usual_one() -> None:
    found = estimates(1, *ticket((0, "New"), name="only"))
    assert found["only.0"] == pytest.approx(USUAL * WEIGHT / WEIGHT)
    assert TO_CLOSE > 5 * DAY


@pytest.fixture(scope="module")
def log() -> list[Event]:
    return canonical(records())


def test_in_the_real_log_a_promise_is_broken_only_on_the_change_that_closes(
    log: list[Event],
) -> None:
    facts = [event.fact for event in log if isinstance(event.fact, TicketUpdated)]
    broken = [fact for fact in facts if not fact.within_sla]
    assert len(broken) > 100
    assert {fact.state for fact in broken} == {"Closed"}


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
