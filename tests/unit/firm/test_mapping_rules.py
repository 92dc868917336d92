"""Several rules share a log; texts are cut out, translated and read as times, or are constants."""

from __future__ import annotations

import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from firm.canonical import Canonicaliser, rule_for
from firm.envelope import Envelope, seal_envelope
from firm.errors import DeclarationError, NoRule
from firm.events import Event
from firm.facts import PaymentRequestMoved, TicketUpdated
from firm.mapping import LogMapping, read_mapping
from tests.unit.firm.samples import NOW

MAPPING = """
name = "travel"
source = "/travel"
missing = ["", "?"]
[[event]]
type = "travel.declaration"
fact = "payment_request.moved"
when = { "concept:name" = '^Declaration|^Payment' }
id = ["case", "time:timestamp"]
subject = { kind = "payment_request", from = "case" }
time = { from = "time:timestamp" }
[event.fields]
step = { from = "concept:name", values = { SUBMITTED = "submitted", '^Payment' = "paid", '' = "other" } }
role = { from = "concept:name", pattern = ' by (.+)$' }
unit = { value = "university" }
[[event]]
type = "travel.ticket"
fact = "ticket.updated"
when = { "concept:name" = '^Ticket', case = '^T' }
id = ["case", "at"]
subject = { kind = "ticket", from = "case" }
time = { from = "at", format = "%d/%m/%Y %H:%M" }
[event.fields]
state = { value = "New" }
reassignments = { value = 0 }
within_sla = { value = true }
opened_at = { from = "at", as = "time", format = "%d/%m/%Y %H:%M", zone = "Europe/Lisbon" }
"""  # noqa: E501  (a line of TOML cannot be broken)
BLANK = {"concept:name": None, "case": None, "time:timestamp": None, "at": None}
CANONICALISER = Canonicaliser(
    [PaymentRequestMoved, TicketUpdated], [LogMapping.model_validate(tomllib.loads(MAPPING))]
)


def mapped(**record: Any) -> Event:
    mapping = LogMapping.model_validate(tomllib.loads(MAPPING))
    whole = BLANK | {name.replace("concept", "concept:name"): v for name, v in record.items()}
    return CANONICALISER.from_record(mapping, rule_for(mapping, whole), whole, NOW)


def payment(activity: str, at: Any = "2018-02-01T08:00:00Z") -> Event:
    return mapped(concept=activity, case="d1", **{"time:timestamp": at})


def moved(activity: str) -> PaymentRequestMoved:
    fact = payment(activity).fact
    assert isinstance(fact, PaymentRequestMoved)
    return fact


def test_a_record_goes_to_the_first_rule_that_takes_it() -> None:
    assert payment("Payment Handled").type == "payment_request.moved"
    assert mapped(concept="Ticket opened", case="T1", at="29/2/2016 01:16").type == "ticket.updated"


def test_a_record_that_no_rule_takes_is_refused_by_name() -> None:
    with pytest.raises(NoRule, match="no rule takes this record"):
        mapped(concept="Ticket opened", case="d1")
    with pytest.raises(NoRule):
        mapped(concept="?", case="T1")


def test_the_first_expression_that_is_found_translates() -> None:
    steps = [moved(a).step for a in ("Declaration SUBMITTED by X", "Payment", "Declaration SAVED")]
    assert steps == ["submitted", "paid", "other"]


def test_a_pattern_cuts_out_its_group_and_misses_where_it_does_not_match() -> None:
    assert moved("Declaration SUBMITTED by BUDGET OWNER").role == "BUDGET OWNER"
    assert moved("Payment Handled").role is None


def test_a_day_first_time_is_read_in_its_zone() -> None:
    event = mapped(concept="Ticket", case="T1", at="29/7/2016 01:16")
    assert isinstance(event.fact, TicketUpdated)
    assert event.time == datetime(2016, 7, 29, 1, 16, tzinfo=UTC)
    assert event.fact.opened_at == datetime(2016, 7, 29, 0, 16, tzinfo=UTC)


def test_an_instant_gives_one_id_however_it_is_written() -> None:
    texts = [
        "2018-02-01T08:00:00Z",
        "2018-02-01 09:00:00.000+01:00",
        datetime(2018, 2, 1, 8, tzinfo=UTC),
    ]
    assert len({payment("Payment", at).id for at in texts}) == 1


def test_over_the_wire_the_rule_is_found_among_those_of_the_type() -> None:
    data = BLANK | {
        "concept:name": "Payment",
        "case": "d1",
        "time:timestamp": "2018-02-01T08:00:00Z",
    }
    payload = seal_envelope(Envelope("1", "/travel", "travel.declaration", data))
    assert CANONICALISER.event(payload, NOW) == payment("Payment")
    other = seal_envelope(Envelope("1", "/travel", "travel.ticket", data))
    with pytest.raises(NoRule):
        CANONICALISER.event(other, NOW)


def test_all_that_is_wrong_is_said_at_once(tmp_path: Path) -> None:
    file = tmp_path / "mapping.toml"
    file.write_text(
        MAPPING.replace("'^Ticket'", "'('")
        .replace("{ SUBMITTED", "{ '[' = 'x', SUBMITTED")
        .replace('{ value = "New" }', '{ value = "New", from = "x" }')
        .replace("{ value = 0 }", "{ }")
        .replace("{ value = true }", '{ value = true, pattern = "x" }'),
        encoding="utf-8",
    )
    with pytest.raises(DeclarationError) as caught:
        read_mapping(file)
    said = "\n".join(caught.value.problems)
    for where in ("step.values.[", "1.when.concept:name", "fields.state", "fields.reassignments"):
        assert where in said
    assert "a constant is written as it is" in said
