"""An answer is written without pydantic, and says what its documented form says, byte for byte."""

from __future__ import annotations

import msgspec
import pytest

from firm.decision import Decision, as_json
from firm.time import DAY
from serving.answers import answer
from serving.schemas import Answer
from tests.contract.store.samples import NOON, taken
from workflows.delivery_risk import WORKFLOW


@pytest.mark.parametrize(
    "decision",
    [
        taken("plain"),
        taken("acted on", 0.9, NOON + 123_456),
        msgspec.structs.replace(taken("waits"), awaits=("finance",), rule_because="stopped"),
        msgspec.structs.replace(taken("stale", as_of=NOON + 400 * DAY), stale=True),
    ],
    ids=lambda decision: decision.cause,
)
def test_the_bytes_are_those_of_the_documented_form(decision: Decision) -> None:
    found = answer(WORKFLOW, decision)
    assert (
        as_json(Answer.model_validate_json(found).model_dump(mode="json", exclude_unset=True))
        == found
    )
