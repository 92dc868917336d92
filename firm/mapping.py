"""A declarative mapping from a vendor's records to canonical events, read from TOML.

name = "capital_projects"
source = "/nyc/capital-projects"

[[event]]
type = "nyc.capital_projects.status_report"     # the CloudEvents type of the vendor's record
fact = "project.status_reported"
id = ["PID", "Date Reported As Of"]
subject = { kind = "project", from = "PID", pattern = '\\d+' }
time = { from = "Date Reported As Of", format = "%m/%d/%Y %I:%M:%S %p" }

[event.fields]
budget_forecast = { from = "Budget Forecast", as = "money", currency = "USD" }
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from firm.errors import DeclarationError, shown
from firm.money import Currency


def _pattern(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"is no regular expression: {error}") from error
    return text


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, OSError, ValueError) as error:  # an OSError for a folder, as Europe is
        raise ValueError("is no time zone like Europe/Berlin") from error
    return name


class Declared(BaseModel):
    """A part of a mapping file: frozen, and refused if it has a field that nobody knows."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class FieldFrom(Declared):
    """Where a fact's field comes from, and as what it is read."""

    column: str = Field(alias="from")
    kind: Literal["text", "number", "date", "money", "flag"] = Field("text", alias="as")
    format: str | None = None
    currency: Currency | None = None

    @model_validator(mode="after")
    def _money_names_its_currency(self) -> Self:
        if (self.kind == "money") != (self.currency is not None):
            raise ValueError("money, and nothing else, needs a currency")
        return self


class SubjectFrom(Declared):
    """Which column names the subject, of which kind it is, and what its id looks like."""

    kind: str
    column: str = Field(alias="from")
    pattern: Annotated[str, AfterValidator(_pattern)] = r"\S.*"


class TimeFrom(Declared):
    """Which column says when it happened; `format` as in strptime, ISO 8601 without one."""

    column: str = Field(alias="from")
    format: str | None = None
    zone: Annotated[str, AfterValidator(_zone)] = "UTC"


class EventFrom(Declared):
    """How one type of the vendor's records becomes a canonical event."""

    type: str
    fact: str
    id: tuple[str, ...]
    subject: SubjectFrom
    time: TimeFrom
    fields: dict[str, FieldFrom]


class LogMapping(Declared):
    """All mappings of one vendor's log."""

    name: str
    source: str
    missing: tuple[str, ...] = ("",)
    event: tuple[EventFrom, ...]


def read_mapping(path: Path) -> LogMapping:
    """Read and check a mapping file.

    Raises:
        DeclarationError: it is not TOML or not a mapping; every problem is named.
    """
    try:
        return LogMapping.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except tomllib.TOMLDecodeError as error:
        raise DeclarationError(str(path), [str(error)]) from error
    except ValidationError as error:
        raise DeclarationError(str(path), problems_of(error)) from error


def problems_of(error: ValidationError) -> list[str]:
    """Each problem of a failed validation in one line: where, what, and the value."""
    return [
        f"{'.'.join(str(part) for part in p['loc']) or 'all'}: {p['msg']} (got {shown(p['input'])})"
        for p in error.errors(include_url=False)
    ]
