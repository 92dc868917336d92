"""The process of monitoring: watches every workflow, and opens reviews on what breaks a limit."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence

import structlog

from firm.alerts import Alert
from firm.decision import RULE_VERSION
from firm.errors import StoreUnavailable
from firm.store import Review, SqlStore
from firm.time import HOUR
from headway.catalogue import declared, mappings
from headway.clock import now
from headway.log_watch import LogWatch
from headway.parts import exit_on_signals
from headway.service_watch import ServiceWatch
from headway.settings import Settings
from headway.watching import Watching, from_registry

LOOK_SECONDS = 5.0
"""An outcome is in the figures well within a minute of being written."""
TO_REVIEW = frozenset({"outcomes-changed", "false-positives", "worse-than-constant"})
"""What puts the version itself in question, rather than what feeds it."""
WRITER = "monitor"
NICENESS = 10
"""What scores comes first."""

log = structlog.get_logger(__name__)


def run(settings: Settings) -> None:
    """Run until SIGTERM or SIGINT, which end a look that is under way: on a large log it may take
    minutes, and whoever stops a copy waits for it."""
    os.nice(NICENESS)
    with exit_on_signals():
        _watch(settings)


def _watch(settings: Settings) -> None:
    store = SqlStore(settings.database or "", settings.audit_key())
    workflows, kafka = declared(), settings.kafka or ""
    events = LogWatch(kafka, store, workflows, mappings().values())
    watching = [
        Watching(
            store,
            workflow,
            from_registry(settings, workflow),
            ServiceWatch(kafka, events, workflow),
        )
        for workflow in workflows.values()
    ]
    monitor = Monitor(store, watching, settings.report_hours, events, settings.report_days)
    log.info("monitoring is up")
    try:
        while True:
            time.sleep(LOOK_SECONDS)
            monitor.look()
    finally:
        monitor.close()
        events.close()
        store.close()


class Monitor:
    """Looks at each workflow in turn; challengers are trained, and reports written, in processes
    of their own.

    Args:
        report_hours: how often live versions are reported on; 0 never.
        events: the log that the workflows are fed by.
        report_days: what these reports are on; None: all since training.
    """

    def __init__(
        self,
        store: SqlStore,
        watching: Sequence[Watching],
        report_hours: float = 0,
        events: LogWatch | None = None,
        report_days: float | None = None,
    ) -> None:
        self._store, self._watching, self._events = store, watching, events
        self._children: list[subprocess.Popen[bytes]] = []
        self._every = int(report_hours * HOUR)
        self._reported = now()
        self._days = [] if report_days is None else ["--days", f"{report_days:g}"]

    def look(self) -> None:
        """Look once; what cannot be looked at now is looked at the next time."""
        self._children = [child for child in self._children if child.poll() is None]
        if self._every and now() - self._reported >= self._every:
            self._reported = now()
            self._report_on_live()
        try:
            if self._events is not None:
                self._events.look()
        except StoreUnavailable as error:
            log.warning("could not look", reason=str(error))
        for one in self._watching:
            try:
                fresh = one.look()
            except StoreUnavailable as error:
                log.warning("could not look", reason=str(error))
                continue
            for alert in fresh:
                log.warning("alert", kind=alert.kind, workflow=alert.workflow, says=alert.says)
                if alert.kind in TO_REVIEW and alert.version not in ("", RULE_VERSION):
                    self._open_review(alert)

    def close(self) -> None:
        """End what still runs; the review of a challenger stays open."""
        for child in self._children:
            child.terminate()
            child.wait()

    def _open_review(self, alert: Alert) -> None:
        review = Review(alert.id, alert.workflow, alert.version, opened_at=now())
        if self._store.open_review(review, WRITER):
            self._run("challenge", alert.id)

    def _report_on_live(self) -> None:
        for one in self._watching:
            live = self._store.live(one.workflow.slug)
            if live is not None and live.kind != "killed":
                self._run("report", one.workflow.slug, *self._days, "--json")
                if one.workflow.fairness is not None:
                    self._run("fairness", one.workflow.slug, "--json")

    def _run(self, *words: str) -> None:
        command = [sys.executable, "-m", "headway", *words]
        self._children.append(subprocess.Popen(command))  # noqa: S603  (our own command)
