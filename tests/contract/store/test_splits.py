"""However the log is cut into batches, and whoever takes over between them, the end is the same."""

from __future__ import annotations

from itertools import count, pairwise
from typing import Any

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from firm.react import Arrival
from firm.store import SqlStore
from firm.workflow import Workflow
from tests.contract.store.samples import report, request, take
from workflows.delivery_risk import WORKFLOW

_runs = count()
KEPT = ("id", "workflow")


@st.composite
def logs(draw: st.DrawFn) -> list[Arrival]:
    """Reports with repetitions, out of order and late, among requests."""
    log = []
    for offset in range(draw(st.integers(1, 25))):
        project = draw(st.sampled_from(["p1", "p2", "p3"]))
        if draw(st.integers(0, 4)) == 0:
            log.append(request(offset, project, event_id=f"ask-{draw(st.integers(0, 3))}"))
        elif log and draw(st.integers(0, 4)) == 0:
            log.append(draw(st.sampled_from(log)))
        else:
            slip = draw(st.sampled_from([0, 50, 100]))
            log.append(report(offset, project, draw(st.integers(0, 90)), slip))
    return log


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(log=logs(), data=st.data())
def test_any_split_with_a_reload_between_gives_the_same(
    store: SqlStore, log: list[Arrival], data: st.DataObject
) -> None:
    cuts = data.draw(st.sets(st.integers(1, max(1, len(log) - 1)), max_size=5))
    edges = [0, *sorted(cut for cut in cuts if cut < len(log)), len(log)]
    whole = _run(store, log, [0, len(log)])
    assert _run(store, log, edges) == whole


def _run(store: SqlStore, log: list[Arrival], edges: list[int]) -> list[Any]:
    workflow = WORKFLOW.model_copy(update={"slug": f"run_{next(_runs)}"})
    for start, end in pairwise(edges):
        take(store.open_stream(workflow), log[start:end], workflow)
    return _left_behind(store, workflow)


def _left_behind(store: SqlStore, workflow: Workflow) -> list[Any]:
    stream = store.open_stream(workflow)
    judged = [
        ({k: v for k, v in msgspec.structs.asdict(d).items() if k not in KEPT}, value, known_at)
        for d, value, known_at in store.judged(workflow.slug)
    ]
    return [
        stream.offsets,
        stream.states.watermark,
        stream.states.requests,
        stream.states.subjects,
        stream.states.groups,
        sorted(judged, key=repr),
        store.tallies(workflow.slug),
    ]
