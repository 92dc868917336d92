"""Every kind of bad input is refused with the right kind of error, which names field and value."""

from __future__ import annotations

import json
import time
from datetime import date
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from firm.canonical import Canonicaliser
from firm.errors import (
    BadEvent,
    InvalidValue,
    Malformed,
    TimeOutOfRange,
    TooLarge,
    UnknownType,
    WrongUnit,
)
from firm.events import Event, Fact, ScoreRequested, StatusReported
from firm.ids import event_id
from firm.mapping import LogMapping
from tests.unit.firm.samples import NOW, START, HoursBooked, payload

MAPPING = LogMapping.model_validate(
    {
        "name": "vendor",
        "source": "/vendor",
        "missing": ["", "NA"],
        "event": [
            {
                "type": "vendor.report",
                "fact": "project.status_reported",
                "id": ["Project", "At"],
                "subject": {"kind": "project", "from": "Project", "pattern": r"\d+"},
                "time": {"from": "At", "format": "%m/%d/%Y %H:%M", "zone": "America/New_York"},
                "fields": {
                    "phase": {"from": "Phase"},
                    "forecast_completion": {"from": "Due", "as": "date", "format": "%m/%d/%Y"},
                    "budget_forecast": {"from": "Budget", "as": "money", "currency": "USD"},
                },
            },
            {
                "type": "vendor.hours",
                "fact": "hours.booked",
                "id": ["Id"],
                "subject": {"kind": "project", "from": "Project"},
                "time": {"from": "At"},
                "fields": {"hours": {"from": "Hours", "as": "number"}},
            },
            {
                "type": "vendor.lost",
                "fact": "nobody.knows",
                "id": ["Id"],
                "subject": {"kind": "project", "from": "Project"},
                "time": {"from": "At"},
                "fields": {},
            },
            {
                "type": "vendor.flagged",
                "fact": "project.flagged",
                "id": ["Id"],
                "subject": {"kind": "project", "from": "Project"},
                "time": {"from": "At"},
                "fields": {"red": {"from": "Red", "as": "flag"}},
            },
        ],
    }
)


class Flagged(Fact):
    type = "project.flagged"
    subject_kind = "project"

    red: bool | None = None


CANONICALISER = Canonicaliser([StatusReported, ScoreRequested, HoursBooked, Flagged], [MAPPING])
REPORT = {
    "Project": "3",
    "At": "05/01/2014 12:00",
    "Phase": "D",
    "Due": "01/14/2020",
    "Budget": "5",
}
HOURS = {"Id": "1", "Project": "3", "At": "2020-01-01T00:00:00Z", "Hours": "5", "Red": ""}


def canonical(raw: bytes) -> Event:
    return CANONICALISER.event(raw, NOW)


def vendor(**changed: Any) -> bytes:
    return payload(type="vendor.report", data={**REPORT, **changed}, time=None, subject=None)


def hours(type_: str = "vendor.hours", **changed: Any) -> bytes:
    return payload(type=type_, data={**HOURS, **changed})


def said(**fields: Any) -> bytes:
    return payload(data=fields)


def budget(amount: object, currency: object = "USD") -> bytes:
    return said(budget_forecast={"amount": amount, "currency": currency})


