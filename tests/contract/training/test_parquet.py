"""On the logs that come with the house: the rows replayed into Parquet are those in memory."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import pytest

from headway.catalogue import canonicaliser, declared
from headway.clock import now
from headway.logs import find_log, take_in
from tests.unit.training.test_partitions import require_same
from training.replay import replay_whole
from training.streaming import replay_to_parts

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

KNOWN = declared()
CANONICAL = canonicaliser(KNOWN)
LOGS = {
    "delivery_risk": ("capital_projects", None),
    "billing_readiness": ("payment_requests", 20_000),
    "service_level": ("service_incidents", 10_000),
}
"""A workflow on each log, and how many of its first events are taken."""


@pytest.mark.parametrize("slug", LOGS)
def test_each_row_is_the_same_with_few_subjects_in_memory(slug: str, tmp_path: Path) -> None:
    workflow, (name, most) = KNOWN[slug], LOGS[slug]
    file, mapping = find_log(name)
    arrivals = list(islice(take_in(file, mapping, CANONICAL, now()).arrivals, most))
    parts = replay_to_parts(workflow, arrivals, tmp_path, subjects_in_memory=50)
    assert parts.count() > 1_000
    require_same(parts, replay_whole(workflow, arrivals))
