"""The AsyncAPI document has the form of AsyncAPI 3.0, and says what the declarations say."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from jsonschema import Draft7Validator
from jsonschema.exceptions import ValidationError
from typer.testing import CliRunner

from firm.decision import as_json
from firm.events import StatusReported
from firm.store import DeadLetter
from headway.asyncapi import document
from headway.catalogue import declared, facts_of, mappings
from headway.cli import app
from stream.relay import decision_event
from stream.topics import DECISIONS, EVENTS
from tests.contract.store.samples import NOON, taken
from tests.described import check, payload_schema
from tests.stage import report

# The parts of AsyncAPI 3.0.0 that the document uses, with the members that the specification
# requires and allows (its own schema is on no registry that this house installs from).
ROOT = {"asyncapi", "id", "info", "servers", "defaultContentType", "channels", "operations",
        "components"}  # fmt: skip
CHANNEL = {"address", "messages", "title", "summary", "description", "servers", "parameters",
           "tags", "externalDocs", "bindings"}  # fmt: skip
OPERATION = {"action", "channel", "title", "summary", "description", "security", "tags",
             "externalDocs", "bindings", "traits", "messages", "reply"}  # fmt: skip
MESSAGE = {"headers", "payload", "correlationId", "contentType", "name", "title", "summary",
           "description", "tags", "externalDocs", "bindings", "examples", "traits"}  # fmt: skip
KEY = re.compile(r"[a-zA-Z0-9._-]+")


@pytest.fixture(scope="module")
def described() -> dict[str, Any]:
    return document(declared(), mappings().values())


def references(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        if isinstance(part.get("$ref"), str):
            yield part["$ref"]
        for value in part.values():
            yield from references(value)
    elif isinstance(part, list):
        for value in part:
            yield from references(value)


def resolve(described: Any, reference: str) -> Any:
    found = described
    for name in reference.removeprefix("#/").split("/"):
        found = found[name]
    return found


def test_it_has_the_form_of_asyncapi_3(described: dict[str, Any]) -> None:
    assert described["asyncapi"] == "3.0.0"
    assert described.keys() <= ROOT
    assert {"title", "version"} <= described["info"].keys()
    for channel in described["channels"].values():
        assert channel.keys() <= CHANNEL
        assert all(message.keys() == {"$ref"} for message in channel["messages"].values())
    for operation in described["operations"].values():
        assert {"action", "channel"} <= operation.keys() <= OPERATION
        assert operation["action"] in ("send", "receive")
        assert operation["channel"]["$ref"].startswith("#/channels/")
    for message in described["components"]["messages"].values():
        assert message.keys() <= MESSAGE
        Draft7Validator.check_schema(message["payload"])
    for schema in described["components"]["schemas"].values():
        Draft7Validator.check_schema(schema)
    parts = (described["channels"], described["operations"], *described["components"].values())
    assert all(KEY.fullmatch(name) for part in parts for name in part)


def test_every_reference_leads_somewhere(described: dict[str, Any]) -> None:
    found = set(references(described))
    assert len(found) > 10
    for reference in found:
        assert resolve(described, reference), reference


def test_it_tells_every_declared_fact_and_vendors_type(described: dict[str, Any]) -> None:
    topic = described["channels"]["events"]
    assert topic["address"] == EVENTS
    assert described["channels"]["decisions"]["address"] == DECISIONS
    names = {resolve(described, one["$ref"])["name"] for one in topic["messages"].values()}
    assert names == set(facts_of(declared())) | {
        rule.type for mapping in mappings().values() for rule in mapping.event
    }


def test_a_decision_on_its_way_out_is_as_described(described: dict[str, Any]) -> None:
    event = decision_event(as_json(taken("a")), "project:p1", NOON)
    check(described, "decision", event)
    with pytest.raises(ValidationError):
        check(described, "decision", event.replace(b'"band":', b'"bond":'))


def test_an_event_is_as_described_and_a_wrong_one_is_not(described: dict[str, Any]) -> None:
    check(described, StatusReported.type, report("a"))
    with pytest.raises(ValidationError):
        check(described, StatusReported.type, report("a", phase=7))


def test_a_dead_letter_is_as_described(described: dict[str, Any]) -> None:
    letter = DeadLetter("t", 0, 1, "malformed", "no JSON", b"{", NOON)
    payload_schema(described, "deadLetter").validate(json.loads(msgspec.json.encode(letter)))


def test_the_command_prints_it(described: dict[str, Any]) -> None:
    printed = CliRunner().invoke(app, ["asyncapi"])
    assert printed.exit_code == 0
    assert json.loads(printed.stdout) == json.loads(json.dumps(described))
