"""The AsyncAPI 3.0 document: every message that comes in or goes out beside the HTTP API.

It is derived from the declarations: the facts that workflows fold, the vendors' types that mappings
take, and the forms of decisions and dead letters.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib.metadata import version
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response

from firm.decision import Decision
from firm.envelope import LONGEST_ID
from firm.events import Fact
from firm.mapping import LogMapping
from firm.store import DeadLetter
from firm.workflow import Workflow
from headway.catalogue import facts_of
from stream.relay import DECISION_TYPE, SOURCE
from stream.topics import DECISIONS, EVENTS, GROUP

Json = dict[str, Any]
PATH = "/asyncapi.json"
REF = "#/components/schemas/{name}"
JSON = "application/cloudevents+json"


def document(workflows: Mapping[str, Workflow], mappings: Iterable[LogMapping]) -> Json:
    """The document, ready to be written as JSON."""
    facts = facts_of(dict(workflows))
    vendors = {rule.type: one for one in mappings for rule in one.event}
    events = {_name(type_): _fact_message(type_, fact) for type_, fact in facts.items()}
    events |= {_name(type_): _vendor_message(type_, one) for type_, one in vendors.items()}
    messages = {
        **events,
        "decision": _decision_message(),
        "webhook": {**_decision_message(), "headers": _signature()},
        "deadLetter": _dead_letter_message(),
    }
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Headway",
            "version": version("headway"),
            "description": "Events of a professional-services firm in, decisions out, as "
            "CloudEvents 1.0 in structured JSON. The HTTP API describes itself at /openapi.json.",
        },
        "defaultContentType": JSON,
        "channels": {
            "events": _topic(EVENTS, events, "Everything that happens, in order of arrival."),
            "decisions": _topic(DECISIONS, ["decision"], "Every decision, at least once."),
            "webhooks": _webhooks(),
            "deadLetters": {
                "address": None,
                "description": "No topic: kept in the database until they are redriven "
                "(`headway dead-letters`).",
                "messages": {"deadLetter": {"$ref": "#/components/messages/deadLetter"}},
            },
        },
        "operations": {
            "takeEvents": {
                "action": "receive",
                "channel": {"$ref": "#/channels/events"},
                "bindings": {"kafka": {"groupId": {"type": "string", "const": GROUP}}},
            },
            "publishDecisions": {"action": "send", "channel": {"$ref": "#/channels/decisions"}},
            "tellSubscribers": {
                "action": "send",
                "channel": {"$ref": "#/channels/webhooks"},
                "bindings": {"http": {"method": "POST"}},
            },
        },
        "components": {"messages": messages, "schemas": _schemas(facts)},
    }


def install(app: Starlette, described: Json) -> None:
    """Serve the document beside the OpenAPI document, to whoever may read that."""
    body = msgspec.json.encode(described)

    async def asyncapi(_request: Request) -> Response:
        return Response(body, media_type="application/json")

    app.add_route(PATH, asyncapi, include_in_schema=False)


def _topic(address: str, messages: Iterable[str], says: str) -> Json:
    return {
        "address": address,
        "description": says,
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in messages},
        "bindings": {"kafka": {"topic": address, "partitions": 1}},
    }


def _webhooks() -> Json:
    return {
        "address": None,
        "description": "The address of each subscriber (`headway webhooks add`): by HTTP POST, "
        "signed as Standard Webhooks are, at least once and for each subject in order.",
        "messages": {"webhook": {"$ref": "#/components/messages/webhook"}},
    }


def _name(type_: str) -> str:
    """A type as the name of a component: letters, digits, dots, dashes and underscores only."""
    return "".join(c if c.isalnum() or c in "._-" else "_" for c in type_)


def _fact_message(type_: str, fact: type[Fact]) -> Json:
    says = " ".join((fact.__doc__ or "").split())
    key = {"type": "string", "description": f"{fact.subject_kind}:ID, the event's subject"}
    return _message(type_, says, {"$ref": REF.format(name=fact.__name__)}, key)


def _vendor_message(type_: str, mapping: LogMapping) -> Json:
    says = f"A record of {mapping.source}, mapped by the declaration {mapping.name!r}."
    return _message(type_, says, {"type": "object"}, {"type": "string"})


def _decision_message() -> Json:
    key = {"type": "string", "description": "the subject, so that its decisions keep their order"}
    says = "A decision with all that it was taken on; the event's id is the decision's."
    return _message(DECISION_TYPE, says, {"$ref": REF.format(name="Decision")}, key, SOURCE)


def _signature() -> Json:
    """The headers of Standard Webhooks."""
    said = {
        "webhook-id": "the message's id, the same however often it is sent",
        "webhook-timestamp": "when it was sent, in seconds since 1970",
        "webhook-signature": "v1, and HMAC-SHA256 over id.timestamp.body in Base64",
    }
    properties = {name: {"type": "string", "description": words} for name, words in said.items()}
    return {"type": "object", "required": list(said), "properties": properties}


def _message(type_: str, says: str, data: Json, key: Json, source: str | None = None) -> Json:
    return {
        "name": type_,
        "summary": says,
        "contentType": JSON,
        "payload": _envelope(type_, data, source),
        "bindings": {"kafka": {"key": key}},
    }


def _dead_letter_message() -> Json:
    return {
        "name": "dead letter",
        "summary": "What could not be taken in, whole, with the reason.",
        "contentType": "application/json",
        "payload": {"$ref": REF.format(name="DeadLetter")},
    }


def _envelope(type_: str, data: Json, source: str | None) -> Json:
    """A CloudEvent of one type; attributes that are not listed are let through."""
    said = {"type": "string", "minLength": 1}
    return {
        "type": "object",
        "description": "`source` and `id` together are unique: what comes with both again is "
        "taken in once, whichever way it comes.",
        "required": ["id", "source", "type", "data"],
        "properties": {
            "specversion": {"const": "1.0"},
            "id": {**said, "maxLength": LONGEST_ID},
            "source": {**said, "maxLength": LONGEST_ID} if source is None else {"const": source},
            "type": {"const": type_},
            "subject": {"type": ["string", "null"]},
            "time": {"type": ["string", "null"], "format": "date-time"},
            "datacontenttype": {"const": "application/json"},
            "traceparent": {"type": "string", "description": "W3C trace context, if there is one"},
            "data": data,
        },
    }


def _schemas(facts: Mapping[str, type[Fact]]) -> Json:
    _, found = msgspec.json.schema_components([Decision, DeadLetter], ref_template=REF)
    schemas: Json = dict(found)
    for fact in facts.values():
        schema = fact.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas |= schema.pop("$defs", {})
        schemas[fact.__name__] = schema
    return schemas
