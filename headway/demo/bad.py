"""Bad inputs, one of each kind, sent by stream and by HTTP alike."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from firm.envelope import Envelope, seal_envelope
from firm.time import Micros, to_datetime

TEN_MEGABYTES = 10 << 20
UNKNOWN_SUBJECT = "unknown subject"
Data = Mapping[str, Any]


@dataclass(frozen=True)
class Sample:
    """An event of a log, to spoil.

    Attributes:
        fact, subject, data: a canonical event as it should be.
        unit: the type and the data of one that has a quantity in another unit than the log's.
        quantity: the field of a number; `money` is its currency where it is an amount.
    """

    fact: str
    subject: str
    data: Data
    unit: tuple[str, Data]
    quantity: str
    money: str | None = None

    @property
    def nobody(self) -> str:
        """A subject of this kind that nobody has heard of."""
        return f"{self.subject.partition(':')[0]}:does-not-exist"

    def with_quantity(self, text: str) -> Data:
        """The data with this text where a number should be."""
        found = text if self.money is None else {"amount": text, "currency": self.money}
        return {**self.data, self.quantity: found}


PROJECT = Sample(
    fact="project.status_reported",
    subject="project:3",
    data={"phase": "Design"},
    unit=("project.status_reported", {"budget_forecast": {"amount": "1e6", "currency": "EUR"}}),
    quantity="budget_forecast",
    money="USD",
)
TICKET = Sample(
    fact="ticket.updated",
    subject="ticket:3",
    data={
        "state": "New",
        "reassignments": 0,
        "within_sla": True,
        "opened_at": "2016-04-30T12:00:00Z",
    },
    unit=(
        "servicenow.incident_updated",
        {
            "number": "INC3",
            "ident_state": "New",
            "sys_updated_at": "30/4/2016 12:00",
            "sys_mod_count": "1",
            "opened_at": "30/4/2016 12:00",
            "made_sla": "true",
            "reassignment_count": "3 minutes",
        },
    ),
    quantity="reassignments",
)
REQUEST = Sample(
    fact="payment_request.moved",
    subject="payment_request:3",
    data={"step": "submitted"},
    unit=(
        "bpi2020.request_for_payment.step",
        {
            "id": "st_3",
            "case:concept:name": "request for payment 3",
            "concept:name": "Request For Payment SUBMITTED by EMPLOYEE",
            "time:timestamp": "2018-12-31T12:00:00Z",
            "(case)_RequestedAmount": "100 USD",
        },
    ),
    quantity="amount",
    money="EUR",
)


def bad_inputs(workflow: str, now: Micros, sample: Sample = PROJECT) -> dict[str, bytes]:
    """Payloads that must be refused, by what is wrong with them."""
    today = to_datetime(now)
    unit, data = sample.unit
    return {
        "not JSON": b"{not json",
        "unknown type": _event(sample, "unknown", today, type="nobody.knows"),
        "wrong unit": _event(sample, "unit", today, type=unit, data=data),
        "NaN": _event(sample, "nan", today, data=sample.with_quantity("NaN")),
        "infinity": _event(sample, "inf", today, data=sample.with_quantity("Infinity")),
        "far past": _event(sample, "past", today.replace(year=1890)),
        "far future": _event(sample, "future", today + timedelta(days=4000)),
        "10 MB payload": _event(sample, "large", today, data={"title": "x" * TEN_MEGABYTES}),
        UNKNOWN_SUBJECT: _event(
            sample,
            f"nobody:{workflow}",
            today,
            type="score.requested",
            subject=sample.nobody,
            data={"workflow": workflow},
        ),
    }


def _event(sample: Sample, key: str, time: Any, **changed: Any) -> bytes:
    envelope = {
        "id": f"demo-bad-{key}",
        "source": "/demo/bad",
        "type": sample.fact,
        "time": time,
        "subject": sample.subject,
        "data": sample.data,
        **changed,
    }
    return seal_envelope(Envelope(**envelope))
