"""Watches one version of a model as it decides: the same code behind the stream and in a replay.

It is told decisions, outcomes and what was acted on in the order in which they were kept, and says
what a person should look at. It reads no clock: time is that of the events.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from zlib import crc32

import numpy as np

from firm.alerts import Alert
from firm.decision import Decision
from firm.ids import DecisionId
from firm.store import Told
from firm.time import DAY, Micros
from firm.workflow import Workflow
from monitoring import alerting, slo
from monitoring.arrivals import Span, overlaps
from monitoring.cases import Cases, Ints
from monitoring.change import ChangeDetector
from monitoring.columns import CaseColumns, Group
from monitoring.looks import LEVELS, look, look_days, looked_levels
from monitoring.moved import Moved
from monitoring.quality import judge_cases
from monitoring.rates import rate
from monitoring.reference import Reference
from monitoring.windows import Contribute, Window, WindowMaker

DETECTORS = 4
"""The declared chance of a false alarm is divided among them: outcomes, scores, inputs and
attributions."""
SCORE_LEVELS = 100


class VersionWatch:
    """What one version did.

    Args:
        reference: what it was trained on; None for the declared rule.
        contribute: from rows (n, m) the contributions (n, m) of their features to the score.

    Attributes:
        windows: those that are full, oldest first.
        corrected: how often an outcome was revised after it had been told.
        stale: how many decisions rested on features older than declared.
    """

    def __init__(
        self,
        workflow: Workflow,
        version: str,
        reference: Reference | None,
        contribute: Contribute | None = None,
    ) -> None:
        self.workflow, self.version, self.reference = workflow, version, reference
        self.windows: list[Window] = []
        self.corrected = 0
        self.stale = 0
        self._chance = workflow.watch.false_alarm / DETECTORS
        self._days = look_days(workflow)
        self._constant = reference.base_rate if reference else None
        self._columns = CaseColumns()
        self._maker = WindowMaker(workflow, reference, contribute, self._chance)
        self._next_look = 0
        self._unjudged: deque[Window] = deque()
        self._raised: dict[tuple[str, str], Micros] = {}
        self._found: list[Alert] = []
        self._begin_outcomes(looked_levels(workflow, reference))
        self._begin_scores(np.zeros(SCORE_LEVELS, dtype=np.int64))

    def cases(self, window: Window | None = None) -> Cases:
        """All its decisions so far, or those of a window, as they stand now."""
        if window is None:
            return self._columns.cases()
        return self._columns.cases(window.first, window.last)

    @property
    def groups(self) -> Sequence[Group]:
        """To which groups each of its decisions belongs, in the order of `cases`."""
        return self._columns.groups

    def decided(
        self, decisions: Sequence[Decision], groups: Mapping[DecisionId, Group] = {}
    ) -> None:
        """Decisions of this version, in the order in which they were kept."""
        for one in decisions:
            place = self._columns.add(one, self.workflow, groups.get(one.id, ()))
            self.stale += one.stale
            self._see_score(one, place)
        for window in self._maker.add(decisions):
            self.windows.append(window)
            self._unjudged.append(window)
            self._judge_window(window)

    def told(self, outcomes: Sequence[Told]) -> None:
        """Outcomes, those of other versions among them; the newest of a decision counts."""
        for one in outcomes:
            if self._columns.tell(one):
                self.corrected += one.revision > 0

    def acted(self, decisions: Sequence[DecisionId]) -> None:
        """Decisions something was done about, those of other versions among them."""
        for one in decisions:
            self._columns.act(one)

    def advance(self, now: Micros, disturbed: Sequence[Span]) -> list[Alert]:
        """Event time has come so far: look at the outcomes that are due, and say what was found.

        Outcomes that were known by then must have been told.

        Args:
            disturbed: when labels came in batches or not at all; what waited then is passed over.
        """
        self._look(now - int(self._days * DAY), disturbed)
        maturity = int(self.workflow.label.maturity_days * DAY)
        while self._unjudged and self._unjudged[0].end + maturity <= now:
            self._judge_outcomes(self._unjudged.popleft(), maturity)
        found, self._found = self._found, []
        return found

    def _look(self, until: Micros, disturbed: Sequence[Span]) -> None:
        """Look at the decisions taken up to an instant, in their order."""
        first, last = self._next_look, self._next_look
        while last < len(self._columns.as_of) and self._columns.as_of[last] <= until:
            last += 1
        self._next_look = last
        cases = self._columns.cases(first, last)
        due = cases.as_of + int(self._days * DAY)
        levels = look(cases.as_of, cases.outcome, cases.known_at, self._days)
        usual = ~overlaps(disturbed, cases.as_of, due)
        for place in np.flatnonzero(usual).tolist():
            self._see_outcome(first + place, int(levels[place]), int(due[place]))

    def _see_outcome(self, place: int, level: int, at: Micros) -> None:
        self._looked.append((place, level))
        self._outcomes.see(level, self._tie(place, "outcome"))
        if self._outcomes.alarmed_at is not None:
            self._report_outcomes(at)

    def _report_outcomes(self, at: Micros) -> None:
        since = self._looked[self._outcomes.since :]
        now = np.bincount([level for _, level in since], minlength=LEVELS)
        self._say(
            alerting.outcomes_changed(
                self.workflow,
                self.version,
                at,
                self._columns.as_of[since[0][0]],
                self._days,
                self._before,
                now,
                self._outcomes.alarmed_at or 0,
                self._moved_most(),
                self._weighing_otherwise(),
            )
        )
        self._begin_outcomes(now)

    def _see_score(self, one: Decision, place: int) -> None:
        level = min(int(one.probability * SCORE_LEVELS), SCORE_LEVELS - 1)
        self._scores.see(level, self._tie(place, "score"))
        if self._scores.alarmed_at is not None:
            self._report_scores(one.as_of, place + 1)

    def _report_scores(self, at: Micros, end: int) -> None:
        changed = self._scored_from + self._scores.since
        scores = self._columns.cases(self._scored_from, end).score
        before, since = scores[: self._scores.since], scores[self._scores.since :]
        self._say(
            alerting.scores_changed(
                self.workflow,
                self.version,
                at,
                self._columns.as_of[changed],
                self._scores.alarmed_at or 0,
                float(before.mean()) if len(before) else float(since.mean()),
                float(since.mean()),
                self._moved_most(),
            )
        )
        levels = np.minimum((since * SCORE_LEVELS).astype(np.int64), SCORE_LEVELS - 1)
        self._begin_scores(np.bincount(levels, minlength=SCORE_LEVELS), end)

    def _judge_window(self, window: Window) -> None:
        for kind, columns, found in (
            ("inputs-changed", window.moved_inputs, window.inputs),
            ("attributions-changed", window.moved_attributions, window.attributions),
        ):
            of = len(found.columns) if found else 0
            if of and len(columns) > self.workflow.watch.drifted_share * of:
                self._say(
                    alerting.moved(self.workflow, self.version, kind, window.end, columns, of)
                )
        if window.inputs and window.inputs.silent:
            self._say(
                alerting.columns_silent(
                    self.workflow, self.version, window.end, window.inputs.silent
                )
            )

    def _judge_outcomes(self, window: Window, maturity: Micros) -> None:
        """The newest matured windows that hold enough known outcomes."""
        at, watch = window.end + maturity, self.workflow.watch
        windows = -(-watch.least_outcomes // watch.window_rows)
        first = self.windows[max(window.number - windows, 0)].first
        quality = judge_cases(
            self._columns.cases(first, window.last).seen_at(at),
            self.workflow.policy.alarm_at,
            self._constant,
        )
        if quality.matured < watch.least_outcomes:
            return
        quiet = quality.false_positives + quality.true_negatives
        found = rate(quality.false_positives, quiet)
        if found and found.low > watch.false_positive_rate:
            self._say(alerting.false_positives(self.workflow, self.version, at, found, quality))
        if (quality.brier or 0.0) > (quality.brier_constant or 1.0):
            self._say(alerting.worse_than_constant(self.workflow, self.version, at, quality))
        for promise in (
            slo.labels(quality.rows - quality.matured, quality.rows),
            slo.freshness(self.stale, len(self._columns.ids)),
        ):
            if promise.broken:
                self._say(slo.broken(self.workflow, self.version, promise, at))

    def _moved_most(self) -> tuple[Moved, ...]:
        """The inputs of the newest rows that lie farthest from training."""
        found = self._maker.present()
        return found.columns if found else ()

    def _weighing_otherwise(self) -> tuple[Moved, ...]:
        """The features whose weight in the newest window differs most from training."""
        return self.windows[-1].moved_attributions if self.windows else ()

    def _begin_outcomes(self, reference: Ints) -> None:
        self._before = reference
        self._outcomes = ChangeDetector(reference, self._chance)
        self._looked: list[tuple[int, int]] = []

    def _begin_scores(self, reference: Ints, first: int = 0) -> None:
        self._scored_from = first
        self._scores = ChangeDetector(reference, self._chance)

    def _say(self, alert: Alert) -> None:
        """Raise it, unless the like of it was raised within the declared cool-down."""
        key, pause = (alert.kind, alert.about), int(self.workflow.watch.cooldown_days * DAY)
        if key not in self._raised or alert.at - self._raised[key] >= pause:
            self._raised[key] = alert.at
            self._found.append(alert)

    def _tie(self, place: int, what: str) -> float:
        return crc32(f"{what}|{self._columns.ids[place]}".encode()) / (1 << 32)
