"""The client loads nothing of the service, and reads answers with care."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import httpx
import msgspec
import pytest

from firm.standing import Promotion, Standing
from headway.client import CallFailed, Invalid, ServiceFailed, Unavailable, UnexpectedAnswer, calls

ROOT = Path(__file__).parents[3]
PROGRAM = """
import sys
import headway.client
heavy = {"mlflow", "xgboost", "faust", "feast", "evidently", "fastapi", "sqlalchemy", "pydantic",
         "pandas", "numpy", "redis", "aiokafka", "firm.workflow", "headway.settings"}
print(sorted(heavy & set(sys.modules)))
"""
SCORE = calls.score("a", "project:p1", None, False, "k")


def test_it_loads_nothing_of_the_service() -> None:
    ran = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", PROGRAM], cwd=ROOT, check=True, capture_output=True, text=True
    )
    assert ran.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (200, b"<html>", UnexpectedAnswer),
        (200, b'{"probability": "high"}', UnexpectedAnswer),
        (302, b"", UnexpectedAnswer),
        (413, b"too large", Invalid),
        (500, b"", ServiceFailed),
        (502, b"<html>", ServiceFailed),
        (503, b"", Unavailable),
    ],
)
def test_an_answer_of_another_form_is_an_error_too(
    status: int, body: bytes, error: type[CallFailed]
) -> None:
    with pytest.raises(error) as raised:
        SCORE.answer(httpx.Response(status, content=body, headers={"x-request-id": "r-1"}))
    assert type(raised.value) is error
    assert raised.value.problem is None
    assert "[request r-1]" in str(raised.value)


def test_it_waits_as_long_as_the_service_asks_but_not_for_ever() -> None:
    asked = [calls.when_to_retry(Unavailable("away", retry_after=s)) for s in (None, 0.0, 7.0, 9e9)]
    assert asked == [True, 0.0, 7.0, calls.PATIENCE_SECONDS]
    assert calls.when_to_retry(Invalid("wrong")) is False
    assert calls.when_to_retry(KeyError("not ours")) is False


def test_the_standing_of_a_workflow_comes_back_whole() -> None:
    made = Promotion("a", "1", "models:/1", "ab" * 32, 9, "Ben", "Gus", "good", 5, {"auc": 0.7})
    standing = Standing("a", champion=made, champions=[made], head=1, refused={2: "copied"})
    body = msgspec.json.encode(msgspec.to_builtins(standing, str_keys=True))
    assert calls.models("a", None).read(body) == standing
