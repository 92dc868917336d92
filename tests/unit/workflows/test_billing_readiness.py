"""Billing readiness: what is folded, when a step is judged, what units are told, who is missing."""

from __future__ import annotations

import random
from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal
from math import log1p
from pathlib import Path
from typing import Any

import msgspec
import polars
import pytest
from hypothesis import given
from hypothesis import strategies as st

import data
from firm.canonical import Canonicaliser
from firm.errors import UnknownType, WrongUnit
from firm.events import Event
from firm.facts import PaymentRequestMoved
from firm.groups import Observation
from firm.handlers import actions
from firm.history import Entry
from firm.ids import EventId, SubjectId
from firm.mapping import read_mapping
from firm.money import Money
from firm.react import Effects
from firm.states import States
from firm.time import SECOND, to_micros
from firm.workflow import Workflow
from headway.groups import Groups
from tests.unit.firm.samples import NOW, START, report, taken, written
from workflows.billing_readiness import WORKFLOW, WORKFLOW_WITH_AMOUNT, WORKFLOWS
from workflows.billing_readiness.approvals import approvals, missing_approvals
from workflows.billing_readiness.fold import fold, fold_with_amount, step_of

FOLDER = Path(data.__file__).parent / "payment_requests"
FILLED_IN_AFTERWARDS = ("Project", "RfpNumber", "Rfp_id", "variant", "Task", "Activity", "Permit")
KINDS = ("submitted", "approved", "rejected", "paid", "other")
HOUR = 3600 * SECOND
R = "payment_request:1"


def moved(
    key: str,
    hour: float,
    step: Any,
    role: str | None = "EMPLOYEE",
    subject: str = R,
    unit: str | None = "u1",
    amount: str | None = None,
    currency: str = "EUR",
) -> Event:
    money = None if amount is None else Money(amount=Decimal(amount), currency=currency)
    fact = PaymentRequestMoved(step=step, role=role, unit=unit, amount=money)
    at = START + round(hour * HOUR)
    return Event(EventId(key), fact.type, SubjectId(subject), at, "/tests", fact, key)


def paid_after(*roles: str, subject: str, start: float = 0, unit: str | None = "u1") -> list[Event]:
    """A request that these roles approved one after another, then paid."""
    steps = [("submitted", "EMPLOYEE"), *(("approved", role) for role in roles), ("paid", None)]
    return [
        moved(f"{subject}{n}", start + n, step, role, f"payment_request:{subject}", unit)
        for n, (step, role) in enumerate(steps)
    ]


def outcomes(*events: Event) -> dict[str, tuple[float | None, float]]:
    """The outcome of each event that asked, and the hour at which it was known."""
    _, effects = taken(events, WORKFLOW)
    return {j.event: (j.value, (j.known_at - START) / HOUR) for j in effects.judged}


def features(
    *events: Event, subject: str = R, workflow: Workflow = WORKFLOW
) -> dict[str, float | None]:
    """The features of a subject at its newest event."""
    states, _ = taken(events, workflow)
    as_of = max(event.occurred_at for event in events if event.subject == subject)
    row = workflow.row(states.known(workflow, SubjectId(subject), as_of))
    return dict(zip(workflow.feature_names, row, strict=True))


def missing(*events: Event, subject: str = R) -> tuple[str, ...]:
    states, _ = taken(events, WORKFLOW)
    as_of = max(event.occurred_at for event in events if event.subject == subject)
    return missing_approvals(states.known(WORKFLOW, SubjectId(subject), as_of))


def test_a_step_is_named_by_what_was_done_and_by_whom() -> None:
    values = fold(moved("a", 0, "approved", "BUDGET  OWNER"))
    assert (values["kind"], values["role"]) == ("approved", "budget_owner")
    assert step_of(Entry(0, EventId("a"), "", values)) == "approved:budget_owner"
    assert fold(moved("b", 0, "other", None))["step"] == "other:nobody"


def test_the_amount_is_what_is_at_stake_and_a_feature_only_where_it_is_declared() -> None:
    event = moved("a", 0, "submitted", amount="12.50")
    assert fold(event) == {**fold(moved("a", 0, "submitted")), "amount": 12.5}
    assert fold_with_amount(event) == fold(event)
    assert set(WORKFLOW_WITH_AMOUNT.feature_names) - set(WORKFLOW.feature_names) == {"amount"}
    assert features(event) == features(moved("a", 0, "submitted", amount="9999"))
    states, effects = taken([event], WORKFLOW)
    assert Groups(WORKFLOW, states).at_stake(effects.decisions[0]) == (12.5, None)


