"""From a payload to a canonical event: open the envelope, map the record, check every value."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from firm.declared import problems_of
from firm.envelope import LONGEST_ID, Envelope, check_time, open_envelope
from firm.errors import (
    InvalidValue,
    Malformed,
    NoRule,
    TimeOutOfRange,
    UnknownType,
    WrongUnit,
    shown,
)
from firm.events import Event, Fact
from firm.ids import SubjectId, event_id
from firm.mapping import EventFrom, FieldFrom, LogMapping, TimeFrom
from firm.time import Micros

Record = Mapping[str, Any]
_NUMBER = re.compile(
    r"[-+]?(?:(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?"
)
_SUBJECT = re.compile(r"[a-z_]+:\S.*")


class Canonicaliser:
    """Turns payloads into canonical events, by the mappings of vendors' types.

    A payload whose type is itself a canonical fact (`project.status_reported`) needs no mapping.
    """

    def __init__(self, facts: Iterable[type[Fact]], mappings: Iterable[LogMapping] = ()) -> None:
        self._facts = {fact.type: fact for fact in facts}
        self._mapped: dict[str, list[tuple[LogMapping, EventFrom]]] = {}
        for mapping in mappings:
            for rule in mapping.event:
                self._mapped.setdefault(rule.type, []).append((mapping, rule))

    def event(self, payload: bytes, received_at: Micros) -> Event:
        """The canonical event of a payload.

        Raises:
            BadEvent: its kind is the reason: malformed, too large, of an unknown type, taken by no
                rule, with an invalid value, a wrong unit or an impossible time.
        """
        envelope = open_envelope(payload)
        if (mapped := self._mapped.get(envelope.type)) is not None:
            if not isinstance(envelope.data, dict):
                raise Malformed(f"the data of a {envelope.type!r} must be an object")
            fitting = _first_that_fits(mapped, envelope.data)
            return self.from_record(*fitting, envelope.data, received_at, envelope.source)
        if (fact := self._facts.get(envelope.type)) is not None:
            return _from_canonical(fact, envelope, received_at)
        known = sorted([*self._mapped, *self._facts])
        raise UnknownType(
            f"no mapping and no fact has the type {shown(envelope.type)}; known: {known}"
        )

    def from_record(
        self,
        mapping: LogMapping,
        rule: EventFrom,
        record: Record,
        received_at: Micros,
        source: str | None = None,
    ) -> Event:
        """The canonical event of a record that this rule takes; raises as `event` does.

        `source` is the system that sent it: without one, as in a file, that of the mapping.
        """
        fact = self._facts.get(rule.fact)
        if fact is None:
            raise UnknownType(f"mapping {mapping.name!r} names the unknown fact {rule.fact!r}")
        read = _Reader(record, mapping.missing)
        fields = {name: read.field(field) for name, field in rule.fields.items()}
        key = [read.key(column, rule.time) for column in rule.id]
        if not any(key):
            raise InvalidValue(
                f"{', '.join(map(repr, rule.id))}, the id of the event, is missing: this and "
                "the next such event would count as the same"
            )
        source = source or mapping.source
        return Event(
            id=event_id(source, rule.type, *key),
            type=rule.fact,
            subject=SubjectId(_subject(rule, read.text(rule.subject.column))),
            occurred_at=check_time(read.time(rule.time), received_at),
            source=source,
            fact=_fact(fact, fields),
            external_id=" ".join(key),
        )


def rule_for(mapping: LogMapping, record: Record) -> EventFrom:
    """The first rule of the mapping that takes the record; raises NoRule."""
    return _first_that_fits([(mapping, rule) for rule in mapping.event], record)[1]


def _first_that_fits(
    rules: Iterable[tuple[LogMapping, EventFrom]], record: Record
) -> tuple[LogMapping, EventFrom]:
    tried = []
    for mapping, rule in rules:
        if _fits(rule, _Reader(record, mapping.missing)):
            return mapping, rule
        tried.append(rule.when)
    raise NoRule(f"no rule takes this record; each wants one of {shown(tried)}")


def _fits(rule: EventFrom, read: _Reader) -> bool:
    texts = ((read.text(column), pattern) for column, pattern in rule.when.items())
    return all(text is not None and re.search(pattern, text) for text, pattern in texts)


class _Reader:
    """Reads typed values out of one record; what the mapping calls missing is None."""

    def __init__(self, record: Record, missing: tuple[str, ...]) -> None:
        self._record = record
        self._missing = missing

    def text(self, column: str) -> str | None:
        if column not in self._record:
            raise InvalidValue(
                f"the record has no field {column!r}; it has {shown(list(self._record))}"
            )
        value = self._record[column]
        if isinstance(value, dict | list):
            raise InvalidValue(f"{column!r} must be one value; got {shown(value)}")
        if value is None or (text := _text(value)) in self._missing:
            return None
        return text

    def field(self, field: FieldFrom) -> Any:
        if field.column is None:
            return field.value
        text = self.text(field.column)
        if text is not None and field.pattern is not None:
            text = _cut_out(text, field.pattern)
        if text is not None and field.values:
            text = _translated(text, field.values)
        return None if text is None else _READ[field.kind](text, field)

    def key(self, column: str, time: TimeFrom) -> str:
        if column == time.column and time.format is None:
            return self.time(time).astimezone(UTC).isoformat()
        return self.text(column) or ""

    def time(self, rule: TimeFrom) -> datetime:
        text = self.text(rule.column)
        if text is None:
            raise TimeOutOfRange(f"{rule.column!r}, the time of the event, is missing")
        return _instant(text, rule) + self._place(rule)

    def _place(self, rule: TimeFrom) -> timedelta:
        """How far after its instant an event is put, to come after others of that instant."""
        if rule.then is None:
            return timedelta(0)
        text = self.text(rule.then) or ""
        whole = re.fullmatch(r"([0-9]{1,6})(?:\.0+)?", text)
        if whole is None:
            raise InvalidValue(
                f"{rule.then!r} must be a whole number below a million; got {shown(text)}"
            )
        return timedelta(microseconds=int(whole[1]))


def _text(value: object) -> str:
    return value.isoformat() if isinstance(value, date) else str(value).strip()


def _cut_out(text: str, pattern: str) -> str | None:
    match = re.search(pattern, text)
    return None if match is None else (match[1] if match.re.groups else match[0])


def _translated(text: str, values: Mapping[str, str]) -> str | None:
    return next((value for pattern, value in values.items() if re.search(pattern, text)), None)


def _date(text: str, field: FieldFrom) -> str:
    return _moment(text, field.column, field.format).date().isoformat()


def _instant_field(text: str, field: FieldFrom) -> str:
    return _instant(text, field).isoformat()


def _number(text: str, field: FieldFrom) -> str:
    number, unit = _amount(text, field)
    if unit:
        raise WrongUnit(f"{field.column!r} must be a plain number; got {shown(text)}")
    return str(number)


def _money(text: str, field: FieldFrom) -> dict[str, str]:
    number, unit = _amount(text, field)
    if unit not in {"", field.currency}:
        raise WrongUnit(
            f"{field.column!r} must be an amount in {field.currency}; got {shown(text)}"
        )
    return {"amount": str(number), "currency": field.currency or ""}


def _amount(text: str, field: FieldFrom) -> tuple[Decimal, str]:
    """The number, and what follows it. A comma only parts thousands: "1,5" may mean 1.5 or 15."""
    match = _NUMBER.match(text)
    unit = text[match.end() :].strip() if match else ""
    if match is None or re.match(r"[\d.,_+-]", unit):
        raise InvalidValue(f"{field.column!r} must be a finite number; got {shown(text)}")
    try:
        return Decimal(match[0].replace(",", "")), unit
    except InvalidOperation as error:
        raise InvalidValue(f"{field.column!r} must be a number; got {shown(text)}") from error


def _flag(text: str, field: FieldFrom) -> bool:
    truth = {"true": True, "false": False, "1": True, "0": False, "yes": True, "no": False}
    if text.lower() not in truth:
        raise InvalidValue(f"{field.column!r} must be true or false; got {shown(text)}")
    return truth[text.lower()]


_READ: Mapping[str, Callable[[str, FieldFrom], Any]] = {
    "text": lambda text, field: text,
    "number": _number,
    "date": _date,
    "time": _instant_field,
    "money": _money,
    "flag": _flag,
}


def _instant(text: str, rule: TimeFrom | FieldFrom) -> datetime:
    moment = _moment(text, rule.column, rule.format)
    if moment.tzinfo:
        return moment
    try:
        return moment.replace(tzinfo=ZoneInfo(rule.zone)).astimezone(UTC)
    except OverflowError as error:
        raise TimeOutOfRange(f"{rule.column!r} is out of all range; got {shown(text)}") from error


@lru_cache(maxsize=10_000)
def _moment(text: str, column: str | None, format_: str | None) -> datetime:
    """Logs repeat their times: a date of opening stands on every record of its case."""
    try:
        return datetime.strptime(text, format_) if format_ else datetime.fromisoformat(text)  # noqa: DTZ007 (the zone follows)
    except ValueError as error:
        raise InvalidValue(
            f"{column!r} must be a time of the form {format_ or 'ISO 8601'}; got {shown(text)}"
        ) from error


def _subject(rule: EventFrom, text: str | None) -> str:
    subject = rule.subject
    if text is None or len(text) > LONGEST_ID or not re.fullmatch(subject.pattern, text):
        raise InvalidValue(
            f"{subject.column!r} must name a {subject.kind} like {subject.pattern!r}; "
            f"got {shown(text)}"
        )
    return f"{subject.kind}:{text}"


def _fact(fact: type[Fact], fields: object) -> Fact:
    try:
        return fact.model_validate(fields)
    except ValidationError as error:
        problems = "; ".join(problems_of(error))
        raise InvalidValue(f"{fact.type}: {problems:.2000}") from error


def _from_canonical(fact: type[Fact], envelope: Envelope, received_at: Micros) -> Event:
    if envelope.time is None:
        raise TimeOutOfRange(f"event {shown(envelope.id)} has no time; say when it happened")
    subject = envelope.subject or ""
    kind_ok = fact.subject_kind in {"*", subject.split(":", 1)[0]}
    if not _SUBJECT.fullmatch(subject) or not kind_ok or len(subject) > LONGEST_ID:
        raise InvalidValue(
            f"event {shown(envelope.id)} needs a subject like '{fact.subject_kind}:123'; "
            f"got {shown(subject)}"
        )
    return Event(
        id=event_id(envelope.source, envelope.id),
        type=envelope.type,
        subject=SubjectId(subject),
        occurred_at=check_time(envelope.time, received_at),
        source=envelope.source,
        fact=_fact(fact, envelope.data),
        external_id=envelope.id,
    )
