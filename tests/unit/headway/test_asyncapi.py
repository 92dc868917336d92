"""The AsyncAPI document is one of AsyncAPI 3.0, and says what the declarations say."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
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

SCHEMA = Path(__file__).parents[2] / "schemas" / "asyncapi-3.0.0.json.gz"
WRONG = {
    "a title that is missing": ("info", {"version": "1"}),
    "a member that nobody knows": ("topics", {}),
    "a channel with members of another version": (
        "channels", {"events": {"address": "headway.events", "subscribe": {}}},
    ),
    "an operation that neither sends nor receives": (
        "operations",
        {"takeEvents": {"action": "publish", "channel": {"$ref": "#/channels/events"}}},
    ),
    "a binding that Kafka does not have": (
        "channels", {"events": {"bindings": {"kafka": {"partitions": "one"}}}},
    ),
}  # fmt: skip


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


@pytest.fixture(scope="module")
def official() -> Draft7Validator:
    """The schema that the AsyncAPI Initiative publishes for documents of version 3.0.0."""
    return Draft7Validator(json.loads(gzip.decompress(SCHEMA.read_bytes())))


def test_it_is_a_document_of_asyncapi_3(
    described: dict[str, Any], official: Draft7Validator
) -> None:
    assert described["asyncapi"] == "3.0.0"
    official.validate(json.loads(json.dumps(described)))
    for message in described["components"]["messages"].values():
        Draft7Validator.check_schema(message["payload"])
    for schema in described["components"]["schemas"].values():
        Draft7Validator.check_schema(schema)


@pytest.mark.parametrize(("part", "instead"), WRONG.values(), ids=WRONG)
def test_the_schema_refuses(
    described: dict[str, Any], official: Draft7Validator, part: str, instead: dict[str, Any]
) -> None:
    assert not official.is_valid(described | {part: instead})


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