def test_amounts_of_another_currency_are_refused_where_a_feature_reads_them() -> None:
    """Where none does, the step is scored all the same, and nothing is known to be at stake."""
    foreign = moved("a", 0, "submitted", amount="1", currency="USD")
    assert fold(foreign)["amount"] is None
    with pytest.raises(WrongUnit, match="amounts are kept in EUR; got 1 USD"):
        fold_with_amount(foreign)


def test_only_steps_of_payment_requests_are_folded() -> None:
    with pytest.raises(UnknownType, match=r"got 'project.status_reported' \('b' of /tests\)"):
        fold(report("b", 0))


def test_nothing_follows_from_the_variant_that_is_there_for_comparison() -> None:
    assert WORKFLOWS == (WORKFLOW, WORKFLOW_WITH_AMOUNT)
    assert not any(band.actions for band in WORKFLOW_WITH_AMOUNT.policy.bands)


def test_every_step_until_the_payment_asks_for_a_score() -> None:
    _, effects = taken(paid_after("ADMINISTRATION", "SUPERVISOR", subject="1"), WORKFLOW)
    assert [decision.cause for decision in effects.decisions] == ["10", "11", "12"]


def test_a_payment_settles_the_steps_before_it_as_not_rejected() -> None:
    found = outcomes(*paid_after("SUPERVISOR", subject="1"))
    assert found == {"10": (0, 2), "11": (0, 2)}


def test_a_rejection_settles_the_steps_before_it_and_asks_itself() -> None:
    found = outcomes(
        moved("a", 0, "submitted"),
        moved("b", 1, "approved", "ADMINISTRATION"),
        moved("c", 2, "rejected", "SUPERVISOR"),
        moved("d", 3, "rejected"),
        moved("e", 4, "submitted"),
        moved("f", 9, "paid", None),
    )
    rejected, paid = {"a": (1, 2), "b": (1, 2), "c": (1, 3)}, {"d": (0, 9), "e": (0, 9)}
    assert found == rejected | paid


def test_what_is_neither_rejected_nor_paid_has_no_outcome() -> None:
    assert outcomes(moved("a", 0, "submitted"), moved("b", 1, "approved", "SUPERVISOR")) == {}
    assert outcomes(moved("a", 0, "rejected")) == {}


def test_features_on_an_example_computed_by_hand() -> None:
    found = features(
        moved("a", 0, "submitted", subject="payment_request:2"),
        moved("b", 10, "rejected", "SUPERVISOR", subject="payment_request:2"),
        moved("c", 12, "rejected", subject="payment_request:2"),
        moved("d", 20, "submitted"),
        moved("e", 25, "rejected", "ADMINISTRATION"),
        moved("f", 30, "submitted"),
    )
    for name in ("since_unit_rejection", "since_unit_refusal"):
        assert found[name] == pytest.approx(log1p(5))
    lately = (2 + 3) / (2 + 20)
    assert found["unit_rejected_of_20"] == pytest.approx((2 + 4 * lately) / (2 + 4) - lately)
    assert (found["unit_endings_fading"] or 0) > 0


def test_how_the_request_came_here_is_told_at_every_step_but_a_submission() -> None:
    steps = [moved("a", 0, "submitted"), moved("b", 2, "rejected"), moved("c", 5, "submitted")]
    again, then = features(*steps), features(*steps, moved("d", 9, "approved", "SUPERVISOR"))
    assert (again["rejections"], again["since_step"]) == (None, None)
    assert (then["rejections"], then["since_step"]) == (1, pytest.approx(log1p(4)))


def test_the_submitters_own_withdrawal_is_no_refusal() -> None:
    withdrawn = [
        moved("a", 0, "submitted", subject="payment_request:2"),
        moved("b", 1, "rejected", subject="payment_request:2"),
    ]
    found = features(*withdrawn, moved("c", 5, "submitted"))
    assert found["since_unit_rejection"] is not None
    assert found["since_unit_refusal"] is None


def test_a_step_without_a_unit_knows_nothing_of_units() -> None:
    others = paid_after("SUPERVISOR", subject="2", unit=None)
    found = features(*others, moved("x", 50, "submitted", unit=None))
    assert found["since_unit_rejection"] is None
    assert found["unit_rejected_of_20"] == pytest.approx(0, abs=0.2)


def test_what_happens_in_the_minute_of_the_score_does_not_count() -> None:
    other = moved("a", 0, "submitted", subject="payment_request:2")
    refused = moved("b", 5, "rejected", "SUPERVISOR", subject="payment_request:2")
    assert features(other, refused, moved("c", 5, "submitted"))["since_unit_rejection"] is None
    later = features(other, refused, moved("c", 5.1, "submitted"))
    assert later["since_unit_rejection"] is not None


