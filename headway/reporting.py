"""The report on a version: its decisions of a window beside the rows it was trained on."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, islice

import pandas as pd

from firm.alerts import Alert
from firm.errors import HeadwayError
from firm.store import SqlStore
from firm.time import DAY, Micros, to_datetime
from firm.workflow import Workflow
from headway.catalogue import canonicaliser, declared
from headway.groups import Groups
from headway.lifecycle import open_registry
from headway.reports import report_folder
from headway.settings import Settings
from monitoring.parts import DAYS, MONEY, part_column
from monitoring.report import ReportFiles, write_report
from monitoring.window import DriftLimits, FalsePositiveBudget, Window
from stream.log import KafkaEventLog
from training.registered import RegisteredVersion
from training.replay import replay
from training.rows import TrainingRows

PAGE = 20_000
"""Decisions that are in memory at once, with all their features."""
MOST_ALERTS = 50


class NothingToReport(HeadwayError):
    """The version has decided nothing in the window."""

    kind = "nothing-to-report"


def report_on(
    settings: Settings,
    store: SqlStore,
    workflow: Workflow,
    version: RegisteredVersion,
    replayed: TrainingRows | None = None,
    days: float | None = None,
) -> ReportFiles:
    """Report on what a version has decided in the last days, or since it was trained, beside the
    log's rows (`replayed`, if that has been done already), and keep it with the version in MLflow.

    Args:
        days: before the newest event that was taken in.

    Raises:
        NothingToReport: nothing that it has decided on happened in that time.
    """
    end = store.watermark(workflow.slug) + 1
    start = version.cut if days is None else max(version.cut, end - int(days * DAY))
    parts = decided(store, workflow, version, start, end)
    first = next(parts, None)
    if first is None:
        raise NothingToReport(
            f"version {version.version} of {workflow.slug} was trained on what was known at "
            f"{to_datetime(version.cut):%Y-%m-%d %H:%M} and has decided on nothing that happened "
            f"since {to_datetime(start):%Y-%m-%d %H:%M}: wait for events, ask for more --days, or "
            "train with --cut at a time before the log ends"
        )
    window = _window(workflow, version, start, max(end, start + 1))
    folder = report_folder(settings, workflow.slug, version.version, end, days)
    rows = _rows(settings, workflow) if replayed is None else replayed
    training = trained_on(rows, workflow, version)
    alerts = found_in(store, workflow, version, start, end)
    files = write_report(window, training, chain([first], parts), folder, alerts)
    open_registry(settings).keep_report(version, folder)
    return files


def found_in(
    store: SqlStore, workflow: Workflow, version: RegisteredVersion, start: Micros, end: Micros
) -> list[Alert]:
    """What monitoring has found about the version in that time, the newest first."""
    records = store.alerts(workflow.slug, unresolved=False, limit=MOST_ALERTS)
    alerts = [record.alert for record in records]
    return [a for a in alerts if start <= a.at < end and a.version in ("", version.version)]


def trained_on(
    replayed: TrainingRows, workflow: Workflow, version: RegisteredVersion
) -> pd.DataFrame:
    """Those of the log's rows that were known at the version's cut, with its scores."""
    rows = replayed.known_at(version.cut)
    frame = pd.DataFrame(rows.features, columns=list(rows.names))
    asked = [tuple(None if pd.isna(v) else v for v in row) for row in rows.features.tolist()]
    frame["prediction"] = version.scorer(workflow).predict(asked)
    frame["target"] = rows.outcome
    return frame


def _rows(settings: Settings, workflow: Workflow) -> TrainingRows:
    log = KafkaEventLog(settings.kafka or "", canonicaliser(declared()))
    return replay(workflow, log.read())


def decided(
    store: SqlStore, workflow: Workflow, version: RegisteredVersion, start: Micros, now: Micros
) -> Iterator[pd.DataFrame]:
    """What the version has decided on events since `start`, in several frames, with the outcomes of
    matured decisions: of younger ones only the quick outcomes are known, and these mislead."""
    numbers = [*workflow.feature_names, "prediction", "target", MONEY, DAYS]
    texts = [part_column(name) for name in workflow.told_by]
    mature = now - int(workflow.label.maturity_days * DAY)
    groups = Groups(workflow, store.states(workflow))
    rows = (
        [
            *(decision.features.get(name) for name in workflow.feature_names),
            decision.probability,
            outcome if decision.as_of <= mature else None,
            *groups.at_stake(decision),
            *groups.of(decision),
        ]
        for decision, outcome, _ in store.judged(workflow.slug, start)
        if decision.origin == "stream" and decision.model_version == version.version
    )
    while page := list(islice(rows, PAGE)):
        yield pd.DataFrame(page, columns=[*numbers, *texts]).astype(dict.fromkeys(numbers, float))


def _window(workflow: Workflow, version: RegisteredVersion, start: Micros, end: Micros) -> Window:
    watch = workflow.watch
    return Window(
        workflow=workflow.slug,
        question=workflow.question,
        owner=workflow.owner,
        model_version=version.version,
        start=to_datetime(start),
        end=to_datetime(end),
        threshold=workflow.policy.alarm_at,
        drift=DriftLimits(share_of_columns=watch.drifted_share),
        false_positive_budget=FalsePositiveBudget(
            limit=watch.false_positive_rate, among="negatives"
        ),
        least_outcomes=watch.least_outcomes,
        by=workflow.told_by,
        at_stake=watch.at_stake,
        numeric_columns=workflow.feature_names,
    )
