"""States are the same for any order of events, and are read only for their own subject."""

from __future__ import annotations

import random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firm.errors import UnknownSubject, WrongSubject
from firm.events import Event, Position
from firm.ids import SubjectId
from firm.states import (
    States,
    SubjectState,
    decode_group,
    decode_subject,
    encode_state,
    known_as_of,
)
from firm.time import DAY, Micros
from firm.workflow import Workflow
from tests.unit.firm.samples import (
    SAMPLE,
    START,
    P,
    bookings,
    histories,
    report,
    reports,
    rows,
    taken,
    written,
)
from workflows.delivery_risk import WORKFLOW as DELIVERY_RISK

END = START + 400 * DAY
HORIZONS = st.one_of(
    st.integers(START, END),
    st.integers(0, 400).map(lambda day: START + day * DAY),
    st.integers(END, START + 40_000 * DAY),
)
CASES = [
    pytest.param(SAMPLE, histories(reports, bookings), id="sample"),
    pytest.param(DELIVERY_RISK, histories(reports), id="delivery_risk"),
]
Q = SubjectId("project:2")


@pytest.mark.parametrize(("workflow", "several"), CASES)
@given(data=st.data(), rng=st.randoms(use_true_random=False), silence=st.integers(0, 3000))
def test_any_order_and_any_repetition_give_the_same_bytes_and_the_same_features(
    workflow: Workflow,
    several: st.SearchStrategy[list[Event]],
    data: st.DataObject,
    rng: random.Random,
    silence: int,
) -> None:
    events = data.draw(several)
    again = [*events, *data.draw(st.lists(st.sampled_from(events), max_size=5))]
    rng.shuffle(again)
    (one, _), (two, _) = taken(events, workflow), taken(again, workflow)
    assert written(one) == written(two)
    as_of = END + silence * DAY
    assert rows(workflow, one, as_of) == rows(workflow, two, as_of)
    assert one.watermark == two.watermark


def features_as_of(workflow: Workflow, states: States, as_of: Micros) -> dict[str, object]:
    """What is asked of each subject as of an instant: its row, its rule, its groups."""
    found: dict[str, object] = {}
    for subject in ("project:1", "project:2", "project:3"):
        try:
            known = states.known(workflow, SubjectId(subject), as_of)
        except UnknownSubject:
            found[subject] = UnknownSubject
        else:
            found[subject] = (
                workflow.row(known),
                workflow.rule(known),
                workflow.membership(known.entries),
            )
    return found


@pytest.mark.parametrize(("workflow", "several"), CASES)
@given(data=st.data(), as_of=HORIZONS)
def test_as_of_an_instant_is_the_log_replayed_up_to_it(
    workflow: Workflow,
    several: st.SearchStrategy[list[Event]],
    data: st.DataObject,
    as_of: Micros,
) -> None:
    events = data.draw(several)
    if data.draw(st.booleans(), label="exactly at an event"):
        as_of = data.draw(st.sampled_from(events)).occurred_at
    full, _ = taken(events, workflow)
    part, _ = taken([event for event in events if event.occurred_at <= as_of], workflow)
    assert features_as_of(workflow, full, as_of) == features_as_of(workflow, part, as_of)


@pytest.mark.parametrize(("workflow", "several"), CASES)
@given(data=st.data(), instants=st.lists(HORIZONS, min_size=2, max_size=5))
def test_a_state_that_keeps_what_lasts_gives_the_same_features_as_of_any_instant(
    workflow: Workflow,
    several: st.SearchStrategy[list[Event]],
    data: st.DataObject,
    instants: list[Micros],
) -> None:
    states, _ = taken(data.draw(several), workflow)
    expected = [features_as_of(workflow, states, at) for at in instants]
    for state in states.subjects.values():
        state.keep_lasting()
    assert [features_as_of(workflow, states, at) for at in instants] == expected


