"""An action that needs approval goes out with a person's agreement, and never twice."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import msgspec
import pytest

from firm.decision import Action, Verdict
from firm.errors import NotAllowed, UnknownDecision
from firm.handlers import actions
from firm.ids import ActionId
from firm.store import SqlStore
from tests.contract.store.samples import NOON, SLUG, record, record_all, slipping, take, taken
from workflows.delivery_risk import WORKFLOW


def _waiting(store: SqlStore) -> Action:
    record(store, "ask-1", 0.9)
    (action,) = store.waiting_actions()
    return action


def _queued(store: SqlStore) -> list[ActionId]:
    messages = [row for row in store.pending() if row.kind == "action"]
    return [msgspec.json.decode(row.payload, type=Action).id for row in messages]


def _verdict(action: Action, agreed: bool = True, person: str = "Dana") -> Verdict:
    return Verdict(action.id, agreed, person, "checked with the owner", NOON)


def test_only_what_needs_approval_waits(store: SqlStore) -> None:
    _, todo = record(store, "ask-1", 0.9)
    needs = [action for action in todo if action.approval]
    assert store.waiting_actions() == store.waiting_actions(SLUG) == needs
    assert store.waiting_actions("another") == []
    assert _queued(store) == [action.id for action in todo if not action.approval]


def test_the_stream_queues_its_automatic_actions(store: SqlStore) -> None:
    effects = take(store.open_stream(WORKFLOW), slipping(9))
    assert _queued(store) == [a.id for a in effects.actions if a.approval is None] != []


def test_an_agreement_sends_the_action_out(store: SqlStore) -> None:
    action = _waiting(store)
    before = _queued(store)
    store.give_verdict(_verdict(action), "http:1")
    assert _queued(store) == [*before, action.id]
    assert store.waiting_actions() == []
    assert store.verdict(action.id) == _verdict(action)
    assert store.verify() == 2


def test_a_refusal_keeps_it_in(store: SqlStore) -> None:
    action = _waiting(store)
    before = _queued(store)
    store.give_verdict(_verdict(action, agreed=False), "http:1")
    assert _queued(store) == before
    assert [r.status for r in store.actions_of(action.decision) if r.action == action] == [
        "refused"
    ]
    with pytest.raises(NotAllowed, match="refused"):
        store.action_done(action.id, "ERP-1", "relay", NOON)


def test_the_first_verdict_stands(store: SqlStore) -> None:
    action = _waiting(store)

    def give(person: str) -> bool:
        try:
            store.give_verdict(_verdict(action, person=person), f"http:{person}")
        except NotAllowed:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        given = list(pool.map(give, ["Ann", "Ben", "Cem", "Dana"]))
    assert sorted(given) == [False, False, False, True]
    assert _queued(store).count(action.id) == 1
    assert store.verify() == 2


def test_a_verdict_on_an_automatic_action_is_refused(store: SqlStore) -> None:
    _, todo = record(store, "ask-1", 0.5)
    with pytest.raises(NotAllowed, match="queued and waits for nobody"):
        store.give_verdict(_verdict(todo[0]), "http:1")
    assert store.verdict(todo[0].id) is None


def test_what_was_done_is_noted_once_with_its_reference(store: SqlStore) -> None:
    decision, todo = record(store, "ask-1", 0.5)
    store.action_failed(todo[0].id, "the ERP is closed on Sundays", "relay", NOON)
    assert store.actions_of(decision.id)[0].status == "failed"
    store.action_done(todo[0].id, "ERP-1", "relay", NOON + 1)
    store.action_done(todo[0].id, "ERP-2", "relay", NOON + 2)
    (done,) = store.actions_of(decision.id)
    assert (done.status, done.reference, done.settled_at) == ("done", "ERP-1", NOON + 1)
    assert [entry["verb"] for entry in store.export()] == ["decided", "failed to do", "did"]


def test_what_waits_cannot_be_done(store: SqlStore) -> None:
    with pytest.raises(NotAllowed, match="waiting"):
        store.action_done(_waiting(store).id, "ERP-1", "relay", NOON)


def test_an_unknown_action_is_named(store: SqlStore) -> None:
    with pytest.raises(UnknownDecision, match="no-such"):
        store.action(ActionId("no-such"))
    assert store.action(_waiting(store).id) == store.waiting_actions()[0]


def test_a_withheld_action_is_kept_with_its_reason_and_never_goes_out(
    store: SqlStore,
) -> None:
    one = taken("held", 0.9)
    todo = [msgspec.structs.replace(a, withheld="left alone") for a in actions(WORKFLOW, one)]
    record_all(store, [(one, todo)])
    kept = store.actions_of(one.id)
    assert {(r.status, r.action.withheld) for r in kept} == {("withheld", "left alone")}
    assert store.waiting_actions() == []
    assert _queued(store) == []
