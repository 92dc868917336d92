"""A canary is counted while it decides, and ended by itself when it breaks a declared limit."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

from firm.errors import HeadwayError, ModelRefused
from firm.ports import Scorer
from firm.standing import Promotion, Standing
from firm.store import CanaryTally, SqlStore
from firm.workflow import Row, Workflow
from headway.alarms import raise_alarm
from headway.governance import Governance
from headway.version_alarms import canary_ended

ACTOR = "registrar"


class Counted:
    """A scorer that counts how often it was asked, failed and was slow (`firm.ports.Scorer`)."""

    def __init__(self, scorer: Scorer, slow_ms: float) -> None:
        self._scorer = scorer
        self._slow_seconds = slow_ms / 1_000
        self.asked = self.failed = self.slow = 0

    @property
    def version(self) -> str:
        """That of the scorer."""
        return self._scorer.version

    def predict(self, rows: Sequence[Row]) -> list[float]:
        """What the scorer says.

        Raises:
            ModelRefused: whatever went wrong with it; the champion then decides.
        """
        began = time.perf_counter()
        self.asked += 1
        try:
            found = self._scorer.predict(rows)
        except Exception as error:
            self.failed += 1
            raise ModelRefused(f"canary {self.version} failed: {error}") from error
        if any(not 0 <= one <= 1 for one in found):
            self.failed += 1
            raise ModelRefused(f"canary {self.version} scored no probability")
        self.slow += time.perf_counter() - began > self._slow_seconds
        return found


class CanaryGuard:
    """Holds each canary to the limits that its workflow declares, whenever `tick` is called."""

    def __init__(
        self,
        workflows: Mapping[str, Workflow],
        store: SqlStore,
        governance: Governance,
        standing: Callable[[str], Standing],
    ) -> None:
        self._workflows = workflows
        self._store = store
        self._governance = governance
        self._standing = standing

    def tick(self) -> None:
        """Take away each canary that breaks a limit."""
        for slug, workflow in self._workflows.items():
            made = self._standing(slug).canary
            if made is not None and (words := self._broken(workflow, made)):
                why = f"canary {made.version} of {slug} was taken back by itself: {words}"
                try:
                    self._governance.end(slug, "canary", ACTOR, why)
                except HeadwayError:
                    continue  # somebody has moved it meanwhile: look again at the next tick
                raise_alarm(self._store, ACTOR, canary_ended(workflow, made.version, why))

    def _broken(self, workflow: Workflow, made: Promotion) -> str:
        tallies = self._store.tallies_of(workflow.slug, made.version)
        return _in_calls(workflow, tallies) or self._in_alarms(workflow, made)

    def _in_alarms(self, workflow: Workflow, made: Promotion) -> str:
        limits, slug = workflow.canary, workflow.slug
        champion = self._standing(slug).champion
        counts = self._store.alarm_counts(slug, made.at, workflow.policy.alarm_at)
        ours, own = counts.get(made.version, (0, 0))
        theirs, other = counts.get(champion.version if champion else "", (0, 0))
        if min(ours, theirs) < limits.least:
            return ""
        share, champions = own / ours, other / theirs
        if abs(share - champions) <= limits.alarm_share_difference:
            return ""
        return (
            f"{share:.1%} of its {ours} decisions are alarms, {champions:.1%} of the champion's "
            f"{theirs}; at most {limits.alarm_share_difference:.1%} apart are declared"
        )


def _in_calls(workflow: Workflow, tallies: Sequence[CanaryTally]) -> str:
    limits = workflow.canary
    asked = sum(one.asked for one in tallies)
    if asked < limits.least:
        return ""
    failed = sum(one.failed for one in tallies) / asked
    slow = sum(one.slow for one in tallies) / asked
    if failed > limits.failed_share:
        return f"{failed:.1%} of {asked} calls failed, at most {limits.failed_share:.1%} may"
    if slow > limits.slow_share:
        return (
            f"{slow:.1%} of {asked} calls took over {limits.slow_ms:g} ms, at most "
            f"{limits.slow_share:.1%} may"
        )
    return ""