BAD: list[tuple[bytes, type[BadEvent], str]] = [
    (b"{not json", Malformed, "JSON is malformed"),
    (b"\xff", Malformed, "JSON is malformed"),
    (b"[]", Malformed, "array"),
    (b" " * (10 << 20), TooLarge, "10,485,760 bytes"),
    (payload(title="x" * (10 << 20)), TooLarge, "bytes"),
    # types
    (payload(type="nobody.knows"), UnknownType, r"'nobody.knows'; known: \['hours.booked'"),
    (payload(type="t" * 100_000), UnknownType, "'ttt.*known: .{,200}$"),
    (hours("vendor.lost"), UnknownType, "'vendor' names the unknown fact 'nobody.knows'"),
    (payload(type="vendor.report", data=[]), Malformed, "data of a 'vendor.report' must be an obj"),
    (payload(type="vendor.report", data="x"), Malformed, "must be an object"),
    (payload(data=[]), InvalidValue, r"project.status_reported: all: .* \(got \[\]\)"),
    (payload(data="x"), InvalidValue, r"\(got 'x'\)"),
    # times
    (payload(time=None), TimeOutOfRange, "event 'a-1' has no time"),
    (payload(time="2020-01-01T00:00:00"), TimeOutOfRange, "2020-01-01T00:00:00 has no zone"),
    (payload(time="1890-01-01T00:00:00Z"), TimeOutOfRange, "1890-01-01.*before 1990"),
    (payload(time="2036-01-01T00:00:00Z"), TimeOutOfRange, "2036-01-01.*ahead"),
    (vendor(At="05/01/1889 12:00"), TimeOutOfRange, "1889-05-01.*before 1990"),
    (vendor(At="05/01/2036 12:00"), TimeOutOfRange, "2036-05-01.*ahead"),
    (vendor(At="12/31/9999 23:59"), TimeOutOfRange, "'At' is out of all range; got '12/31/9999"),
    (vendor(At=""), TimeOutOfRange, "'At', the time of the event, is missing"),
    (vendor(At=None), TimeOutOfRange, "'At', the time of the event, is missing"),
    (
        vendor(At="2014-05-01"),
        InvalidValue,
        "'At' must be a time of the form %m.*; got '2014-05-01'",
    ),
    (hours(At="01/01/2014"), InvalidValue, "'At' must be a time of the form ISO 8601; got '01/01"),
    # subjects
    (payload(subject=None), InvalidValue, "event 'a-1' needs a subject like 'project:123'; got ''"),
    (payload(subject="project:"), InvalidValue, "got 'project:'"),
    (payload(subject="project: 1"), InvalidValue, "got 'project: 1'"),
    (payload(subject="project:1\n"), InvalidValue, r"got 'project:1\\n'"),
    (payload(subject="person:1"), InvalidValue, "'project:123'; got 'person:1'"),
    (payload(subject="3"), InvalidValue, "got '3'"),
    (payload(subject="project:" + "1" * 500), InvalidValue, r"got 'project:1*\.\.\.1*'"),
    (vendor(Project="A3"), InvalidValue, r"'Project' must name a project like .*; got 'A3'"),
    (vendor(Project=3.5), InvalidValue, "'Project' must name .*; got '3.5'"),
    (vendor(Project=None), InvalidValue, "'Project' must name .*; got None"),
    (vendor(Project="1" * 501), InvalidValue, r"'Project' must name .*; got '1*\.\.\.1*'"),
    (vendor(Project=["3"]), InvalidValue, r"'Project' must be one value; got \['3'\]"),
    # columns
    (hours(type_="vendor.report"), InvalidValue, r"no field 'Phase'; it has \['Id', 'Project'"),
    # amounts
    (vendor(Budget="5 EUR"), WrongUnit, "'Budget' must be an amount in USD; got '5 EUR'"),
    (vendor(Budget="5EUR"), WrongUnit, "got '5EUR'"),
    (vendor(Budget="5 usd"), WrongUnit, "got '5 usd'"),
    (vendor(Budget="5 million dollars"), WrongUnit, "got '5 million dollars'"),
    (vendor(Budget="5 USD or so"), WrongUnit, "got '5 USD or so'"),
    (vendor(Budget="5%"), WrongUnit, "got '5%'"),
    (vendor(Budget="0x10"), WrongUnit, "got '0x10'"),
    (vendor(Budget="1,5"), InvalidValue, "'Budget' must be a finite number; got '1,5'"),
    (vendor(Budget="1234,56"), InvalidValue, "got '1234,56'"),
    (vendor(Budget="1.234.567"), InvalidValue, "got '1.234.567'"),
    (vendor(Budget="1 000"), InvalidValue, "got '1 000'"),
    (vendor(Budget="1_000"), InvalidValue, "got '1_000'"),
    (vendor(Budget="--5"), InvalidValue, "got '--5'"),
    (vendor(Budget="$5"), InvalidValue, r"got '\$5'"),
    (vendor(Budget="lots"), InvalidValue, "got 'lots'"),
    (vendor(Budget=True), InvalidValue, "got 'True'"),
    (vendor(Budget={"a": 1}), InvalidValue, "'Budget' must be one value; got {'a': 1}"),
    (vendor(Budget="NaN"), InvalidValue, "'Budget' must be a finite number; got 'NaN'"),
    (vendor(Budget="-Infinity"), InvalidValue, "got '-Infinity'"),
    (vendor(Budget="inf"), InvalidValue, "got 'inf'"),
    (vendor(Budget="1e400"), InvalidValue, r"budget_forecast.amount: .*1E\+400"),
    (vendor(Budget="1e999999999"), InvalidValue, "budget_forecast.amount: .*999999999"),
    (vendor(Budget="1e" + "9" * 30), InvalidValue, "'Budget' must be a number; got '1e99"),
    (vendor(Budget="1" * 100_000), InvalidValue, r"budget_forecast.amount: .{,300}$"),
    (hours(Hours="5 h"), WrongUnit, "'Hours' must be a plain number; got '5 h'"),
    (hours(Hours="1e400"), InvalidValue, "hours.booked: hours: .*finite"),
    (hours(Hours=""), InvalidValue, "hours.booked: hours: .*None"),
    (
        hours("vendor.flagged", Red="maybe"),
        InvalidValue,
        "'Red' must be true or false; got 'maybe'",
    ),
    (budget("NaN"), InvalidValue, r"budget_forecast.amount: .*finite.*\(got 'NaN'\)"),
    (budget("Infinity"), InvalidValue, r"budget_forecast.amount: .*\(got 'Infinity'\)"),
    (budget("1e999999999"), InvalidValue, r"amount: .*\(got '1e999999999'\)"),
    (budget("1e" + "9" * 30), InvalidValue, "budget_forecast.amount: .*valid decimal"),
    (budget("1e6", "euro"), InvalidValue, r"budget_forecast.currency: .*\(got 'euro'\)"),
    (said(budget_forecast=5), InvalidValue, r"budget_forecast: .*\(got 5\)"),
    # other values
    (vendor(Due="2020-01-14"), InvalidValue, "'Due' must be a time of .*; got '2020-01-14'"),
    (vendor(Due="01/14/2020 or so"), InvalidValue, "'Due' .*; got '01/14/2020 or so'"),
    (vendor(Due="12/31/9999"), InvalidValue, r"forecast_completion: .*\(got '9999-12-31'\)"),
    (vendor(Due="01/01/0001"), InvalidValue, r"forecast_completion: .*\(got '0001-01-01'\)"),
    (vendor(Phase="x" * 201), InvalidValue, r"phase: .* 200 characters \(got 'x*\.\.\.x*'\)"),
    (said(phase=5), InvalidValue, r"project.status_reported: phase: .*\(got 5\)"),
    (said(phase=["D"]), InvalidValue, r"phase: .*\(got \['D'\]\)"),
    (said(forecast_completion=True), InvalidValue, r"forecast_completion: .*\(got True\)"),
    (said(forecast_completion="soon"), InvalidValue, r"forecast_completion: .*\(got 'soon'\)"),
    (said(nobody_knows=1), InvalidValue, r"nobody_knows: .*\(got 1\)"),
]


