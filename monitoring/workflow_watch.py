"""Watches a workflow: its labels, and every version that decides in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import groupby

from firm.alerts import Alert
from firm.decision import Decision
from firm.ids import DecisionId
from firm.store import Told
from firm.time import DAY, Micros, day_of
from firm.workflow import Workflow
from monitoring.columns import Group
from monitoring.labels import LabelWatch
from monitoring.watch import VersionWatch


class WorkflowWatch:
    """Takes in what was kept, in that order, and says what a person should look at.

    Args:
        open_version: makes the watch of a version when its first decision comes.

    Attributes:
        versions: the watch of each version, in the order in which they first decided.
        now: how far the time of the events has come.
    """

    def __init__(self, workflow: Workflow, open_version: Callable[[str], VersionWatch]) -> None:
        self.workflow = workflow
        self.labels = LabelWatch(workflow)
        self.versions: dict[str, VersionWatch] = {}
        self.now: Micros = 0
        self._open_version = open_version

    def take(
        self,
        decisions: Sequence[Decision],
        told: Sequence[Told] = (),
        acted: Sequence[DecisionId] = (),
        groups: Mapping[DecisionId, Group] = {},
    ) -> None:
        """What was newly kept: decisions first, since the others speak of them, with the groups to
        which they belong by each of `Workflow.told_by`."""
        self.labels.decided(decisions)
        for version, some in groupby(decisions, key=lambda one: one.model_version):
            if version not in self.versions:
                self.versions[version] = self._open_version(version)
            self.versions[version].decided(list(some), groups)
        self.labels.told(told)
        for watch in self.versions.values():
            watch.told(told)
            watch.acted(acted)

    def advance(self, now: Micros) -> list[Alert]:
        """The time of the events has come so far; everything known by then must have been taken.

        Goes by whole days, so that what is found does not depend on how often it is called.
        """
        found = self.labels.advance(now)
        first = day_of(self.now) if self.now else day_of(now)
        for day in range(first, day_of(now) + 1):
            spans = self.labels.disturbed_by(day)
            for watch in self.versions.values():
                found += watch.advance(day * DAY, spans)
        self.now = max(self.now, now)
        return sorted(found, key=lambda alert: (alert.at, alert.id))
