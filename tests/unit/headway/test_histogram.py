"""Many values taken in at once count as they do one by one."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Histogram, generate_latest

from headway.histogram import ManyHistogram

BOUNDS = (0.25, 1.0, 8.0)
EXACT = st.integers(0, 160).map(lambda sixteenths: sixteenths / 16)
"""Their sums are the same in any order, and the bounds are among them."""


def said(registry: CollectorRegistry) -> list[str]:
    lines = generate_latest(registry).decode().splitlines()
    return [line for line in lines if "_created" not in line]


@given(groups=st.lists(st.lists(EXACT), max_size=4))
def test_at_once_and_one_by_one_are_exported_alike(groups: list[list[float]]) -> None:
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    many = ManyHistogram("h", "words", ["a"], buckets=BOUNDS, registry=ours).labels("x")
    one = Histogram("h", "words", ["a"], buckets=BOUNDS, registry=theirs).labels("x")
    for group in groups:
        many.observe_all(group)
        for amount in group:
            one.observe(amount)
    assert said(ours) == said(theirs)
