"""What every part of a declaration is: frozen, checked as it is made, and its mistakes told all
together.

A part that is wrong raises at once, as is right where a program declares something. Whoever loads
the declarations of others wants to hear of all mistakes, not of the first: within `collecting`,
a part that is wrong is made all the same, and what is wrong with it is kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from inspect import currentframe
from pathlib import Path
from traceback import walk_stack
from typing import Annotated, Any, Literal, Self

import msgspec
import pydantic
from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError, model_validator

from firm.errors import shown

Slug = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{1,48}$")]
Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=3)]
Role = Literal[
    "project_manager",
    "delivery_director",
    "resource_manager",
    "finance",
    "hr",
    "enterprise_integration",
    "data_scientist",
    "governance_reviewer",
    "process_owner",
    "auditor",
]


class Problem(msgspec.Struct, frozen=True):
    """Something that is wrong with a declaration.

    Attributes:
        where: the file, with the line if it is known, or the module.
        what: the part that is wrong, as "Feature 'amount'"; empty if it is the whole.
        reason: what is wrong with it, with the value, and what would be right.
    """

    where: str
    what: str
    reason: str

    def __str__(self) -> str:
        return ": ".join(part for part in (self.where, self.what, self.reason) if part)


_collected: ContextVar[list[Problem] | None] = ContextVar("collected", default=None)


@contextmanager
def collecting() -> Iterator[list[Problem]]:
    """Within it, what is wrong with declarations is added to the list instead of raised."""
    found: list[Problem] = []
    token = _collected.set(found)
    try:
        yield found
    finally:
        _collected.reset(token)


class Declared(BaseModel):
    """A part of a declaration: frozen, and refused if it has a field that nobody knows."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    def __init__(self, **said: Any) -> None:
        try:
            super().__init__(**said)
        except ValidationError as error:
            found = _collected.get()
            if found is None:
                raise
            self._take_over(said)
            where, what = _caller(), _named(type(self).__name__, said)
            reasons = [*_of_fields(error), *self._as_far_as_they_show()]
            found += [Problem(where, what, reason) for reason in reasons]

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """See pydantic; what followed from the original is worked out anew."""
        copied = super().model_copy(update=update, deep=deep)
        for name in copied.__dict__.keys() - type(self).model_fields.keys():
            del copied.__dict__[name]
        return copied

    def inconsistencies(self) -> Iterator[str]:
        """What does not fit together although each field by itself is right."""
        return iter(())

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        if problems := list(self.inconsistencies()):
            raise ValueError("; ".join(problems))
        return self

    def _take_over(self, said: dict[str, Any]) -> None:
        """Hold what was said, unchecked, so that what uses this part can be looked at too."""
        unchecked = type(self).model_construct(**said)
        for name in ("__dict__", "__pydantic_fields_set__", "__pydantic_private__"):
            object.__setattr__(self, name, getattr(unchecked, name))
        object.__setattr__(self, "__pydantic_extra__", None)

    def _as_far_as_they_show(self) -> Iterator[str]:
        try:
            yield from self.inconsistencies()
        except (AttributeError, TypeError):
            return  # a field that is wrong, and named as such, hides the rest


def problems_of(error: ValidationError) -> list[str]:
    """Each problem of a failed validation in one line: where, what, and the value."""
    return [
        f"{'.'.join(str(part) for part in p['loc']) or 'all'}: {p['msg']} (got {shown(p['input'])})"
        for p in error.errors(include_url=False)
    ]


def _of_fields(error: ValidationError) -> list[str]:
    """Those of single fields: what does not fit together is asked for by itself."""
    return [
        problem
        for problem, detail in zip(problems_of(error), error.errors(), strict=True)
        if detail["loc"]
    ]


def _named(kind: str, said: dict[str, Any]) -> str:
    name = next((said[key] for key in ("name", "slug", "kind") if key in said), None)
    return kind if name is None else f"{kind} {name!r}"


def _caller() -> str:
    """The line outside of this package and of pydantic that declares."""
    inside = tuple(str(Path(file).parent) for file in (__file__, str(pydantic.__file__)))
    for frame, line in walk_stack(currentframe()):
        if not frame.f_code.co_filename.startswith(inside):
            return f"{frame.f_code.co_filename}:{line}"
    return ""