@pytest.mark.parametrize(
    ("raw", "kind", "says"), BAD, ids=[f"{kind.kind}-{says}" for _, kind, says in BAD]
)
def test_bad_input(raw: bytes, kind: type[BadEvent], says: str) -> None:
    with pytest.raises(BadEvent, match=says) as caught:
        canonical(raw)
    assert type(caught.value) is kind
    assert len(str(caught.value)) < 3000


def test_all_that_is_wrong_with_a_fact_is_said_at_once() -> None:
    with pytest.raises(InvalidValue) as caught:
        canonical(said(phase=5, owner="", nobody_knows=1))
    for field in ("phase: ", "owner: ", "nobody_knows: "):
        assert field in str(caught.value)


def test_a_hundred_thousand_wrong_fields_make_no_long_message() -> None:
    with pytest.raises(InvalidValue) as caught:
        canonical(said(**{f"f{n}": 1 for n in range(50_000)}))
    assert len(str(caught.value)) < 3000


@pytest.mark.parametrize(
    ("kind", "field"),
    [
        ("project.status_reported", "phase"),
        ("project.status_reported", "nobody_knows"),
        ("vendor.report", "Phase"),
        ("vendor.report", "Project"),
    ],
)
def test_json_nested_to_any_depth_is_refused(kind: str, field: str) -> None:
    for depth in [*range(1, 1100), 5_000, 100_000]:
        deep = b"[" * depth + b"]" * depth
        raw = payload(type=kind, data={**REPORT, field: "X"}).replace(b'"X"', deep)
        with pytest.raises(BadEvent):
            canonical(raw)


