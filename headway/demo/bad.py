"""Bad inputs, one of each kind, sent by stream and by HTTP alike."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from firm.envelope import Envelope, seal_envelope
from firm.time import Micros, to_datetime

TEN_MEGABYTES = 10 << 20
FACT = "project.status_reported"


def bad_inputs(workflow: str, now: Micros) -> dict[str, bytes]:
    """Payloads that must be refused, by what is wrong with them."""
    today = to_datetime(now)
    money = {"amount": "1e6", "currency": "USD"}
    return {
        "not JSON": b"{not json",
        "unknown type": _event("unknown", today, type="nobody.knows"),
        "wrong unit": _event("unit", today, data={"budget_forecast": {**money, "currency": "EUR"}}),
        "NaN": _event("nan", today, data={"budget_forecast": {**money, "amount": "NaN"}}),
        "infinity": _event("inf", today, data={"budget_forecast": {**money, "amount": "Infinity"}}),
        "far past": _event("past", today.replace(year=1890)),
        "far future": _event("future", today + timedelta(days=4000)),
        "10 MB payload": _event("large", today, data={"title": "x" * TEN_MEGABYTES}),
        "unknown subject": _event(
            "nobody",
            today,
            type="score.requested",
            subject="project:does-not-exist",
            data={"workflow": workflow},
        ),
    }


def _event(key: str, time: Any, **changed: Any) -> bytes:
    envelope = {
        "id": f"demo-bad-{key}",
        "source": "/demo/bad",
        "type": FACT,
        "time": time,
        "subject": "project:3",
        "data": {"phase": "Design"},
        **changed,
    }
    return seal_envelope(Envelope(**envelope))