def test_an_approval_counts_until_the_request_is_rejected_or_submitted_again() -> None:
    steps = [
        moved("a", 0, "submitted"),
        moved("b", 1, "approved", "ADMINISTRATION"),
        moved("c", 2, "approved", "SUPERVISOR"),
    ]
    entries = [Entry(e.occurred_at, e.id, e.type, fold(e)) for e in steps]
    assert approvals(entries) == {"administration", "supervisor"}
    for step in ("rejected", "submitted"):
        again = moved("d", 3, step)
        assert approvals([*entries, Entry(0, again.id, again.type, fold(again))]) == set()


def test_missing_are_those_who_usually_approve_in_the_unit_and_have_not() -> None:
    usual = paid_after("ADMINISTRATION", "BUDGET OWNER", "SUPERVISOR", subject="2")
    usual += paid_after("ADMINISTRATION", "SUPERVISOR", subject="3", start=10)
    usual += paid_after("ADMINISTRATION", "SUPERVISOR", subject="4", start=20)
    submitted = moved("x", 100, "submitted")
    assert missing(*usual, submitted) == ("administration", "supervisor")
    checked = moved("y", 101, "approved", "ADMINISTRATION")
    assert missing(*usual, submitted, checked) == ("supervisor",)
    done = moved("z", 102, "approved", "SUPERVISOR")
    assert missing(*usual, submitted, checked, done) == ()


def test_the_decision_and_what_follows_from_it_name_the_missing_approvals() -> None:
    usual = paid_after("ADMINISTRATION", "SUPERVISOR", subject="2")
    _, effects = taken([*usual, moved("x", 100, "submitted")], WORKFLOW)
    decision = effects.decisions[-1]
    assert decision.awaits == ("administration", "supervisor")
    likely = msgspec.structs.replace(decision, probability=0.3)
    assert [action.says for action in actions(WORKFLOW, likely)] == [
        "Check the evidence and the missing approvals before it goes on. "
        "Still missing: administration, supervisor."
    ]


def test_another_units_chain_says_nothing_and_a_paid_request_misses_nobody() -> None:
    elsewhere = paid_after("DIRECTOR", subject="2", unit="u2")
    assert missing(*elsewhere, moved("x", 100, "submitted")) == ()
    assert (
        missing(*elsewhere, *paid_after(subject="5", unit="u2"), subject="payment_request:5") == ()
    )


def test_without_units_the_chain_of_everyone_counts() -> None:
    usual = paid_after("SUPERVISOR", subject="2", unit=None)
    assert missing(*usual, moved("x", 100, "submitted", unit=None)) == ("supervisor",)


walks = st.lists(
    st.tuples(
        st.integers(0, 30),
        st.sampled_from(KINDS),
        st.sampled_from(["EMPLOYEE", "ADMINISTRATION", "SUPERVISOR", None]),
        st.sampled_from(["u1", "u2", None]),
    ),
    min_size=1,
    max_size=12,
)


def told(entries: list[Entry]) -> Counter[Observation]:
    settled = WORKFLOW.label.settle(entries)
    return Counter(WORKFLOW.observations(entries, settled))


@given(walks, st.integers(0, 30))
def test_what_units_are_told_by_an_instant_does_not_depend_on_what_comes_after(
    walk: list[tuple[int, Any, str | None, str | None]], hour: int
) -> None:
    events = [
        moved(f"e{n}", at, step, role, unit=unit) for n, (at, step, role, unit) in enumerate(walk)
    ]
    entries = sorted(Entry(e.occurred_at, e.id, e.type, fold(e)) for e in events)
    until = START + hour * HOUR
    of_all = Counter({o: n for o, n in told(entries).items() if o.at <= until})
    assert of_all == told([entry for entry in entries if entry.at <= until])


@given(walks, st.randoms(use_true_random=False))
def test_order_and_repetition_do_not_matter(
    walk: list[tuple[int, Any, str | None, str | None]], rng: random.Random
) -> None:
    events = [
        moved(f"e{n}", at, step, role, f"payment_request:{n % 3}", unit)
        for n, (at, step, role, unit) in enumerate(walk)
    ]
    shuffled = [*events, *events]
    rng.shuffle(shuffled)
    assert written(taken(shuffled, WORKFLOW)[0]) == written(taken(events, WORKFLOW)[0])


@pytest.fixture(scope="module")
def log() -> list[Event]:
    mapping = read_mapping(FOLDER / "mapping.toml")
    canonicaliser = Canonicaliser([PaymentRequestMoved], [mapping])
    file = FOLDER / "RequestForPayment.parquet"
    records = polars.read_parquet(file, columns=sorted(mapping.columns)).to_dicts()
    events = [canonicaliser.from_record(mapping, mapping.event[0], r, NOW) for r in records]
    return sorted(events, key=lambda event: (event.occurred_at, event.id))


