"""Whatever a caller sends, the API answers as its own OpenAPI document says."""

from __future__ import annotations

import pytest
import schemathesis
from hypothesis import given, settings
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

CHECKS = [
    not_a_server_error,
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
]


OPERATIONS = [
    ("GET", "/health/live"),
    ("GET", "/health/ready"),
    ("GET", "/health/advancing"),
    ("GET", "/metrics"),
    ("GET", "/v1/workflows"),
    ("POST", "/v1/workflows/{slug}/score"),
    ("POST", "/v1/workflows/{slug}/rank"),
    ("GET", "/v1/decisions/{decision_id}"),
    ("GET", "/v1/decisions/{decision_id}/explanation"),
    ("GET", "/v1/decisions/{decision_id}/evidence"),
    ("GET", "/v1/workflows/{slug}"),
    ("POST", "/v1/events"),
    ("GET", "/v1/workflows/{slug}/models"),
    ("POST", "/v1/workflows/{slug}/promotions"),
    ("POST", "/v1/workflows/{slug}/promotions/{proposal}/agree"),
    ("POST", "/v1/workflows/{slug}/rollback"),
    ("POST", "/v1/workflows/{slug}/challenger"),
]


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_a_route_answers_as_it_is_documented(
    url: str, headers: dict[str, str], method: str, path: str
) -> None:
    """Right and wrong requests alike, made up from the document."""
    operation = schemathesis.openapi.from_url(f"{url}/openapi.json")[path][method]
    wrong = operation.as_strategy(GenerationMode.NEGATIVE)
    cases = operation.as_strategy() | wrong if "{" in path else operation.as_strategy()

    @given(case=cases)
    @settings(max_examples=30)
    def answers(case: Case) -> None:
        case.call_and_validate(checks=CHECKS, headers=headers)

    answers()
