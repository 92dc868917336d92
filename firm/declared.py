"""What every part of a declaration is made of."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, StringConstraints

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


class Declared(BaseModel):
    """A part of a declaration: frozen, and refused if it has a field that nobody knows."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)
