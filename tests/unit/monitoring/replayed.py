"""A real log replayed in memory into what the store would tell of a version: decisions of a model
trained at a cut, and the outcomes as they became known."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from math import isnan

import numpy as np

from firm.alerts import Alert
from firm.decision import Decision, Evidence
from firm.store import Told
from firm.time import DAY, Micros, to_micros
from firm.workflow import Workflow
from headway.catalogue import canonicaliser, declared, workflow_named
from headway.logs import find_log, take_in
from monitoring.cases import NEVER
from monitoring.reference import Reference
from monitoring.watch import VersionWatch
from monitoring.workflow_watch import WorkflowWatch
from training.fit import Fitted, fit
from training.lessons import lessons
from training.replay import Replayed, replay_whole
from training.rows import UNKNOWN, TrainingRows

VERSION = "1"


def replayed(log: str, slug: str) -> tuple[Workflow, Replayed]:
    """A log that comes with the house, replayed into rows."""
    file, mapping = find_log(log)
    taken = take_in(
        file, mapping, canonicaliser(declared()), to_micros(datetime(2026, 1, 1, tzinfo=UTC))
    )
    workflow = workflow_named(slug)
    return workflow, replay_whole(workflow, taken.arrivals)


def in_time(rows: TrainingRows) -> TrainingRows:
    """The rows in the order in which they were asked."""
    return rows.where(np.argsort(rows.as_of, kind="stable"))


def shuffled(rows: TrainingRows, seed: int) -> TrainingRows:
    """The same questions asked at other instants, each with its outcome after the same delay: the
    work is stationary, and every order is as likely as any other."""
    order = np.random.default_rng(seed).permutation(len(rows))
    delay = np.where(rows.known_from == UNKNOWN, UNKNOWN, rows.known_from - rows.as_of)[order]
    known_from = np.where(delay == UNKNOWN, UNKNOWN, rows.as_of + delay)
    return replace(
        rows,
        features=rows.features[order],
        outcome=rows.outcome[order],
        known_from=known_from,
    )


@dataclass(frozen=True)
class Run:
    """A watch after a replay, with what it raised and the rows that it saw."""

    watch: WorkflowWatch
    alerts: list[Alert]
    model: Fitted
    live: TrainingRows
    score: np.ndarray
    reference: Reference

    @property
    def version(self) -> VersionWatch:
        return self.watch.versions[VERSION]

    def raised(self, kind: str) -> list[Alert]:
        return [alert for alert in self.alerts if alert.kind == kind]


def run(
    workflow: Workflow, rows: TrainingRows, learnt: TrainingRows, cut: Micros, end: Micros
) -> Run:
    """Train at the cut, score what is asked later, and watch it up to an instant, in order."""
    model = fit(workflow, learnt)
    before, live = rows.where(rows.as_of < cut), rows.where(rows.as_of >= cut)
    reference = reference_of(before, model, cut)
    score = model.predict(live.features)
    watch = WorkflowWatch(
        workflow,
        lambda version: VersionWatch(
            workflow, version, reference, lambda some: model.contributions(some)[:, :-1]
        ),
    )
    watch.labels.told(list(told(before, cut)))
    watch.labels.decided(list(decided(workflow, before, reference.score)))
    alerts: list[Alert] = []
    decisions, outcomes = list(decided(workflow, live, score)), list(told(rows, end))
    outcomes = [one for one in outcomes if one.known_at >= cut]
    starts = np.array([one.as_of for one in decisions])
    ends = np.array([one.known_at for one in outcomes])
    for day in range(cut // DAY, end // DAY + 1):
        some = slice(*np.searchsorted(starts, [day * DAY, (day + 1) * DAY]))
        these = slice(*np.searchsorted(ends, [day * DAY, (day + 1) * DAY]))
        watch.take(decisions[some], outcomes[these])
        alerts += watch.advance((day + 1) * DAY)
    return Run(watch, alerts, model, live, score, reference)


def reference_of(before: TrainingRows, model: Fitted, cut: Micros) -> Reference:
    """What was asked before the cut, as it was known then."""
    known = before.known_from < cut
    return Reference(
        names=before.names,
        as_of=before.as_of,
        features=before.features,
        score=model.predict(before.features),
        outcome=np.where(known, before.outcome, np.nan),
        known_at=np.where(known, before.known_from, NEVER),
        base_rate=model.base_rate,
        cut=cut,
    )


def decided(workflow: Workflow, rows: TrainingRows, score: np.ndarray) -> Iterator[Decision]:
    """The decisions that the stream would have taken."""
    for place in range(len(rows)):
        values = rows.features[place].tolist()
        features = {
            name: None if isnan(value) else value
            for name, value in zip(rows.names, values, strict=True)
        }
        as_of = int(rows.as_of[place])
        yield Decision(
            id=rows.decision[place],
            workflow=workflow.slug,
            subject=rows.subject[place],
            cause=rows.event[place],
            origin="stream",
            as_of=as_of,
            evidence=Evidence(None, as_of),
            probability=float(score[place]),
            band=workflow.policy.band(float(score[place])).name,
            late=False,
            stale=False,
            model_version=VERSION,
            policy_version=workflow.policy_version,
            features=features,
            decided_at=as_of,
        )


def told(rows: TrainingRows, end: Micros) -> Iterator[Told]:
    """The outcomes known before an instant, in the order in which they became known."""
    for place in np.argsort(rows.known_from, kind="stable").tolist():
        known_at = int(rows.known_from[place])
        if known_at >= end:
            return
        yield Told(
            rows.decision[place],
            float(rows.outcome[place]),
            known_at,
            0,
            known_at,
            int(rows.as_of[place]),
        )


def at_cut(workflow: Workflow, whole: Replayed, cut: Micros) -> TrainingRows:
    """What a version trained at the cut learns from."""
    return lessons(workflow, whole, cut)
