"""How long a decision takes: from the event's record in Kafka to the decision's own record."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from statistics import quantiles

import msgspec
from aiokafka import TopicPartition

from firm.decision import Decision
from stream.log import records
from stream.topics import DECISIONS


class _Sent(msgspec.Struct):
    data: Decision


def event_to_decision_ms(bootstrap: str, workflow: str, start: int, end: int) -> list[float]:
    """Milliseconds for each event from one offset to before another that a workflow decided on:
    both ends are Kafka's record timestamps, so the way through the agent, the commit and the relay
    is in them."""
    return asyncio.run(_measure(bootstrap, workflow, start, end))


def percentiles(milliseconds: list[float]) -> tuple[float, float]:
    """The median and the 99th percentile."""
    cuts = quantiles(milliseconds, n=100, method="inclusive")
    return cuts[49], cuts[98]


async def _measure(bootstrap: str, workflow: str, start: int, end: int) -> list[float]:
    sent: dict[int, int] = {}
    async for chunk in records(bootstrap, start, end):
        sent.update({record.offset: record.timestamp for record in chunk})
    decided = await _decided(bootstrap, workflow)
    return [float(decided[offset] - sent[offset]) for offset in sent if offset in decided]


async def _decided(bootstrap: str, workflow: str) -> Mapping[int, int]:
    decided: dict[int, int] = {}
    async for chunk in records(bootstrap, partition=TopicPartition(DECISIONS, 0)):
        for record in chunk:
            decision = msgspec.json.decode(record.value or b"", type=_Sent).data
            if decision.workflow != workflow or decision.origin != "stream":
                continue
            if decision.evidence.position is not None:
                decided.setdefault(decision.evidence.position.offset, record.timestamp)
    return decided
