"""No secret gets into the log, whichever way it comes."""

from __future__ import annotations

import json

import pytest
from structlog.processors import JSONRenderer

from headway.logging import leave_out_secrets

SECRETS = "s3cr3t"


@pytest.mark.parametrize(
    "said",
    [
        {"Authorization": "Basic s3cr3t"},
        {"headers": {"authorization": "s3cr3t", "accept": "*/*"}},
        {"tried": [{"password": "s3cr3t"}]},
        {"event": "refused Bearer s3cr3t"},
        {"reason": "cannot reach postgresql://headway:s3cr3t@db/headway"},
        {"reason": "the key hw_ab12_s3cr3t is unknown"},
        {"exception": "Traceback: token=s3cr3t"},
        {"api_key": "s3cr3t"},
    ],
)
def test_a_secret_is_left_out(said: dict[str, object]) -> None:
    assert SECRETS not in str(JSONRenderer()(None, "", leave_out_secrets(None, "info", said)))


def test_all_else_stays() -> None:
    said = {"event": "swapped", "workflow": "delivery_risk", "parts": {"offset": 3}, "ok": [1, "a"]}
    assert json.loads(JSONRenderer()(None, "", leave_out_secrets(None, "info", said))) == said
