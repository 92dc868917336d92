"""On the logs that come with the house: what knows the outcome is named and nothing else, and the
file that serves scores as XGBoost does."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from firm.events import Event
from firm.ids import EventId
from firm.react import Arrival
from firm.time import DAY, Micros, to_micros
from firm.vocabulary import days_until, known_rate
from firm.workflow import Feature, GroupBy, Workflow
from headway.catalogue import canonicaliser, declared
from headway.clock import now
from headway.logs import find_log, read_records, rule_for
from tests.unit.training.small import feature, in_order
from training.fit import Fitted, fit
from training.gates import LARGEST_DIFFERENCE, MISSING_SHARE
from training.leaks import leaks
from training.lessons import lessons
from training.replay import Replayed, replay_whole
from training.rows import Floats
from training.scorer import FileScorer
from workflows.billing_readiness import WORKFLOW as BILLING
from workflows.delivery_risk import WORKFLOW as DELIVERY
from workflows.service_level import WORKFLOW as LEVEL
from workflows.staffing_fit import WORKFLOW as STAFFING

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
LOGS = {
    DELIVERY.slug: ("capital_projects", datetime(2017, 7, 1, tzinfo=UTC)),
    BILLING.slug: ("payment_requests", datetime(2018, 7, 1, tzinfo=UTC)),
    STAFFING.slug: ("service_incidents", datetime(2016, 4, 1, tzinfo=UTC)),
    LEVEL.slug: ("service_incidents", datetime(2016, 4, 1, tzinfo=UTC)),
}
WORKFLOWS = {workflow.slug: workflow for workflow in (DELIVERY, BILLING, STAFFING, LEVEL)}
ROWS, AT_ONCE = 100_000, 10_000
CLOSED_AT, ASSIGNEE, PROJECT = "closed_at", "assigned_to", "(case)_Project"
PLANTED = {CLOSED_AT: "planted_closed", ASSIGNEE: "planted_assignee", PROJECT: "planted_project"}


@cache
def log(name: str) -> tuple[list[Event], dict[EventId, Mapping[str, Any]]]:
    """The events of a log in order of time, each once, and the record that each was made of."""
    file, mapping = find_log(name)
    canonical = canonicaliser(declared())
    events, records = {}, {}
    for record in read_records(file, mapping):
        event = canonical.from_record(mapping, rule_for(mapping, record), record, now())
        events.setdefault(event.id, event)
        records.setdefault(event.id, record)
    return sorted(events.values(), key=lambda e: (e.occurred_at, e.id)), records


def arrivals(name: str, until: Micros | None = None) -> list[Arrival]:
    events, _ = log(name)
    return in_order([e for e in events if until is None or e.occurred_at < until])


@cache
def replayed(slug: str) -> tuple[Replayed, Micros]:
    """A workflow's log until its cut, replayed."""
    name, cut = LOGS[slug]
    return replay_whole(WORKFLOWS[slug], arrivals(name, to_micros(cut))), to_micros(cut)


def planting(workflow: Workflow, name: str, columns: Iterable[str]) -> Workflow:
    """The workflow with features that read these columns of the log, as a careless fold would."""
    _, records = log(name)

    def fold(event: Event) -> dict[str, Any]:
        found = {PLANTED[c]: _value(records[event.id][c], c) for c in columns}
        return {**workflow.fold(event), **found}

    groups = [
        GroupBy(name=f"by_{PLANTED[column]}", key=PLANTED[column])
        for column in columns
        if column != CLOSED_AT
    ]
    fields = {field: getattr(workflow, field) for field in Workflow.model_fields}
    planted = tuple(_reading(column) for column in columns)
    return Workflow(
        **fields
        | {
            "fold": fold,
            "features": (*workflow.features, *planted),
            "groups": (*workflow.groups, GroupBy(name="everyone"), *groups),
        }
    )


def _value(text: str | None, column: str) -> float | str | None:
    if text is None or text == "?":
        return None
    if column != CLOSED_AT:
        return text
    at = datetime.strptime(text, "%d/%m/%Y %H:%M").replace(tzinfo=UTC)
    return to_micros(at) / DAY


def _reading(column: str) -> Feature:
    name = PLANTED[column]
    of = days_until(name) if column == CLOSED_AT else known_rate(f"by_{name}", prior="everyone")
    return feature(name, of)


@pytest.mark.parametrize(
    ("workflow", "columns"),
    [(STAFFING, (CLOSED_AT, ASSIGNEE)), (BILLING, (PROJECT,))],
    ids=["incidents", "payments"],
)
def test_what_the_log_knew_only_afterwards_is_named_and_no_honest_feature(
    workflow: Workflow, columns: tuple[str, ...]
) -> None:
    name, cut = LOGS[workflow.slug]
    planted = planting(workflow, name, columns)
    until = to_micros(cut)
    found = leaks(planted, replay_whole(planted, arrivals(name, until)), until)
    assert {leak.feature for leak in found} == {PLANTED[column] for column in columns}


@pytest.mark.parametrize("slug", [DELIVERY.slug, LEVEL.slug])
def test_no_feature_that_is_declared_raises_the_alarm(slug: str) -> None:
    rows, cut = replayed(slug)
    assert leaks(WORKFLOWS[slug], rows, cut) == []


@pytest.mark.parametrize("slug", sorted(WORKFLOWS))
def test_the_file_that_serves_scores_a_hundred_thousand_rows_as_xgboost_does(
    slug: str, tmp_path: Path
) -> None:
    workflow = WORKFLOWS[slug]
    learnt = lessons(workflow, *replayed(slug))
    fitted = fit(workflow, learnt)
    scorer = served(workflow, fitted, tmp_path)
    differing = 0
    for features, rows in with_gaps(learnt.features):
        off = np.abs(np.array(scorer.predict(rows)) - fitted.predict(features))
        differing += int((off > LARGEST_DIFFERENCE).sum())
    assert differing == 0


def served(workflow: Workflow, fitted: Fitted, folder: Path) -> FileScorer:
    path = folder / "model.ubj"
    fitted.booster.save_model(path)
    content = path.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    return FileScorer(path, digest, len(content), workflow.feature_names, "1")


def with_gaps(features: Floats) -> Iterator[tuple[Floats, list[tuple[float | None, ...]]]]:
    """ROWS of these, drawn again, with values made missing: as a matrix and as they are served."""
    luck = np.random.default_rng(11)
    for _ in range(ROWS // AT_ONCE):
        drawn = features[luck.integers(0, len(features), AT_ONCE)]
        drawn = np.where(luck.random(drawn.shape) < MISSING_SHARE, np.nan, drawn)
        yield drawn, [tuple(None if np.isnan(v) else v for v in row) for row in drawn.tolist()]
