"""What is written can be followed in order: nothing is passed over; what changed comes again."""

from __future__ import annotations

import msgspec
import pytest

from firm.handlers import actions
from firm.ids import SubjectId
from firm.react import react
from firm.store import SqlStore, following
from firm.time import DAY, SECOND
from tests.contract.store.samples import (
    NOON,
    SLUG,
    TOPIC,
    record_all,
    report,
    slipping,
    take,
    taken,
)
from workflows.delivery_risk import WORKFLOW

LATER = NOON + DAY


def test_decisions_come_in_the_order_in_which_they_were_kept(
    store: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "PAGE", 3)
    made = [
        msgspec.structs.replace(taken(f"ask-{n}", as_of=NOON - n * DAY), decided_at=NOON + n // 2)
        for n in range(11)
    ]
    store.record_all([(one, []) for one in made], "http:1")
    found = list(store.decided_between(SLUG, NOON, NOON + 4))
    assert found == sorted(made[:8], key=lambda d: (d.decided_at, d.as_of, d.id))
    assert list(store.decided_between("another", 0, LATER)) == []


def test_a_corrected_outcome_is_told_again_with_its_revision(store: SqlStore) -> None:
    """The third report moves the completion, and a report that comes late moves it back."""
    stream = store.open_stream(WORKFLOW)
    take(stream, [report(0), report(1, slip=100)])
    first = {told.decision: told for told in store.told_between(SLUG, 0, LATER)}
    assert [(t.value, t.revision, t.as_of) for t in first.values()] == [(1.0, 0, NOON)]
    (decision,) = first
    between = msgspec.structs.replace(
        report(2, slip=0),
        event=msgspec.structs.replace(report(2).event, occurred_at=NOON + DAY // 2),
    )
    effects = react(WORKFLOW, [between], stream.states, None, NOON + SECOND)
    stream.commit(effects, {0: 2}, TOPIC)
    again = {told.decision: told for told in store.told_between(SLUG, NOON + 1, LATER)}
    assert (again[decision].value, again[decision].revision) == (0.0, 1)


def test_an_outcome_that_comes_twice_is_told_once(store: SqlStore) -> None:
    stream = store.open_stream(WORKFLOW)
    take(stream, slipping(4, projects=1))
    told = list(store.told_between(SLUG, 0, LATER))
    take(stream, slipping(4, projects=1))
    assert list(store.told_between(SLUG, 0, LATER)) == told
    assert len({t.decision for t in told}) == len(told) == 3


def test_decisions_that_were_acted_on_are_told_when_it_was_done(store: SqlStore) -> None:
    one = taken("ask-1", 0.9)
    todo = actions(WORKFLOW, one)
    record_all(store, [(one, todo)])
    automatic = next(action for action in todo if action.approval is None)
    assert list(store.acted_between(SLUG, 0, LATER)) == []
    store.action_done(automatic.id, "PSA-1", "relay", NOON + 5)
    assert list(store.acted_between(SLUG, NOON, NOON + 5)) == []
    assert list(store.acted_between(SLUG, NOON, NOON + 6)) == [one.id]


def test_the_states_of_some_subjects_can_be_read_alone(store: SqlStore) -> None:
    take(store.open_stream(WORKFLOW), slipping(6, projects=3))
    asked = {SubjectId("project:p0"), SubjectId("project:p2"), SubjectId("project:unheard")}
    found, whole = store.states_of(WORKFLOW, asked).subjects, store.states(WORKFLOW).subjects
    assert found == {subject: whole[subject] for subject in asked & whole.keys()}
    assert len(found) == 2
