"""The demo, stage by stage: what each does is said on the way, and every claim is checked."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from statistics import fmean

import httpx
import numpy as np

from firm.decision import Decision, Person
from firm.time import Micros, to_micros
from firm.workflow import Workflow
from headway.catalogue import canonicaliser, declared, workflow_named
from headway.clock import now
from headway.copy import Copy
from headway.demo import result
from headway.demo.bad import bad_inputs
from headway.demo.compare import HttpScores, requests
from headway.demo.latency import event_to_decision_ms, percentiles
from headway.demo.logs import DemoLog
from headway.demo.memory import Memory
from headway.governance import Governance
from headway.lifecycle import align, train_version
from headway.logs import Disturbance, Outgoing, find_log, outgoing
from headway.progress import Progress
from headway.replay import send, wait_until_taken
from headway.reporting import report_on
from headway.swap import wait_until_served
from stream.log import KafkaEventLog
from training.quality import Quality, quality
from training.replay import mismatches, replay
from training.train import TrainingReport

DUPLICATES, DISORDER = 0.03, 0.05
PACE = 100.0
"""Events a second in the part that is timed: more than a firm's busy hour, and not a queue."""


@dataclass(frozen=True)
class Later:
    """What the part after the cut has shown."""

    offset: int
    requested: int
    differences: list[str]
    http_ms: list[float]


