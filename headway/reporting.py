"""The report on a version: its decisions of a window beside the rows it was trained on."""

from __future__ import annotations

import pandas as pd

from firm.errors import HeadwayError
from firm.store import SqlStore
from firm.time import Micros, to_datetime
from firm.workflow import Workflow
from headway.catalogue import canonicaliser, declared
from headway.settings import Settings
from monitoring.report import ReportFiles, write_report
from monitoring.window import DriftLimits, FalsePositiveBudget, Window
from stream.log import KafkaEventLog
from training.registered import RegisteredVersion
from training.replay import replay
from training.rows import TrainingRows


class NothingToReport(HeadwayError):
    """The version has decided nothing in the window."""

    kind = "nothing-to-report"


def report_on(
    settings: Settings,
    store: SqlStore,
    workflow: Workflow,
    version: RegisteredVersion,
    replayed: TrainingRows | None = None,
) -> ReportFiles:
    """Report on everything that a version has decided since it was trained, beside the log's rows
    (`replayed`, if that has been done already).

    Raises:
        NothingToReport: it has decided nothing yet.
    """
    current = decided(store, workflow, version)
    if current.empty:
        raise NothingToReport(
            f"version {version.version} of {workflow.slug} has decided nothing yet; replay a log "
            "or wait for events"
        )
    end = int(current.pop("as_of").max()) + 1
    window = _window(workflow, version, end)
    folder = settings.reports / workflow.slug / f"version-{version.version}" / str(end)
    rows = _rows(settings, workflow) if replayed is None else replayed
    return write_report(window, trained_on(rows, workflow, version), current, folder)


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


def decided(store: SqlStore, workflow: Workflow, version: RegisteredVersion) -> pd.DataFrame:
    """What the version has decided on events, with the outcomes as far as they are known."""
    rows = [
        {
            **decision.features,
            "prediction": decision.probability,
            "target": outcome,
            "as_of": decision.as_of,
        }
        for decision, outcome, _ in store.judged(workflow.slug, version.cut)
        if decision.origin == "stream" and decision.model_version == version.version
    ]
    columns = [*workflow.feature_names, "prediction", "target", "as_of"]
    return pd.DataFrame(rows, columns=columns).astype(float)


def _window(workflow: Workflow, version: RegisteredVersion, end: Micros) -> Window:
    watch = workflow.watch
    return Window(
        workflow=workflow.slug,
        question=workflow.question,
        owner=workflow.owner,
        model_version=version.version,
        start=to_datetime(version.cut),
        end=to_datetime(end),
        threshold=workflow.policy.alarm_at,
        drift=DriftLimits(share_of_columns=watch.drifted_share),
        false_positive_budget=FalsePositiveBudget(
            limit=watch.false_positive_rate, among="negatives"
        ),
        least_outcomes=watch.least_outcomes,
        numeric_columns=workflow.feature_names,
    )
