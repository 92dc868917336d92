"""A parent with events of its own: a project's client, and how it paid its invoices."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hypothesis import given
from hypothesis import strategies as st

from firm.events import Event, Fact, StatusReported
from firm.groups import Observation
from firm.history import Entry, Values
from firm.ids import EventId, SubjectId
from firm.states import decode_group, encode_state
from firm.time import DAY
from firm.vocabulary import parent
from firm.workflow import Feature, GroupBy, Workflow
from tests.unit.firm.samples import DECLARATION, START, histories, report, rows, taken, written

CLIENT = SubjectId("client:7")


class InvoicePaid(Fact):
    """A client has paid an invoice."""

    type = "invoice.paid"
    subject_kind = "client"

    days_late: float


def fold(event: Event) -> Values:
    if isinstance(event.fact, InvoicePaid):
        return {"payer": event.subject, "days_late": event.fact.days_late}
    assert isinstance(event.fact, StatusReported)
    day = event.fact.forecast_completion
    return {"client": event.fact.client, "forecast": float(day.toordinal()) if day else None}


def observe(entries: Sequence[Entry]) -> Iterator[Observation]:
    for entry in entries:
        payer, days_late = entry.values.get("payer"), entry.values.get("days_late")
        if isinstance(payer, str) and isinstance(days_late, float):
            yield Observation("payments", payer, entry.at, days_late)


late = parent("payments")
WORDS = {
    "worst": late.highest(),
    "newest": late.last(),
    "lately": late.within(30).mean(),
    "since": late.days_since(),
    "course": late.trend(),
}
WORKFLOW = Workflow(
    **{
        **DECLARATION,
        "facts": (StatusReported, InvoicePaid),
        "fold": fold,
        "groups": (
            GroupBy(name="payments", key="client", counts="observed", grain_hours=1, keep="values"),
        ),
        "observe": observe,
        "features": tuple(
            Feature(name=name, of=of, unit="days", why="late payers dispute more", source="ERP")
            for name, of in WORDS.items()
        ),
        "rule": late.count() * 0,
    }
)


def paid(key: str, day: float, days_late: float, client: str = CLIENT) -> Event:
    at = START + round(day * DAY)
    fact = InvoicePaid(days_late=days_late)
    return Event(EventId(key), fact.type, SubjectId(client), at, "/tests", fact)


payments = st.builds(
    lambda day, days_late, client: paid("", day, days_late, client),
    st.floats(0, 400, width=32),
    st.integers(-9, 90).map(float),
    st.sampled_from([CLIENT, "client:8"]),
)
projects = st.builds(
    lambda day, client: report("", day, client=client),
    st.floats(0, 400, width=32),
    st.sampled_from([None, CLIENT, "client:8"]),
)


def test_a_project_knows_how_its_client_paid_as_of_the_request() -> None:
    events = [
        report("a", 0, client=CLIENT),
        paid("b", 10, 5),
        paid("c", 20, 35),
        paid("d", 20, 90, client="client:8"),
        paid("e", 50, 2),
    ]
    states, _ = taken(events, WORKFLOW)
    project = events[0].subject
    on = {day: rows(WORKFLOW, states, START + day * DAY)[project] for day in (5, 15, 21, 60, 999)}
    assert on[5] == (None,) * 5
    assert on[15] == (5, 5, 5, 5, None)
    assert on[21] == (35, 35, 20, 1, 3)
    assert on[60][:4] == (35, 2, 2, 10)
    assert on[999][:4] == (35, 2, None, 949)


def test_a_client_is_no_subject_that_is_asked_for() -> None:
    _, effects = taken([report("a", 0, client=CLIENT), paid("b", 10, 5)], WORKFLOW)
    assert [decision.cause for decision in effects.decisions] == ["a"]


@given(histories(payments, projects), st.data(), st.integers(0, 3000))
def test_order_and_repetition_do_not_matter(
    events: list[Event], data: st.DataObject, silence: int
) -> None:
    again = [*events, *data.draw(st.lists(st.sampled_from(events), max_size=5))]
    again = data.draw(st.permutations(again))
    (one, _), (two, _) = taken(events, WORKFLOW), taken(again, WORKFLOW)
    assert written(one) == written(two)
    as_of = START + (400 + silence) * DAY
    assert rows(WORKFLOW, one, as_of) == rows(WORKFLOW, two, as_of)


@given(histories(payments, projects), st.integers(0, 800))
def test_as_of_an_instant_is_the_log_replayed_up_to_it(events: list[Event], day: int) -> None:
    as_of = START + day * DAY
    full, _ = taken(events, WORKFLOW)
    part, _ = taken([event for event in events if event.occurred_at <= as_of], WORKFLOW)
    assert rows(WORKFLOW, full, as_of) == rows(WORKFLOW, part, as_of)


@given(histories(payments))
def test_a_parent_comes_back_from_its_bytes(events: list[Event]) -> None:
    states, _ = taken(events, WORKFLOW)
    for group in states.groups.values():
        assert decode_group(encode_state(group)) == group
