"""Ids depend on what they name, and on nothing else."""

from __future__ import annotations

from uuid import uuid5

from hypothesis import given
from hypothesis import strategies as st

from firm.ids import NAMESPACE, action_id, decision_id, derived, event_id, new_key

words = st.text(st.characters(exclude_characters="\x1f", exclude_categories=["Cs"]), max_size=8)


def test_the_id_of_a_decision_is_the_same_in_every_release() -> None:
    assert decision_id("delivery_risk", "e-1") == "dcd65213-a57c-5d92-9fb6-3b900a783e77"


@given(st.lists(words, min_size=1), st.lists(words, min_size=1))
def test_the_same_parts_and_only_they_give_the_same_id(one: list[str], two: list[str]) -> None:
    assert (derived(*one) == derived(*two)) == (one == two)


@given(words, words)
def test_a_decision_and_its_action_have_ids_of_their_own(workflow: str, cause: str) -> None:
    decision = decision_id(workflow, cause)
    assert len({decision, action_id(decision, "a"), action_id(decision, "b")}) == 3


@given(st.lists(words, min_size=1))
def test_an_id_is_the_uuid_of_its_parts_as_the_standard_library_makes_it(parts: list[str]) -> None:
    assert derived(*parts) == str(uuid5(NAMESPACE, "\x1f".join(parts)))


separated = st.lists(st.text("a1:\x1f", max_size=4), min_size=1, max_size=4)


@given(separated, separated)
def test_two_events_have_one_id_only_if_source_and_all_that_names_them_are_the_same(
    one: list[str], two: list[str]
) -> None:
    """Also with what separates the parts within a part."""
    assert (event_id("/s", *one) == event_id("/s", *two)) == (one == two)
    assert (event_id(*one) == event_id(*two)) == (one == two)


def test_the_id_of_an_event_is_the_same_in_every_release() -> None:
    assert event_id("/psa/eu", "psa-2017-09-01-3") == "6b639c17-f576-52e1-854f-2b832eea4719"


def test_a_new_key_is_new() -> None:
    assert len({new_key() for _ in range(1_000)}) == 1_000
