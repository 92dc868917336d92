"""The forms of the bodies that routes read themselves, for the OpenAPI document."""

from __future__ import annotations

from typing import Any

CLOUD_EVENT: dict[str, Any] = {
    "type": "object",
    "description": "`source` and `id` together are unique: what comes with both again is taken in "
    "once, over HTTP or on the topic.",
    "required": ["id", "source", "type", "data"],
    "properties": {
        "specversion": {"type": "string", "default": "1.0"},
        "id": {"type": "string", "minLength": 1, "maxLength": 500},
        "source": {"type": "string", "minLength": 1, "maxLength": 500},
        "type": {"type": "string", "minLength": 1},
        "subject": {"type": ["string", "null"]},
        "time": {"type": ["string", "null"], "format": "date-time"},
        "datacontenttype": {"type": "string"},
        "data": {"type": "object", "description": "the fact, or the vendor's record"},
    },
}
CLOUD_EVENT_EXAMPLE: dict[str, Any] = {
    "specversion": "1.0",
    "id": "psa-2017-09-01-3",
    "source": "/psa/eu",
    "type": "project.status_reported",
    "subject": "project:3",
    "time": "2017-09-01T00:00:00Z",
    "data": {"phase": "Construction", "forecast_completion": "2018-03-01"},
}
_TEXTS: dict[str, Any] = {"type": "array", "items": {"type": "string"}}
INFERENCE: dict[str, Any] = {
    "type": "object",
    "required": ["inputs"],
    "properties": {
        "id": {"type": ["string", "null"]},
        "parameters": {"type": "object"},
        "inputs": {
            "type": "array",
            "minItems": 1,
            "maxItems": 1,
            "items": {
                "type": "object",
                "required": ["name", "shape", "datatype", "data"],
                "properties": {
                    "name": {"const": "subject"},
                    "datatype": {"const": "BYTES"},
                    "shape": {
                        "type": "array",
                        "items": {"type": "integer", "minimum": 0, "maximum": 1000},
                    },
                    "data": _TEXTS,
                },
            },
        },
        "outputs": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["name"],
                "properties": {"name": {"enum": ["probability", "band", "decision_id", "stale"]}},
            },
        },
    },
}
INFERENCE_EXAMPLE: dict[str, Any] = {
    "inputs": [
        {
            "name": "subject",
            "shape": [2],
            "datatype": "BYTES",
            "data": ["project:3", "project:7"],
        }
    ]
}
INVOCATION: dict[str, Any] = {
    "type": "object",
    "required": ["params", "dataframe_split"],
    "properties": {
        "params": {
            "type": "object",
            "required": ["workflow"],
            "properties": {"workflow": {"type": "string"}},
        },
        "dataframe_split": {
            "type": "object",
            "required": ["columns", "data"],
            "properties": {
                "columns": {"const": ["subject"]},
                "data": {
                    "type": "array",
                    "items": {**_TEXTS, "minItems": 1, "maxItems": 1},
                },
            },
        },
    },
}
INVOCATION_EXAMPLE: dict[str, Any] = {
    "params": {"workflow": "delivery_risk"},
    "dataframe_split": {"columns": ["subject"], "data": [["project:3"], ["project:7"]]},
}
