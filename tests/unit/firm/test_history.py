"""A history is the same in whatever order, and however often, its entries came."""

from __future__ import annotations

import random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firm.history import Entry, History, Outcome
from firm.ids import EventId

entries = st.lists(
    st.builds(
        Entry,
        st.integers(0, 5),
        st.integers(0, 20).map(lambda n: EventId(f"e{n}")),
        st.just("t"),
        st.dictionaries(st.sampled_from("ab"), st.none() | st.floats(0, 1) | st.text(max_size=2)),
    ),
    max_size=10,
    unique_by=lambda entry: entry.event,
)


def entry(event: str, at: int) -> Entry:
    return Entry(at, EventId(event))


def history(*entries: Entry) -> History:
    found = History()
    for one in entries:
        found.add(one)
    return found


@given(entries, st.randoms(use_true_random=False), st.data())
def test_order_and_repetition_do_not_matter(
    entries: list[Entry], rng: random.Random, data: st.DataObject
) -> None:
    again = [*entries, *data.draw(st.lists(st.sampled_from(entries)) if entries else st.just([]))]
    rng.shuffle(again)
    one, two = history(*entries), history(*again)
    assert msgspec.msgpack.encode(one) == msgspec.msgpack.encode(two)


@given(entries)
def test_entries_stand_in_order_of_time_and_then_of_id(entries: list[Entry]) -> None:
    keys = [(e.at, e.event) for e in history(*entries).entries]
    assert keys == sorted(keys)


@given(entries, st.integers(-1, 6))
def test_until_is_everything_up_to_and_including_the_instant(
    entries: list[Entry], as_of: int
) -> None:
    found = history(*entries)
    assert list(found.until(as_of)) == [e for e in found.entries if e.at <= as_of]


@pytest.mark.parametrize("at", [0, 1, 2])
def test_an_event_that_comes_again_is_not_added_whatever_time_it_now_states(at: int) -> None:
    found = history(entry("a", 1))
    assert not found.add(entry("a", at))
    assert found.entries == [entry("a", 1)]


def test_settling_tells_what_changed_and_what_is_taken_back() -> None:
    a, b, c = EventId("a"), EventId("b"), EventId("c")
    found = History()
    assert found.settle({a: Outcome(1, 5), b: Outcome(0, 5)}) == {
        a: Outcome(1, 5),
        b: Outcome(0, 5),
    }
    assert found.settle({a: Outcome(1, 5), b: Outcome(1, 5)}) == {b: Outcome(1, 5)}
    assert found.settle({a: Outcome(1, 5), c: Outcome(0, 6)}) == {b: None, c: Outcome(0, 6)}
    assert found.settle({a: Outcome(1, 5), c: Outcome(0, 6)}) == {}
    assert found.outcomes == {a: Outcome(1, 5), c: Outcome(0, 6)}


def test_what_was_handed_in_does_not_change_a_history_later() -> None:
    found, outcomes = History(), {EventId("a"): Outcome(1, 5)}
    found.settle(outcomes)
    outcomes.clear()
    assert found.outcomes == {"a": Outcome(1, 5)}


def test_the_entries_through_an_event_end_with_it() -> None:
    one, two, three = entry("a", 1), entry("b", 2), entry("c", 2)
    assert history(three, one, two).through(two.event) == [one, two]
    assert history(one).through(two.event) == ()