class Demo:
    """One run of the demo on a running copy."""

    def __init__(self, copy: Copy, log: DemoLog, progress: Progress, seed: int) -> None:
        self._copy = copy
        self._client = copy.client("demo", "enterprise_integration")
        self._log = log
        self._progress = progress
        self._disturb = Disturbance(DUPLICATES, DISORDER, seed)
        self._workflow: Workflow = workflow_named(log.workflow)
        self._canonical = canonicaliser(declared())
        self._cut: Micros = to_micros(log.cut)
        self._sent = 0

    def run(self) -> result.Result:
        """All stages; raises a HeadwayError where one cannot go on."""
        begun = time.monotonic()
        first, second = self._events()
        self._replay("replaying the past", first)
        trained = self._train()
        later = self._replay_later(second)
        refusals, refused = self._try_bad_inputs()
        sent = self._sent
        tallies = self._copy.store.tallies(self._workflow.slug).total
        judged = self._judge(trained)
        again = self._replay_again([*first, *second])
        parity = self._parity()
        self._progress.say("writing the report")
        report = report_on(self._copy.settings, self._copy.store, self._workflow, trained.version)
        links = self._copy.store.verify()
        decisions = list(self._copy.store.decisions(self._workflow.slug))
        on_log = [d for d in decisions if d.origin == "stream"]
        return result.Result(
            workflow=self._workflow.slug,
            log=self._log.name,
            disturbed=f"{DUPLICATES:.0%} of the events sent twice, {DISORDER:.0%} delayed past up "
            f"to {self._disturb.reach} others (seed {self._disturb.seed})",
            events=result.Events.of(sent, tallies, refused),
            model=result.Model(
                trained.version.version,
                trained.data.rows,
                self._log.cut.date().isoformat(),
                {gate.gate: gate.figure or 0.0 for gate in trained.gates},
            ),
            parity=parity,
            decisions=result.Decisions(
                len(on_log),
                dict(Counter(d.band for d in on_log)),
                dict(Counter(d.model_version for d in on_log)),
                later.requested,
                len(later.differences),
                later.differences[:5],
            ),
            replay=again,
            quality=judged,
            reference=self._log.reference,
            latency=self._latency(later),
            refusals=refusals,
            actions=self._copy.actions_performed(),
            audit_links=links,
            report=str(report.html),
            summary=str(report.summary),
            api=self._copy.api_url,
            mlflow=self._copy.mlflow_url,
            seconds=round(time.monotonic() - begun, 1),
            failed=[],
        )

    def _events(self) -> tuple[list[Outgoing], list[Outgoing]]:
        file, mapping = find_log(self._log.name)
        events = outgoing(file, mapping, self._canonical, now())
        first = [event for event in events if event.occurred_at < self._cut]
        second = [event for event in events if event.occurred_at >= self._cut]
        return self._disturb.apply(first), self._disturb.apply(second)

    def _replay(
        self, words: str, events: Sequence[Outgoing], per_second: float | None = None
    ) -> int:
        """Send and wait until all is taken in; returns the offset after the last."""
        store, slug = self._copy.store, self._workflow.slug
        with self._progress.stage(words, 2 * len(events)) as step:
            end = send(self._copy.settings.kafka or "", events, step, per_second)
            wait_until_taken(store, slug, end - len(events), end, step)
        self._sent += len(events)
        return end

    def _train(self) -> TrainingReport:
        self._progress.say(f"training on what was known on {self._log.cut.date()}")
        settings = self._copy.settings
        trained = train_version(settings, self._workflow, self._cut, by="demo-scientist")
        self._promote(trained.version.version)
        self._progress.say(f"version {trained.version.version} passed its gates and is live")
        return trained

    def _promote(self, version: str) -> None:
        """One person proposes, another agrees; then each process has it within a second."""
        settings, store, slug = self._copy.settings, self._copy.store, self._workflow.slug
        scientist = Person("demo-scientist", frozenset({"data_scientist"}))
        reviewer = Person("demo-reviewer", frozenset({"governance_reviewer"}))
        governance = Governance(settings, store)
        asked = governance.propose(slug, version, scientist, "passed every gate")
        governance.agree(asked.id, reviewer, "the figures are those of the report")
        align(settings, store)
        wait_until_served(store, slug)

    def _replay_later(self, events: Sequence[Outgoing]) -> Later:
        http = HttpScores(self._client, self._workflow.slug)
        requested, differences = 0, list[str]()
        start = None
        for as_of, chunk in _by_size(events):
            end = self._replay("scoring as it arrives", chunk, PACE)
            start = end - len(chunk) if start is None else start
            answers = self._ask_by_stream(chunk, as_of)
            requested += len(answers)
            differences += http.differences(answers)
        return Later(start or 0, requested, differences, http.milliseconds)

    def _ask_by_stream(self, chunk: Sequence[Outgoing], as_of: Micros) -> list[Decision]:
        store, slug = self._copy.store, self._workflow.slug
        subjects = {d.subject for d in store.decisions(slug, since=as_of, until=as_of + 1)}
        asked = requests(slug, sorted(subjects), as_of)
        end = send(self._copy.settings.kafka or "", asked, lambda _: None)
        wait_until_taken(store, slug, end - len(asked), end, lambda _: None)
        found = store.decisions(slug, since=as_of, until=as_of + 1)
        return [decision for decision in found if decision.origin == "request"]

    def _try_bad_inputs(self) -> tuple[list[result.Refusal], dict[str, int]]:
        bad = bad_inputs(self._workflow.slug, now())
        sent = [Outgoing(b"demo-bad", payload, 0) for payload in bad.values()]
        end = self._replay("sending bad inputs", sent)
        letters = {letter.offset: letter for letter in self._copy.store.dead_letters()}
        first = end - len(bad)
        refusals = []
        for place, (words, payload) in enumerate(bad.items()):
            letter = letters.get(first + place)
            answer = _post(self._client, self._workflow.slug, words, payload)
            refusals.append(result.Refusal(words, letter.kind if letter else "NOT REFUSED", answer))
        return refusals, dict(Counter(letter.kind for letter in letters.values()))

    def _judge(self, trained: TrainingReport) -> result.Judged:
        known, pairs = [], []
        for decision, outcome, known_at in self._copy.store.judged(self._workflow.slug):
            if outcome is None or known_at is None or decision.origin != "stream":
                continue
            if known_at < self._cut:
                known.append(outcome)
            elif decision.model_version == trained.version.version:
                pairs.append((outcome, decision.probability))
        found = judge(pairs, fmean(known))
        return result.Judged(
            found.n,
            found.auc,
            found.pr_auc,
            found.brier,
            found.constant_brier,
            found.calibration_error,
        )

    def _replay_again(self, events: Sequence[Outgoing]) -> result.Replayed:
        before = Memory.of(self._copy.store, self._workflow)
        self._replay("replaying all of it again", events)
        decisions, features = before.changes(Memory.of(self._copy.store, self._workflow))
        return result.Replayed(len(events), decisions, features)

    def _parity(self) -> result.Parity:
        self._progress.say("replaying the log into training rows, to hold against the decisions")
        log = KafkaEventLog(self._copy.settings.kafka or "", self._canonical)
        rows = replay(self._workflow, log.read())
        decisions = self._copy.store.decisions(self._workflow.slug)
        return result.Parity(len(rows), len(mismatches(rows, decisions)))

    def _latency(self, later: Later) -> result.Latency:
        stream = event_to_decision_ms(self._copy.settings.kafka or "", later.offset)
        p50, p99 = percentiles(stream)
        http50, http99 = percentiles(later.http_ms)
        return result.Latency(
            p50,
            p99,
            round(http50, 2),
            round(http99, 2),
            f"events sent at {PACE:g}/s, Kafka's record timestamps at both ends, n={len(stream)}; "
            f"HTTP one after the other with a durable record each, n={len(later.http_ms)}",
        )


