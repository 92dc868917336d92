"""Facts of the systems around the projects: the service desk and accounts payable."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from firm.events import Fact, Name
from firm.money import Money


class TicketUpdated(Fact):
    """A ticket of the service desk was opened, or one of its fields has changed."""

    type = "ticket.updated"
    subject_kind = "ticket"

    state: Name
    group: Name | None = None
    priority: Name | None = None
    impact: Name | None = None
    urgency: Name | None = None
    category: Name | None = None
    subcategory: Name | None = None
    symptom: Name | None = None
    location: Name | None = None
    caller: Name | None = None
    opened_by: Name | None = None
    channel: Name | None = None
    configuration_item: Name | None = None
    problem: Name | None = None
    reassignments: Annotated[int, Field(ge=0, le=10_000)]
    within_sla: bool
    opened_at: AwareDatetime


class PaymentRequestMoved(Fact):
    """A request for payment took a step on its way: somebody in a role did something to it."""

    type = "payment_request.moved"
    subject_kind = "payment_request"

    step: Literal["submitted", "approved", "rejected", "paid", "other"]
    role: Name | None = None
    unit: Name | None = None
    amount: Money | None = None
