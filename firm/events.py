"""What happens in a firm, in the past tense.

A *fact* is what an event says; an *event* is a fact with its id, its subject and its time. Facts
are the canonical vocabulary: vendors' payloads are mapped to them (`firm.mapping`), and workflows
fold them. A workflow may bring facts of its own; they are found through its declaration.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, ClassVar

import msgspec
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from firm.ids import EventId, EventRef, SubjectId
from firm.money import Money
from firm.time import Micros, to_datetime

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
EARLIEST, LATEST = date(1990, 1, 1), date(2200, 1, 1)
"""Dates that facts may speak of: outside them lie typing errors and placeholders, not plans."""
PlanDate = Annotated[date, Field(ge=EARLIEST, le=LATEST)]


class Fact(BaseModel):
    """What an event says. Subclasses name their type and the kind of subject they speak of."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    type: ClassVar[str]
    subject_kind: ClassVar[str]


class StatusReported(Fact):
    """The owner of a project states its phase, its forecast of completion and of cost."""

    type = "project.status_reported"
    subject_kind = "project"

    phase: Name | None = None
    forecast_completion: PlanDate | None = None
    budget_forecast: Money | None = None
    design_start: PlanDate | None = None
    category: Name | None = None
    region: Name | None = None
    owner: Name | None = None
    client: Name | None = None
    title: str | None = None


class ScoreRequested(Fact):
    """Somebody asks on the stream for a score of a subject as of the event's time."""

    type = "score.requested"
    subject_kind = "*"

    workflow: Name


class Position(msgspec.Struct, frozen=True, gc=False, order=True):
    """Where in the log of canonical events a record stands."""

    partition: int
    offset: int


class Event(msgspec.Struct, frozen=True, gc=False):
    """A fact with its identity: the id is the same however often, and by whichever way, the event
    is delivered, and no event of another source has it.

    Attributes:
        id: derived from the source and what the source knows the event by (`firm.ids.event_id`).
        occurred_at: microseconds since 1970, UTC; when it happened, not when it came.
        source: the system of record, as a CloudEvents source.
        external_id: what the source knows it by: the CloudEvents id, or of a record that is mapped
            the columns of its `id`; for people to read and to search by.
    """

    id: EventId
    type: str
    subject: SubjectId
    occurred_at: Micros
    source: str
    fact: Fact
    external_id: str = ""

    @property
    def ref(self) -> EventRef:
        """How its sender names it."""
        return EventRef(self.source, self.external_id)

    @property
    def time(self) -> datetime:
        """When it happened, as an aware UTC time."""
        return to_datetime(self.occurred_at)