def failures(found: result.Result, log: DemoLog) -> list[str]:
    """Everything that did not hold, in words; empty where all did."""
    events, quality_ = found.events, found.quality
    fates = events.counted + events.late + events.duplicate + events.rejected
    auc = quality_.auc or 0.0
    claims = {
        f"{events.received} events were sent, {fates} are accounted for": events.received == fates,
        "training rows differ from what was decided on": found.parity.mismatched_rows == 0,
        "no training row was compared": found.parity.rows > 0,
        "HTTP and stream differ": found.decisions.http_mismatches == 0,
        "fewer than 100 answers were compared": found.decisions.http_compared >= 100,
        "the second replay changed decisions": found.replay.changed_decisions == 0,
        "the second replay changed features": found.replay.changed_features == 0,
        f"AUC {auc:.3f} is below {log.least_auc}": auc >= log.least_auc,
        "the Brier score is no better than the constant's": quality_.brier
        < quality_.constant_brier,
        "a bad input was not refused": all(
            r.stream not in {"", "NOT REFUSED"} and r.http.startswith("4") for r in found.refusals
        ),
    }
    return [claim for claim, holds in claims.items() if not holds]


def judge(pairs: Sequence[tuple[float, float]], constant: float) -> Quality:
    """The quality of (outcome, probability) pairs."""
    outcome, probability = np.array(pairs, dtype=np.float64).reshape(-1, 2).T
    return quality(outcome, probability, constant)


def _by_size(events: Sequence[Outgoing]) -> list[tuple[Micros, list[Outgoing]]]:
    """The events as they arrive, cut where as many have come as happened up to each instant."""
    chunks, start = [], 0
    for as_of, same in groupby(sorted(event.occurred_at for event in events)):
        size = len(list(same))
        chunks.append((as_of, list(events[start : start + size])))
        start += size
    return chunks


def _post(client: httpx.Client, workflow: str, words: str, payload: bytes) -> str:
    if words == "unknown subject":
        body = {"subject": "project:does-not-exist"}
        answer = client.post(f"/v1/workflows/{workflow}/score", json=body)
    else:
        headers = {"Content-Type": "application/cloudevents+json"}
        answer = client.post("/v1/events", content=payload, headers=headers)
    kind = str(answer.json().get("type", "")).rsplit(":", 1)[-1]
    return f"{answer.status_code} {kind}"