@pytest.mark.parametrize("end", ["!", " EUR", "\t" * 400_000 + "x", "," * 400_000])
@pytest.mark.parametrize("start", ["1", "1,", ",111", " ", "x", "."])
def test_no_amount_takes_long_to_refuse(start: str, end: str) -> None:
    raw = vendor(Budget=start * (400_000 // len(start)) + end)
    begun = time.perf_counter()
    with pytest.raises(BadEvent):
        canonical(raw)
    assert time.perf_counter() - begun < 2


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("5", "5"),
        (" 5.50 ", "5.50"),
        ("5 USD", "5"),
        ("5USD", "5"),
        ("1,234,567.89", "1234567.89"),
        ("-3", "-3"),
        ("+3", "3"),
        (".5", "0.5"),
        ("5.", "5"),
        ("1e6", "1E+6"),
        ("1.5E-3", "0.0015"),
        (7, "7"),
        (7.5, "7.5"),
        (1e12, "1000000000000.0"),
        ("10000000000000", "10000000000000"),
    ],
)
def test_an_amount(text: object, amount: str) -> None:
    fact = canonical(vendor(Budget=text)).fact
    assert isinstance(fact, StatusReported)
    assert fact.budget_forecast is not None
    assert str(fact.budget_forecast.amount) == amount


@given(st.decimals(-(10**13), 10**13, allow_nan=False, allow_infinity=False))
def test_every_amount_comes_through_as_it_is(amount: Decimal) -> None:
    fact = canonical(vendor(Budget=str(amount))).fact
    assert isinstance(fact, StatusReported)
    assert fact.budget_forecast is not None
    assert fact.budget_forecast.amount == amount


@pytest.mark.parametrize("nothing", ["", "NA", "  ", None])
def test_what_the_mapping_calls_missing_is_missing(nothing: str | None) -> None:
    fact = canonical(vendor(Budget=nothing, Phase=nothing, Due=nothing)).fact
    assert fact == StatusReported()


@pytest.mark.parametrize(("text", "flag"), [("Yes", True), (False, False), (1, True), ("", None)])
def test_a_flag(text: object, flag: bool | None) -> None:
    assert canonical(hours("vendor.flagged", Red=text)).fact == Flagged(red=flag)


def test_a_vendors_record_becomes_a_canonical_event() -> None:
    event = canonical(vendor())
    assert (event.type, event.subject, event.source, event.external_id) == (
        "project.status_reported",
        "project:3",
        "/tests",
        "3 05/01/2014 12:00",
    )
    assert event.time.isoformat() == "2014-05-01T16:00:00+00:00"
    assert event.fact.model_dump(exclude_none=True) == {
        "phase": "D",
        "forecast_completion": date(2020, 1, 14),
        "budget_forecast": {"amount": Decimal(5), "currency": "USD"},
    }


def test_the_same_record_is_the_same_event_in_whatever_envelope_it_comes() -> None:
    one = canonical(vendor())
    again = json.loads(vendor(Budget="6")) | {"id": "another"}
    assert canonical(json.dumps(again).encode()).id == one.id
    assert canonical(vendor(Project="4")).id != one.id
    assert canonical(vendor(At="05/01/2014 12:01")).id != one.id