def test_what_is_asked_after_a_long_silence_is_computed_as_of_then() -> None:
    states, _ = taken([report("a", 0, forecast=100), report("b", 10, forecast=200)])
    (soon,) = rows(SAMPLE, states, START + 11 * DAY).values()
    (late,) = rows(SAMPLE, states, START + 10_010 * DAY).values()
    values = dict(zip(SAMPLE.feature_names, late, strict=True))
    assert dict(zip(SAMPLE.feature_names, soon, strict=True))["phases"] == 2
    assert (values["phases"], values["since_move"], values["to_go"]) == (0, 10_000, -9_810)


def test_a_state_of_another_subject_is_not_used() -> None:
    states, _ = taken([report("a", 1)])
    state = states.subjects[P]
    with pytest.raises(WrongSubject, match=r"asked for 'project:2', .* of 'project:1'"):
        known_as_of(SAMPLE, Q, state, states.groups, START + 2 * DAY)


def test_a_mix_up_shows_even_when_nothing_was_known_by_then() -> None:
    states, _ = taken([report("a", 1)])
    with pytest.raises(WrongSubject):
        known_as_of(SAMPLE, Q, states.subjects[P], states.groups, START)
    with pytest.raises(WrongSubject):
        known_as_of(SAMPLE, Q, SubjectState(P), states.groups, START)


def test_a_mix_up_may_be_asked_again_and_an_unknown_subject_may_not() -> None:
    assert WrongSubject.retry
    assert not UnknownSubject.retry


@pytest.mark.parametrize(
    "state", [None, SubjectState(P), taken([report("a", 1)])[0].subjects[P]], ids=str
)
def test_nothing_is_known_before_the_first_event(state: SubjectState | None) -> None:
    with pytest.raises(UnknownSubject, match=r"'project:1' in workflow 'sample_risk'"):
        known_as_of(SAMPLE, P, state, {}, START + DAY - 1)


def test_an_event_is_known_from_its_own_instant() -> None:
    states, _ = taken([report("a", 1)])
    assert len(states.known(SAMPLE, P, START + DAY).entries) == 1


def test_asking_leaves_nothing_behind() -> None:
    states, _ = taken([report("a", 1)])
    before = written(states)
    with pytest.raises(UnknownSubject):
        states.known(SAMPLE, Q, START + 9 * DAY)
    states.known(SAMPLE, P, START + 9 * DAY)
    assert written(states) == before
    assert set(states.subjects) == {P}


@given(histories(reports, bookings))
def test_states_come_back_from_their_bytes_as_they_were(events: list[Event]) -> None:
    states, _ = taken(events)
    for subject in states.subjects.values():
        assert decode_subject(encode_state(subject)) == subject
        assert encode_state(decode_subject(encode_state(subject))) == encode_state(subject)
    for group in states.groups.values():
        assert decode_group(encode_state(group)) == group
        assert encode_state(decode_group(encode_state(group))) == encode_state(group)


def test_a_state_tells_when_and_where_it_changed_last() -> None:
    states, _ = taken([report("a", 5), report("b", 1), report("b", 1)])
    state = states.subjects[P]
    assert state.event_time == START + 5 * DAY
    assert state.position == Position(0, 1)
    assert SubjectState(P).event_time == 0


def test_states_that_were_loaded_go_on_as_if_never_stored() -> None:
    events = [report(f"e{n}", n, forecast=100 * n % 7, owner="DEP") for n in range(8)]
    whole, _ = taken(events)
    first, _ = taken(events[:4])
    loaded = States(
        (decode_subject(encode_state(s)) for s in first.subjects.values()),
        (decode_group(encode_state(g)) for g in first.groups.values()),
        first.watermark,
        first.requests,
    )
    taken(events[4:], states=loaded)
    assert written(loaded) == written(whole)
    assert msgspec.msgpack.encode(loaded.watermark) == msgspec.msgpack.encode(whole.watermark)
