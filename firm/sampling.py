"""Sample facts, to try a declaration on: each field filled in, only what is needed, and each of the
words that a field may have."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from firm.events import Fact
from firm.money import Money

_VALUES: tuple[Any, ...] = (
    "sample",
    "1",
    1,
    1.5,
    True,
    date(2024, 5, 17),
    datetime(2024, 5, 17, 9, 30, tzinfo=UTC),
    Decimal(1),
    Money(amount=Decimal(1000), currency="USD"),
    (),
    {},
)
"""A field gets the first of these that it takes."""


def samples(fact: type[Fact]) -> list[Fact]:
    """Facts of this type, the fullest first; none if a field takes no value that is known here."""
    try:
        full = {name: _value(field) for name, field in fact.model_fields.items()}
        bare = {name: full[name] for name, f in fact.model_fields.items() if f.is_required()}
        return [fact(**said) for said in (full, bare, *_variants(fact, full))]
    except ValidationError:
        return []


def _variants(fact: type[BaseModel], full: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for name, field in fact.model_fields.items():
        for word in _words(field.annotation):
            yield {**full, name: word}


def _value(field: FieldInfo) -> Any:
    words = list(_words(field.annotation))
    kind: Any = Annotated[field.annotation, *field.metadata] if field.metadata else field.annotation
    taken = TypeAdapter(kind)
    for value in (*words, *_VALUES):
        try:
            return taken.validate_python(value, strict=True)
        except ValidationError:
            continue
    return None


def _words(annotation: Any) -> Iterator[Any]:
    """The words of a Literal, also of one that may be missing."""
    if get_origin(annotation) is Literal:
        yield from get_args(annotation)
    else:
        for part in get_args(annotation):
            if get_origin(part) is Literal:
                yield from get_args(part)