@pytest.fixture(scope="module")
def replayed(log: list[Event]) -> tuple[States, Effects]:
    return taken(log, WORKFLOW)


def test_the_real_log_has_one_decision_for_each_step_but_the_payments(
    log: list[Event], replayed: tuple[States, Effects]
) -> None:
    steps = Counter(event.fact.step for event in log if isinstance(event.fact, PaymentRequestMoved))
    assert steps == {
        "submitted": 7361,
        "approved": 14029,
        "rejected": 2234,
        "paid": 6187,
        "other": 6261,
    }
    assert len(replayed[1].decisions) == len(log) - 6187 == 29885


def test_of_the_real_requests_6679_are_judged_and_157_in_a_thousand_are_rejected(
    log: list[Event], replayed: tuple[States, Effects]
) -> None:
    first = {event.subject: event.id for event in reversed(log)}
    judged = {j.event: j.value for j in replayed[1].judged}
    values = [judged[event] for event in first.values() if event in judged]
    assert len(first) == 6760
    assert len(values) == 6679
    assert round(sum(value or 0 for value in values) / len(values), 3) == 0.157


def test_the_real_states_asked_as_of_any_day_are_the_decisions_of_that_day(
    log: list[Event], replayed: tuple[States, Effects]
) -> None:
    states, _ = replayed
    cut = to_micros(datetime(2018, 5, 1, tzinfo=UTC))
    before, _ = taken([event for event in log if event.occurred_at < cut], WORKFLOW)
    subjects = sorted(before.subjects)[::60]
    for subject in subjects:
        one, two = (s.known(WORKFLOW, subject, cut - 1) for s in (states, before))
        assert WORKFLOW.row(one) == WORKFLOW.row(two)
        assert missing_approvals(one) == missing_approvals(two)


def test_at_the_end_of_the_real_log_submissions_wait_for_administration_and_supervisor(
    replayed: tuple[States, Effects],
) -> None:
    states, effects = replayed
    asked = [(d.subject, d.as_of) for d in effects.decisions[-3000:]]
    known = [states.known(WORKFLOW, subject, as_of) for subject, as_of in asked]
    submitted = [k for k in known if k.entries[-1].values["kind"] == "submitted"]
    chains = Counter(missing_approvals(k) for k in submitted)
    assert [chain for chain, _ in chains.most_common(2)] == [
        ("administration", "supervisor"),
        ("administration", "budget_owner", "supervisor"),
    ]
    final = [k for k in known if k.entries[-1].values["step"] == "approved:supervisor"]
    assert Counter(missing_approvals(k) for k in final)[()] > 0.85 * len(final)


@pytest.mark.parametrize(
    "file", ["mapping.toml", *(f"mappings/{f.name}" for f in (FOLDER / "mappings").glob("*.toml"))]
)
def test_no_mapping_reads_what_was_filled_in_afterwards(file: str) -> None:
    columns = read_mapping(FOLDER / file).columns
    allowed = {"case:Permit OrganizationalEntity"}
    found = {c for c in columns - allowed for bad in FILLED_IN_AFTERWARDS if bad in c}
    assert found == set()


@pytest.mark.parametrize(
    ("file", "activity", "step", "role"),
    [
        ("domestic_declarations", "Declaration SUBMITTED by EMPLOYEE", "submitted", "EMPLOYEE"),
        ("domestic_declarations", "Declaration FOR_APPROVAL by SUPERVISOR", "other", "SUPERVISOR"),
        (
            "international_declarations",
            "Declaration FINAL_APPROVED by DIRECTOR",
            "approved",
            "DIRECTOR",
        ),
        ("international_declarations", "Permit REJECTED by MISSING", "other", "MISSING"),
        ("prepaid_travel_cost", "Request For Payment REJECTED by EMPLOYEE", "rejected", "EMPLOYEE"),
        ("permit_log", "Permit REJECTED by SUPERVISOR", "rejected", "SUPERVISOR"),
        ("permit_log", "Payment Handled", "paid", None),
        ("permit_log", "Start trip", "other", None),
    ],
)
def test_the_mappings_of_the_sister_logs_name_the_same_steps(
    file: str, activity: str, step: str, role: str | None
) -> None:
    mapping = read_mapping(FOLDER / "mappings" / f"{file}.toml")
    record = dict.fromkeys(mapping.columns, "1") | {
        "concept:name": activity,
        "time:timestamp": "2018-01-09T09:26:14+00:00",
    }
    canonicaliser = Canonicaliser([PaymentRequestMoved], [mapping])
    event = canonicaliser.from_record(mapping, mapping.event[0], record, NOW)
    assert isinstance(event.fact, PaymentRequestMoved)
    assert (event.fact.step, event.fact.role) == (step, role)
