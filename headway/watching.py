"""Keeps a workflow's watch in step with the store; a replay drives the same watch in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import TypeVar

import numpy as np
import structlog

from firm.alerts import Alert
from firm.decision import RULE_VERSION, Decision
from firm.errors import HeadwayError
from firm.ids import DecisionId
from firm.store import SqlStore, Told, Watched
from firm.time import SECOND, Micros
from firm.workflow import Workflow
from headway.catalogue import canonicaliser, declared
from headway.clock import now
from headway.groups import Groups
from headway.lifecycle import open_registry
from headway.service_watch import ServiceWatch
from headway.settings import Settings
from monitoring.cases import NEVER
from monitoring.columns import Group
from monitoring.reference import Reference
from monitoring.standing import promised, standing
from monitoring.watch import VersionWatch
from monitoring.workflow_watch import WorkflowWatch
from stream.log import KafkaEventLog
from training.explain import explainer
from training.lessons import lessons
from training.registered import RegisteredVersion
from training.replay import replay_whole

SETTLING: Micros = 2 * SECOND
"""Most transactions have committed by then, so that decisions are taken in in their order."""
OVERLAP: Micros = 60 * SECOND
"""What took longer to commit is found by reading so far back again."""
PAGE = 2_000
BEGINNING: Micros = OVERLAP

T = TypeVar("T")
log = structlog.get_logger(__name__)


class Watching:
    """One workflow, followed from its first decision on; after a restart it reads all again.

    Args:
        open_version: makes the watch of a version; `from_registry` does so on a running copy.
        service: watches from outside that the workflow is served as promised.
    """

    def __init__(
        self,
        store: SqlStore,
        workflow: Workflow,
        open_version: Callable[[str], VersionWatch],
        service: ServiceWatch | None = None,
    ) -> None:
        self._service = service
        self._store, self.workflow = store, workflow
        self.watch = WorkflowWatch(workflow, open_version)
        self._read_until = BEGINNING
        self._seen: dict[object, Micros] = {}
        self._event_time: Micros = 0

    def look(self) -> list[Alert]:
        """Take in what is new; keep figures and alerts; returns the alerts that are new."""
        until = now() - SETTLING
        found: list[Alert] = []
        if self._take(self._read_until, until):
            self._read_until = until
            found = self.watch.advance(self._event_time)
            self._keep_figures()
        if self._service is not None:
            found += self._service.look()
        return self._store.raise_alerts(found, now()) if found else []

    def _keep_figures(self) -> None:
        for version, watch in self.watch.versions.items():
            figures = standing(watch, self.watch.labels, self._event_time)
            if self._service is not None:
                figures["promises"].append(promised(self._service.latency))
            kept = Watched(self.workflow.slug, version, self._event_time, now(), figures)
            self._store.keep_figures(kept)

    def _take(self, since: Micros, until: Micros) -> bool:
        """Decisions first: outcomes and actions speak of them. Outcomes are read before, so that
        the decisions of all that are read are known."""
        store, slug, new = self._store, self.workflow.slug, False
        self._seen = {key: at for key, at in self._seen.items() if at > since - OVERLAP}
        outcomes = list(store.told_between(slug, since - OVERLAP, until))
        for decisions in _pages(store.decided_between(slug, since - OVERLAP, until)):
            if fresh := [d for d in decisions if self._is_new(d.id, d.decided_at)]:
                new = True
                self.watch.take(fresh, groups=self._groups(fresh))
                if self._service is not None:
                    self._service.decided(fresh)
                self._event_time = max(self._event_time, *(d.as_of for d in fresh))
        if told := [t for t in outcomes if self._is_new(_key(t), t.recorded_at)]:
            new = True
            self.watch.take([], told)
            self._event_time = max(self._event_time, *(t.known_at for t in told))
        for acted in _pages(store.acted_between(slug, since, until)):
            new = True
            self.watch.take([], [], acted)
        return new

    def _groups(self, decisions: Sequence[Decision]) -> dict[DecisionId, Group]:
        """To which declared groups they belong, by what is known of their subjects now."""
        if not self.workflow.told_by:
            return {}
        subjects = {one.subject for one in decisions}
        groups = Groups(self.workflow, self._store.states_of(self.workflow, subjects))
        return {one.id: tuple(groups.of(one)) for one in decisions}

    def _is_new(self, key: object, recorded_at: Micros) -> bool:
        """Whether it was not taken in by an earlier look, which may have read it already."""
        if key in self._seen:
            return False
        self._seen[key] = recorded_at
        return True


def from_registry(settings: Settings, workflow: Workflow) -> Callable[[str], VersionWatch]:
    """Makes the watch of a registered version, with the rows that it was trained on."""

    def open_version(version: str) -> VersionWatch:
        if version == RULE_VERSION:
            return VersionWatch(workflow, version, None)
        try:
            registered = open_registry(settings).get(workflow.slug, version)
            reference = reference_of(settings, workflow, registered)
            explain = explainer(workflow, registered)
        except HeadwayError as error:
            log.warning("no training rows to compare with", version=version, reason=str(error))
            return VersionWatch(workflow, version, None)
        return VersionWatch(workflow, version, reference, explain)

    return open_version


def reference_of(settings: Settings, workflow: Workflow, version: RegisteredVersion) -> Reference:
    """What a version was trained on, from the log: every question asked before its cut."""
    arrivals = KafkaEventLog(settings.kafka or "", canonicaliser(declared())).read()
    replayed = replay_whole(workflow, arrivals)
    rows = replayed.rows.where(replayed.rows.as_of < version.cut)
    known = rows.known_from < version.cut
    asked = [tuple(None if np.isnan(v) else v for v in row) for row in rows.features.tolist()]
    return Reference(
        names=rows.names,
        as_of=rows.as_of,
        features=rows.features,
        score=np.array(version.scorer(workflow).predict(asked)),
        outcome=np.where(known, rows.outcome, np.nan),
        known_at=np.where(known, rows.known_from, NEVER),
        base_rate=float(lessons(workflow, replayed, version.cut).outcome.mean()),
        cut=version.cut,
    )


def _key(told: Told) -> object:
    return told.decision, told.revision, told.known_at


def _pages(found: Iterator[T]) -> Iterator[list[T]]:
    while page := list(islice(found, PAGE)):
        yield page
