"""Watches how the labels of a workflow come, and how much work there is, whatever the model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from statistics import mean

from firm.alerts import Alert
from firm.decision import Decision
from firm.ids import DecisionId
from firm.store import Told
from firm.time import DAY, Micros, day_of
from firm.workflow import Workflow
from monitoring import alerting
from monitoring.arrivals import BUSY, LONG, Arrivals, Span

WEEK = 7
NOW_WEEKS, BEFORE_WEEKS = 4, 8
"""Weeks that are compared, and the least of those before them."""
TIMES = 2.0
"""Twice or half as much work as was usual is a change; less is a season."""


class LabelWatch:
    """Outcomes as they arrive, and decisions by the day, of all versions together.

    Attributes:
        orphans: outcomes for which there is no decision.
        repeated: outcomes that were told again without having changed.
    """

    def __init__(self, workflow: Workflow) -> None:
        self.workflow = workflow
        self.orphans: set[DecisionId] = set()
        self.repeated = 0
        self._arrivals = Arrivals()
        self._revisions: dict[DecisionId, int] = {}
        self._work: Counter[int] = Counter()
        self._said: set[tuple[str, str]] = set()

    def decided(self, decisions: Sequence[Decision]) -> None:
        """Decisions of any version."""
        self._work.update(day_of(one.as_of) for one in decisions)

    def told(self, outcomes: Sequence[Told]) -> None:
        """Outcomes; only the first of a decision arrives, later ones correct it."""
        for one in outcomes:
            known = self._revisions.get(one.decision)
            if known == one.revision:
                self.repeated += 1
                continue
            self._revisions[one.decision] = one.revision
            if one.as_of is None:
                self.orphans.add(one.decision)
            elif known is None and one.value is not None:
                self._arrivals.add(one.as_of, one.known_at, one.value)

    def disturbed_by(self, day: int) -> list[Span]:
        """When labels came in batches, or not at all, as it was clear when a day began."""
        return self._arrivals.disturbed(day)

    def advance(self, now: Micros) -> list[Alert]:
        """Event time has come so far: say what was found."""
        self._arrivals.close_days(now)
        today = self._arrivals.batch_of(day_of(now))
        batches = [*self._arrivals.batches, *([today] if today else [])]
        found = [alerting.labels_in_a_batch(self.workflow, batch) for batch in batches]
        found += [
            alerting.labels_silent(self.workflow, span, span.start + LONG * DAY)
            for span in self._arrivals.silences(day_of(now))
            if self._is_busy(day_of(span.start))
        ]
        found += self._volume(now)
        new = [one for one in found if (one.kind, one.about) not in self._said]
        self._said |= {(one.kind, one.about) for one in new}
        return new

    def _is_busy(self, first: int) -> bool:
        """Whether there was work in the days from a day on: without any, no outcome is missed."""
        return sum(self._work[day] for day in range(first, first + LONG)) >= LONG * BUSY

    def _volume(self, now: Micros) -> list[Alert]:
        """Whenever the last four weeks differed from those before; then counted from there on."""
        weeks, first, found, base = self._weeks(now), min(self._work, default=0), [], 0
        for end in range(NOW_WEEKS, len(weeks) + 1):
            start = end - NOW_WEEKS
            if start - base < BEFORE_WEEKS:
                continue
            lately, before = sum(weeks[start:end]) / NOW_WEEKS, mean(weeks[base:start])
            if before and not 1 / TIMES < lately / before < TIMES:
                since, at = (first + start * WEEK) * DAY, (first + end * WEEK) * DAY
                found.append(alerting.volume_changed(self.workflow, at, since, before, lately))
                base = start
        return found

    def _weeks(self, now: Micros) -> list[int]:
        """The decisions of each whole week since the first."""
        starts = range(min(self._work, default=0), day_of(now) - WEEK + 1, WEEK)
        if not self._work:
            return []
        return [sum(self._work[day] for day in range(start, start + WEEK)) for start in starts]
