"""Holds messages against the AsyncAPI document."""

from __future__ import annotations

import json
from typing import Any

from jsonschema import Draft7Validator


def payload_schema(described: dict[str, Any], message: str) -> Draft7Validator:
    """What a message's payload has to be."""
    payload = described["components"]["messages"][message]["payload"]
    return Draft7Validator({**payload, "components": described["components"]})


def check(described: dict[str, Any], message: str, payload: bytes) -> None:
    """Raise ValidationError where a payload is not as it is described."""
    payload_schema(described, message).validate(json.loads(payload))
