"""From a payload to a canonical event: open the envelope, map the record, check every value."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from firm.envelope import Envelope, check_time, open_envelope
from firm.errors import InvalidValue, Malformed, TimeOutOfRange, UnknownType, WrongUnit
from firm.events import Event, Fact
from firm.ids import EventId, SubjectId, derived
from firm.mapping import EventFrom, FieldFrom, LogMapping, problems_of
from firm.time import Micros

Record = Mapping[str, Any]
_AMOUNT = re.compile(
    r"(?P<number>[-+]?[0-9][0-9,]*\.?[0-9]*(?:[eE][-+]?[0-9]+)?|\S+?)"
    r"(?:\s*(?P<unit>[A-Za-z]{1,4}))?"
)
_SUBJECT = re.compile(r"[a-z_]+:\S.*")


class Canonicaliser:
    """Turns payloads into canonical events, by the mappings of vendors' types.

    A payload whose type is itself a canonical fact (`project.status_reported`) needs no mapping.
    """

    def __init__(self, facts: Iterable[type[Fact]], mappings: Iterable[LogMapping] = ()) -> None:
        self._facts = {fact.type: fact for fact in facts}
        self._mapped: dict[str, tuple[LogMapping, EventFrom]] = {
            event.type: (mapping, event) for mapping in mappings for event in mapping.event
        }

    def event(self, payload: bytes, received_at: Micros) -> Event:
        """The canonical event of a payload.

        Raises:
            BadEvent: its kind is the reason: malformed, too large, of an unknown type, with an
                invalid value, a wrong unit or an impossible time.
        """
        envelope = open_envelope(payload)
        if (mapped := self._mapped.get(envelope.type)) is not None:
            if not isinstance(envelope.data, dict):
                raise Malformed(f"the data of a {envelope.type!r} must be an object")
            return self.from_record(*mapped, envelope.data, received_at)
        if (fact := self._facts.get(envelope.type)) is not None:
            return _from_canonical(fact, envelope, received_at)
        known = sorted([*self._mapped, *self._facts])
        raise UnknownType(f"no mapping and no fact has the type {envelope.type!r}; known: {known}")

    def from_record(
        self, mapping: LogMapping, rule: EventFrom, record: Record, received_at: Micros
    ) -> Event:
        """The canonical event of one record of a vendor's log; raises as `event` does."""
        fact = self._facts.get(rule.fact)
        if fact is None:
            raise UnknownType(f"mapping {mapping.name!r} names the unknown fact {rule.fact!r}")
        read = _Reader(record, mapping.missing)
        fields = {name: read.field(field) for name, field in rule.fields.items()}
        key = [read.text(column) or "" for column in rule.id]
        return Event(
            id=EventId(derived(mapping.source, rule.type, *key)),
            type=rule.fact,
            subject=SubjectId(_subject(rule, read.text(rule.subject.column))),
            occurred_at=check_time(
                _moment(read.text(rule.time.column), rule.time.format, rule.time.zone), received_at
            ),
            source=mapping.source,
            fact=_fact(fact, fields),
        )


class _Reader:
    """Reads typed values out of one record; what the mapping calls missing is None."""

    def __init__(self, record: Record, missing: tuple[str, ...]) -> None:
        self._record = record
        self._missing = missing

    def text(self, column: str) -> str | None:
        if column not in self._record:
            raise InvalidValue(f"the record has no field {column!r}; it has {list(self._record)}")
        value = self._record[column]
        if value is None or (text := str(value).strip()) in self._missing:
            return None
        return text

    def field(self, field: FieldFrom) -> Any:
        text = self.text(field.column)
        return None if text is None else _READ[field.kind](text, field)


def _date(text: str, field: FieldFrom) -> str:
    return _moment(text, field.format, "UTC").date().isoformat()


def _number(text: str, field: FieldFrom) -> str:
    match = _AMOUNT.fullmatch(text)
    if match is None or match["unit"]:
        raise WrongUnit(f"{field.column!r} must be a plain number; got {text!r:.80}")
    return str(_decimal(match["number"], field))


def _money(text: str, field: FieldFrom) -> dict[str, str]:
    match = _AMOUNT.fullmatch(text)
    unit = match["unit"] if match else None
    if match is None or (unit is not None and unit != field.currency):
        raise WrongUnit(f"{field.column!r} must be an amount in {field.currency}; got {text!r:.80}")
    return {"amount": str(_decimal(match["number"], field)), "currency": field.currency or ""}


def _decimal(text: str, field: FieldFrom) -> Decimal:
    try:
        number = Decimal(text.replace(",", ""))
    except InvalidOperation as error:
        raise InvalidValue(f"{field.column!r} must be a number; got {text!r:.80}") from error
    if not number.is_finite():
        raise InvalidValue(f"{field.column!r} must be a finite number; got {text!r:.80}")
    return number


def _flag(text: str, field: FieldFrom) -> bool:
    truth = {"true": True, "false": False, "1": True, "0": False, "yes": True, "no": False}
    if text.lower() not in truth:
        raise InvalidValue(f"{field.column!r} must be true or false; got {text!r:.80}")
    return truth[text.lower()]


_READ: Mapping[str, Callable[[str, FieldFrom], Any]] = {
    "text": lambda text, field: text,
    "number": _number,
    "date": _date,
    "money": _money,
    "flag": _flag,
}


def _moment(text: str | None, format_: str | None, zone: str) -> datetime:
    if text is None:
        raise TimeOutOfRange("the time of the event is missing")
    try:
        moment = datetime.strptime(text, format_) if format_ else datetime.fromisoformat(text)  # noqa: DTZ007 (the zone follows)
    except ValueError as error:
        raise InvalidValue(
            f"{text!r:.80} is no time of the form {format_ or 'ISO 8601'}"
        ) from error
    return moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


def _subject(rule: EventFrom, text: str | None) -> str:
    subject = rule.subject
    if text is None or not re.fullmatch(subject.pattern, text):
        raise InvalidValue(
            f"{subject.column!r} must name a {subject.kind} like {subject.pattern!r}; "
            f"got {text!r:.80}"
        )
    return f"{subject.kind}:{text}"


def _fact(fact: type[Fact], fields: object) -> Fact:
    try:
        return fact.model_validate(fields)
    except ValidationError as error:
        raise InvalidValue(f"{fact.type}: " + "; ".join(problems_of(error))) from error


def _from_canonical(fact: type[Fact], envelope: Envelope, received_at: Micros) -> Event:
    if envelope.time is None:
        raise TimeOutOfRange(f"event {envelope.id!r} has no time; say when it happened")
    subject = envelope.subject or ""
    kind_ok = fact.subject_kind in {"*", subject.split(":", 1)[0]}
    if not _SUBJECT.fullmatch(subject) or not kind_ok:
        raise InvalidValue(
            f"event {envelope.id!r} needs a subject like '{fact.subject_kind}:123'; "
            f"got {subject!r:.80}"
        )
    return Event(
        id=EventId(envelope.id),
        type=envelope.type,
        subject=SubjectId(subject),
        occurred_at=check_time(envelope.time, received_at),
        source=envelope.source,
        fact=_fact(fact, envelope.data),
    )