def test_a_canonical_fact_needs_no_mapping() -> None:
    event = canonical(payload())
    assert event == Event(
        id=event_id("/tests", "a-1"),
        type="project.status_reported",
        subject="project:1",  # type: ignore[arg-type]
        occurred_at=START,
        source="/tests",
        fact=StatusReported(phase="Design"),
        external_id="a-1",
    )


def test_a_score_may_be_asked_of_any_kind_of_subject() -> None:
    asked = payload(type="score.requested", subject="person:7", data={"workflow": "sample_risk"})
    assert canonical(asked).fact == ScoreRequested(workflow="sample_risk")


def test_a_time_with_an_offset_is_the_same_instant_in_utc() -> None:
    assert canonical(payload(time="2020-01-01T02:00:00+02:00")).occurred_at == START


MINUTES = LogMapping.model_validate(
    {
        "name": "minutes",
        "source": "/minutes",
        "event": [
            {
                "type": "minutes.hours",
                "fact": "hours.booked",
                "id": ["Id"],
                "subject": {"kind": "project", "from": "Project"},
                "time": {"from": "At", "then": "Change"},
                "fields": {"hours": {"from": "Hours", "as": "number"}},
            }
        ],
    }
)


def in_minutes(change: str | None) -> Event:
    record = {**HOURS, "Change": change}
    return CANONICALISER.from_record(MINUTES, MINUTES.event[0], record, NOW)


def test_what_shares_an_instant_is_put_in_order_by_a_column() -> None:
    assert MINUTES.columns == {"Id", "Project", "At", "Hours", "Change"}
    assert [in_minutes(change).occurred_at - START for change in ("0", "3", "12")] == [0, 3, 12]


@pytest.mark.parametrize("change", [None, "", "-1", "1.5", "1000000", "two"])
def test_the_column_of_the_order_holds_whole_numbers_below_a_million(change: str | None) -> None:
    with pytest.raises(InvalidValue, match="'Change' must be a whole number below a million"):
        in_minutes(change)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=6,
)
nearly = st.one_of(
    json_values,
    st.sampled_from(
        ["", "NaN", "1e999999", "5 EUR", "9999-12-31T23:59:59-23:59", "project:1", "3"]
    ),
    st.datetimes().map(str),
    st.from_regex(r"[0-9,.eE+-]{0,8} ?[A-Z]{0,3}", fullmatch=True),
)
TYPES = st.sampled_from(
    ["project.status_reported", "vendor.report", "vendor.hours", "score.requested"]
)


def taken_or_refused(raw: bytes) -> None:
    try:
        event = canonical(raw)
    except BadEvent as error:
        says = str(error)
    else:
        assert msgspec.json.encode([event.id, event.subject])
        assert 0 < event.occurred_at <= NOW + 86_400_000_000
        return
    assert 0 < len(says) < 3000


@given(st.binary(max_size=200))
def test_arbitrary_bytes_raise_nothing_but_bad_event(raw: bytes) -> None:
    taken_or_refused(raw)


@given(st.data())
def test_a_good_payload_with_any_bytes_changed_raises_nothing_but_bad_event(
    data: st.DataObject,
) -> None:
    raw = bytearray(data.draw(st.sampled_from([payload(), vendor(), hours()])))
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    taken_or_refused(bytes(raw))


@given(
    TYPES,
    st.dictionaries(st.sampled_from(["id", "source", "subject", "time", "data"]), nearly),
    st.dictionaries(
        st.sampled_from([*REPORT, *HOURS, *StatusReported.model_fields, "workflow"]), nearly
    ),
)
@example("vendor.report", {}, {"At": "12/31/9999 23:59"})
@example("project.status_reported", {"time": "9999-12-31T23:59:59-23:59"}, {})
def test_any_values_in_any_field_raise_nothing_but_bad_event(
    kind: str, attributes: dict[str, object], fields: dict[str, object]
) -> None:
    record = {**(REPORT if kind == "vendor.report" else HOURS), **fields}
    envelope = {"data": record if kind.startswith("vendor") else fields, **attributes}
    taken_or_refused(payload(type=kind, **envelope))
