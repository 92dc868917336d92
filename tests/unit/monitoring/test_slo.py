"""A promise is broken only beyond chance, and the room for misses is told as a budget."""

from __future__ import annotations

import pytest

from firm.time import DAY, HOUR
from monitoring import slo
from workflows.delivery_risk import WORKFLOW

NOW = 20_000 * DAY


def test_half_of_the_allowed_misses_leave_half_of_the_budget() -> None:
    promise = slo.freshness(5, 1_000)
    assert promise.budget_left == pytest.approx(0.5)
    assert not promise.broken


def test_a_few_misses_among_few_are_chance_and_many_are_not() -> None:
    assert not slo.freshness(3, 20).broken
    assert not slo.freshness(4, 300).broken
    assert slo.freshness(30, 1_000).broken
    assert slo.freshness(30, 1_000).budget_left == pytest.approx(-2.0)


def test_without_anything_to_count_no_promise_is_judged() -> None:
    promise = slo.labels(0, 0)
    assert (promise.budget_left, promise.broken) == (None, False)


def test_latency_is_held_against_the_declared_percentile() -> None:
    limit = WORKFLOW.slo.latency_p99_ms
    quick = slo.latency(WORKFLOW, [limit / 2] * 2_000)
    slow = slo.latency(WORKFLOW, [limit / 2] * 1_900 + [limit * 3] * 100)
    assert (quick.missed, quick.broken) == (0, False)
    assert (slow.missed, slow.broken) == (100, True)
    said = slo.broken(WORKFLOW, "", slow, NOW)
    assert said.kind == "answers-slow"
    assert "5.0% of the answers took longer than promised; 1.0% may" in said.says


def test_a_silent_source_and_a_stream_that_stands_say_since_when() -> None:
    fell = slo.silent(WORKFLOW, slo.Silence("/erp", True, NOW - 30 * HOUR, 24))
    assert fell.says == (
        "Nothing has come from /erp since 2024-10-02 18:00; it may be silent for 24 hours."
    )
    assert fell.at == NOW - 6 * HOUR
    never = slo.silent(WORKFLOW, slo.Silence("/erp", False, NOW - 30 * HOUR, 24))
    assert "Nothing has ever come from /erp, which is waited for since 2024-10-02" in never.says
    assert "42 records wait" in slo.lagging(WORKFLOW, NOW, 42, 61.0).says
