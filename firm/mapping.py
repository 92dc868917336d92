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

An event is known by its source, its type and the columns of its `id`: with others, the same record
is another event. A record that comes in an envelope has that one's source; `source` is for files.

Several rules may share one log: the first whose `when` fits takes a record, and a record that none
fits is refused by name. Regular expressions are searched for anywhere in the text, so `^` and `$`
tie them down; those of a subject have to match the whole id.

when = { "concept:name" = '^Declaration' }         # each named column has to match its expression

[event.fields]
step = { from = "concept:name", values = { SUBMITTED = "submitted", '^Payment' = "paid", '' = "other" } }
role = { from = "concept:name", pattern = ' by (.+)$' }    # the first group, or the whole match
opened_at = { from = "opened_at", as = "time", format = "%d/%m/%Y %H:%M", zone = "Europe/Lisbon" }
channel = { value = "portal" }                     # the same for every record

The first expression of `values` that is found gives the value; where none is, or the pattern does
not match, the field is missing. So is a text in the list `missing`, as in `missing = ["", "?"]`.

A log that keeps minutes has events of one subject that share one. `then` puts them in order by a
column of whole numbers, as that of changes made so far; so many microseconds are added to the time:

time = { from = "sys_updated_at", format = "%d/%m/%Y %H:%M", then = "sys_mod_count" }

Where a CSV repeats the name of a column, the second is called `category_duplicated_0`, the third
`category_duplicated_1`. The columns of an XES log are its attributes: `concept:name` and so on of
the event, and with `case:` before it those of the trace. A time that has no `format` may be ISO
8601 or a timestamp already; within an `id` it counts as the instant, however it is written.
"""  # noqa: E501  (a line of TOML cannot be broken)

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
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

from firm.declared import problems_of
from firm.errors import DeclarationError
from firm.events import Fact
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


Pattern = Annotated[str, AfterValidator(_pattern)]
Zone = Annotated[str, AfterValidator(_zone)]


class Declared(BaseModel):
    """A part of a mapping file: frozen, and refused if it has a field that nobody knows."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class FieldFrom(Declared):
    """Where a fact's field comes from, and as what it is read: a column's text, cut out by
    `pattern` and translated by `values`, or the constant `value`."""

    column: str | None = Field(None, alias="from")
    value: str | int | float | bool | None = None
    kind: Literal["text", "number", "date", "time", "money", "flag"] = Field("text", alias="as")
    format: str | None = None
    zone: Zone = "UTC"
    currency: Currency | None = None
    pattern: Pattern | None = None
    values: dict[Pattern, str] = {}

    @model_validator(mode="after")
    def _holds_together(self) -> Self:
        problems = []
        if (self.kind == "money") != (self.currency is not None):
            problems.append("money, and nothing else, needs a currency")
        if (self.column is None) == (self.value is None):
            problems.append("a field comes from a column (from) or is a constant (value)")
        if self.column is None and self.model_fields_set - {"value"}:
            problems.append("a constant is written as it is, with nothing beside its value")
        if problems:
            raise ValueError("; ".join(problems))
        return self


class SubjectFrom(Declared):
    """Which column names the subject, of which kind it is, and what its id looks like."""

    kind: str
    column: str = Field(alias="from")
    pattern: Pattern = r"\S.*"


class TimeFrom(Declared):
    """Which column says when it happened; `format` as in strptime, ISO 8601 without one.

    `then` names a column of whole numbers that puts what shares an instant in order.
    """

    column: str = Field(alias="from")
    format: str | None = None
    zone: Zone = "UTC"
    then: str | None = None


class EventFrom(Declared):
    """How one type of the vendor's records becomes a canonical event; `when` says which of them:
    an expression for each column that decides."""

    type: str
    fact: str
    when: dict[str, Pattern] = {}
    id: tuple[str, ...]
    subject: SubjectFrom
    time: TimeFrom
    fields: dict[str, FieldFrom]

    @property
    def columns(self) -> set[str]:
        """The columns that it reads."""
        fields = {field.column for field in self.fields.values() if field.column is not None}
        then = () if self.time.then is None else (self.time.then,)
        return {*self.when, *self.id, self.subject.column, self.time.column, *then, *fields}


SILENCE_HOURS = 96.0
"""A long weekend: a source that sends nothing for longer is seldom only closed."""


class LogMapping(Declared):
    """All mappings of one vendor's log; `separator` is that of its CSV files.

    `silence_hours` is how long the source may send nothing before somebody is told.
    """

    name: str
    source: str
    silence_hours: Annotated[float, Field(gt=0)] = SILENCE_HOURS
    missing: tuple[str, ...] = ("",)
    separator: Annotated[str, Field(min_length=1, max_length=1)] = ","
    event: Annotated[tuple[EventFrom, ...], Field(min_length=1)]

    @property
    def columns(self) -> set[str]:
        """The columns that any of its rules reads."""
        return {column for rule in self.event for column in rule.columns}


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


def check_facts(mapping: LogMapping, facts: Mapping[str, type[Fact]]) -> None:
    """Hold a mapping against the facts that it speaks of, by type.

    Raises:
        DeclarationError: a rule names a fact, a field or a kind of subject that there is none of,
            or leaves out a field that its fact needs; every problem is named.
    """
    problems = [
        f"event.{place}: {problem}"
        for place, rule in enumerate(mapping.event)
        for problem in _against(rule, facts)
    ]
    if problems:
        raise DeclarationError(f"mapping {mapping.name!r}", problems)


def _against(rule: EventFrom, facts: Mapping[str, type[Fact]]) -> Iterator[str]:
    fact = facts.get(rule.fact)
    if fact is None:
        yield f"no workflow folds the fact {rule.fact!r}; there are {sorted(facts)}"
        return
    fields = fact.model_fields
    for name in sorted(set(rule.fields) - set(fields)):
        yield f"{rule.fact!r} has no field {name!r}; it has {sorted(fields)}"
    for name, field in fields.items():
        if field.is_required() and name not in rule.fields:
            yield f"{rule.fact!r} needs the field {name!r}"
    if fact.subject_kind not in {"*", rule.subject.kind}:
        yield f"{rule.fact!r} speaks of a {fact.subject_kind}, not of a {rule.subject.kind}"
