"""One workflow of the demo: trained, asked by stream and HTTP, held against the replay, judged."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

import httpx

from firm.decision import Decision, Person
from firm.time import Micros
from firm.workflow import Workflow
from headway.catalogue import workflow_named
from headway.clock import now
from headway.copy import Copy
from headway.demo import result
from headway.demo.compare import HttpScores, requests
from headway.demo.judge import judged, judged_by_step
from headway.demo.kept import KeptLog
from headway.demo.latency import event_to_decision_ms, percentiles
from headway.demo.logs import DemoLog, Judging
from headway.fairness.job import open_vault
from headway.governance import Governance
from headway.lifecycle import align, open_registry, train_version
from headway.replay import send, wait_until_taken
from headway.reporting import report_on
from headway.swap import wait_until_served
from training.replay import Replay, mismatches
from training.rows import TrainingRows
from training.source import going_on
from training.train import TrainingReport

SEED = 7
"""Of the simulated attributes."""


@dataclass(frozen=True)
class Answers:
    """What was asked by stream and by HTTP alike."""

    http: HttpScores
    differences: list[str] = field(default_factory=list)
    compared: list[int] = field(default_factory=list)


class Watched:
    """A workflow of a running copy, and what the demo does with it."""

    def __init__(self, copy: Copy, client: httpx.Client, judging: Judging, log: KeptLog) -> None:
        self._copy = copy
        self._judging = judging
        self._answers = Answers(HttpScores(client, judging.workflow))
        self.workflow: Workflow = workflow_named(judging.workflow)
        self.slug = self.workflow.slug
        self._unread = log.reader()
        self._replay = Replay(self.workflow)

    def wait(self, start: int, end: int) -> None:
        """Wait until it has taken in the records from `start` to before `end`."""
        wait_until_taken(self._copy.store, self.slug, start, end, lambda _: None)

    def train(self, cut: Micros) -> TrainingReport:
        """Train on what was known at the cut, and make the version live."""
        settings, replays = self._copy.settings, partial(going_on, self._replay)
        self._simulate_attributes()
        trained = train_version(
            settings, self.workflow, cut, by="demo-scientist", log=self._unread, replays=replays
        )
        self._promote(trained.version.version)
        return trained

    def _simulate_attributes(self) -> None:
        """The log knows nobody's protected attributes; simulated ones show what is looked at."""
        if self.workflow.fairness is not None:
            reviewer = Person("demo-reviewer", frozenset({"governance_reviewer"}))
            vault = open_vault(self._copy.settings, self._copy.store)
            vault.simulate(self.workflow, SEED, reviewer, now())

    def _promote(self, version: str) -> None:
        """One person proposes, another agrees; then each process has it within a second."""
        settings, store = self._copy.settings, self._copy.store
        scientist = Person("demo-scientist", frozenset({"data_scientist"}))
        reviewer = Person("demo-reviewer", frozenset({"governance_reviewer"}))
        governance = Governance(settings, store)
        asked = governance.propose(self.slug, version, scientist, "passed every gate")
        governance.agree(self.slug, asked.id, reviewer, "the figures are those of the report")
        align(governance, store, lambda: open_registry(settings))
        wait_until_served(store, self.slug)

    def compare(self, since: Micros, as_of: Micros, most: int | None) -> None:
        """Ask for scores as of an instant, of what was decided on since another one, by stream and
        by HTTP; `most` of these subjects, always the same ones."""
        store = self._copy.store
        decided = store.decisions(self.slug, since=since, until=as_of + 1)
        subjects = sorted({d.subject for d in decided if d.origin == "stream"})
        if most is not None and len(subjects) > most:
            subjects = random.Random(as_of).sample(subjects, most)  # noqa: S311  (not for secrets)
        asked = requests(self.slug, subjects, as_of)
        end = send(self._copy.settings.kafka or "", asked, lambda _: None)
        self.wait(end - len(asked), end)
        found = store.decisions(self.slug, since=as_of, until=as_of + 1)
        by_stream = [decision for decision in found if decision.origin == "request"]
        self._answers.compared.append(len(by_stream))
        self._answers.differences.extend(self._answers.http.differences(by_stream))

    def replayed(self) -> TrainingRows:
        """The log's training rows."""
        return self._replay.go_on(self._unread.read()).rows

    def found(
        self,
        log: DemoLog,
        cut: Micros,
        trained: TrainingReport,
        rows: TrainingRows,
        events: result.Events,
        timed: tuple[int, int],
    ) -> result.Scored:
        """All that was found of it; what a second replay changes is yet to be seen."""
        store, version = self._copy.store, trained.version
        report = report_on(self._copy.settings, store, self.workflow, version, rows)
        decisions = list(store.decisions(self.slug))
        scored = [d for d in store.judged(self.slug) if d[0].origin == "stream"]
        steps = judged_by_step(self.workflow, store.states(self.workflow), scored, cut, version)
        at = self._judging.step
        return result.Scored(
            workflow=self.slug,
            events=events,
            model=result.Model(
                version.version,
                trained.data.rows,
                log.cut.date().isoformat(),
                {gate.gate: gate.figure or 0.0 for gate in trained.gates},
            ),
            parity=result.Parity(len(rows), len(mismatches(rows, decisions))),
            decisions=self._decisions([d for d in decisions if d.origin == "stream"]),
            replay=result.Replayed(0, 0, 0),
            quality=steps[at] if at else judged(scored, cut, version),
            judged_at=at or "",
            steps=steps,
            reference=dict(self._judging.reference),
            reference_by=self._judging.reference_by,
            latency=self._latency(timed),
            report=str(report.html),
            summary=str(report.summary),
        )

    def _decisions(self, on_log: Sequence[Decision]) -> result.Decisions:
        bands = Counter(d.band for d in on_log)
        return result.Decisions(
            len(on_log),
            {band.name: bands[band.name] for band in self.workflow.policy.bands},
            dict(Counter(d.model_version for d in on_log)),
            sum(self._answers.compared),
            len(self._answers.differences),
            self._answers.differences[:5],
        )

    def _latency(self, timed: tuple[int, int]) -> result.Latency:
        stream = event_to_decision_ms(self._copy.settings.kafka or "", self.slug, *timed)
        http = self._answers.http.milliseconds
        p50, p99 = percentiles(stream)
        http50, http99 = percentiles(http)
        return result.Latency(
            p50,
            p99,
            round(http50, 2),
            round(http99, 2),
            f"Kafka's record timestamps at both ends, n={len(stream)}; "
            f"HTTP one after the other with a durable record each, n={len(http)}",
        )
