"""The demo, stage by stage: what each does is said on the way, and every claim is checked."""

from __future__ import annotations

import time
from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self
from zlib import crc32

import httpx
import msgspec

from firm.time import Micros, to_micros
from headway.catalogue import canonicaliser, declared
from headway.clock import now
from headway.copy import Copy
from headway.demo import result
from headway.demo.bad import UNKNOWN_SUBJECT, bad_inputs
from headway.demo.kept import KeptLog
from headway.demo.logs import DemoLog
from headway.demo.memory import Memory
from headway.demo.watched import Watched
from headway.logs import Disturbance, Outgoing, UnknownLog, find_log, outgoing
from headway.progress import Progress
from headway.replay import send, wait_until_taken
from stream.log import KafkaEventLog
from training.train import TrainingReport

DUPLICATES, DISORDER = 0.03, 0.05
PACE = 100.0
"""Events a second in the part that is timed: more than a firm's busy hour, and not a queue."""
STOPS = 6
"""So often the replay stops after the cut, and asks for scores by stream and by HTTP."""


@dataclass(frozen=True)
class Window:
    """The part of a log that is replayed: up to before `until`, all of it without; of so many
    subjects one, with all its events."""

    until: Micros | None
    one_of: int = 1

    @classmethod
    def of(cls, cut: datetime, until: datetime | None, one_of: int = 1) -> Self:
        """The window; raises UnknownLog where nothing would be left to score after the cut."""
        moment = None if until is None else to_micros(until.replace(tzinfo=until.tzinfo or UTC))
        if moment is not None and moment <= to_micros(cut):
            raise UnknownLog(f"--until must lie after {cut.date()}, where the demo cuts this log")
        return cls(moment, one_of)

    def of_events(self, events: Sequence[Outgoing]) -> tuple[list[Outgoing], str]:
        """The events in it, and what that is in words."""
        taken = [e for e in events if self._holds(e)]
        if len(taken) == len(events):
            return taken, "the whole log"
        why = "--until" if self.one_of == 1 else f"one subject of {self.one_of}; all: --whole"
        return taken, f"only {len(taken)} of its {len(events)} events ({why})"

    def _holds(self, event: Outgoing) -> bool:
        in_time = self.until is None or event.occurred_at < self.until
        return in_time and crc32(event.key) % self.one_of == 0


class Demo:
    """One run of the demo on a running copy."""

    def __init__(
        self, copy: Copy, log: DemoLog, window: Window, progress: Progress, seed: int
    ) -> None:
        self._copy = copy
        self._client = copy.client("demo", "enterprise_integration")
        self._log = log
        self._window = window
        self._progress = progress
        self._disturb = Disturbance(DUPLICATES, DISORDER, seed)
        self._canonical = canonicaliser(declared())
        kept = KeptLog(KafkaEventLog(copy.settings.kafka or "", self._canonical))
        self._watched = [Watched(copy, self._client, judging, kept) for judging in log.workflows]
        self._cut: Micros = to_micros(log.cut)

    def run(self) -> result.Result:
        """All stages; raises a HeadwayError where one cannot go on."""
        begun = time.monotonic()
        words, first, second = self._events()
        self._replay("replaying the past", first)
        trained = [self._train(watched) for watched in self._watched]
        timed = self._replay_later(second)
        refusals, sent = self._try_bad_inputs()
        found = self._found(len(first) + len(second) + sent, trained, timed)
        links = self._copy.store.verify()
        found = self._replay_again([*first, *second], found)
        return result.Result(
            **msgspec.structs.asdict(found[0]),
            log=self._log.name,
            window=words,
            disturbed=f"{DUPLICATES:.0%} of the events sent twice, {DISORDER:.0%} delayed past up "
            f"to {self._disturb.reach} others (seed {self._disturb.seed})",
            refusals=refusals,
            actions=self._copy.actions_performed(),
            audit_links=links,
            others=found[1:],
            api=self._copy.api_url,
            mlflow=self._copy.mlflow_url,
            seconds=round(time.monotonic() - begun, 1),
            failed=[],
        )

    def _events(self) -> tuple[str, list[Outgoing], list[Outgoing]]:
        self._progress.say(f"reading {self._log.name}")
        file, mapping = find_log(self._log.name)
        whole = outgoing(file, mapping, self._canonical, now())
        events, words = self._window.of_events(whole)
        first = [event for event in events if event.occurred_at < self._cut]
        second = [event for event in events if event.occurred_at >= self._cut]
        return words, self._disturb.apply(first), self._disturb.apply(second)

    def _replay(
        self, words: str, events: Sequence[Outgoing], per_second: float | None = None
    ) -> int:
        """Send and wait until all is taken in; returns the offset of the first."""
        of_workflows = len(self._watched)
        with self._progress.stage(words, (1 + of_workflows) * len(events)) as step:
            end = send(self._copy.settings.kafka or "", events, step, per_second)
            for watched in self._watched:
                store, start = self._copy.store, end - len(events)
                wait_until_taken(store, watched.slug, start, end, step)
        return end - len(events)

    def _train(self, watched: Watched) -> TrainingReport:
        words = f"training {watched.slug} on what was known on {self._log.cut.date()}"
        with self._progress.meanwhile(words):
            trained = watched.train(self._cut)
        self._progress.say(f"version {trained.version.version} passed its gates and is live")
        return trained

    def _replay_later(self, events: Sequence[Outgoing]) -> tuple[int, int]:
        """Returns between which offsets the events stand that came at a pace."""
        paced = len(events) if self._log.paced is None else min(self._log.paced, len(events))
        start, since, offsets = 0, self._cut, list[int]()
        for as_of, end in _stops(events):
            timed = max(start, min(end, paced))
            if start < timed:
                words = f"scoring {PACE:g} events a second"
                offsets.append(self._replay(words, events[start:timed], PACE))
                offsets.append(offsets[-1] + timed - start)
            if timed < end:
                self._replay("scoring as fast as it goes", events[timed:end])
            for watched in self._watched:
                watched.compare(since, as_of, self._log.asked)
            start, since = end, as_of + 1
        return offsets[0], offsets[-1]

    def _try_bad_inputs(self) -> tuple[list[result.Refusal], int]:
        """Returns how each was refused, and how many of them each workflow has seen."""
        first, *others = self._watched
        bad = [(words, first, payload) for words, payload in self._bad(first).items()]
        bad += [(UNKNOWN_SUBJECT, one, self._bad(one)[UNKNOWN_SUBJECT]) for one in others]
        sent = [Outgoing(b"demo-bad", payload, 0) for _, _, payload in bad]
        start = self._replay("sending bad inputs", sent)
        letters = {letter.offset: letter for letter in self._copy.store.dead_letters()}
        refusals = []
        for place, (words, watched, payload) in enumerate(bad, start):
            kind = letters[place].kind if place in letters else "NOT REFUSED"
            answer = self._post(watched, words, payload)
            refusals.append(result.Refusal(words, kind, answer))
        return refusals, len(bad) - len(others)

    def _bad(self, watched: Watched) -> dict[str, bytes]:
        return bad_inputs(watched.slug, now(), self._log.sample)

    def _post(self, watched: Watched, words: str, payload: bytes) -> str:
        if words == UNKNOWN_SUBJECT:
            body = {"subject": self._log.sample.nobody}
            answer = self._client.post(f"/v1/workflows/{watched.slug}/score", json=body)
        else:
            headers = {"Content-Type": "application/cloudevents+json"}
            answer = self._client.post("/v1/events", content=payload, headers=headers)
        return f"{answer.status_code} {_kind(answer)}"

    def _found(
        self, sent: int, trained: Sequence[TrainingReport], timed: tuple[int, int]
    ) -> list[result.Scored]:
        store, found = self._copy.store, []
        for watched, report in zip(self._watched, trained, strict=True):
            words = f"{watched.slug}: replaying the log into training rows, reporting"
            with self._progress.meanwhile(words):
                letters = [d for d in store.dead_letters() if d.workflow in {None, watched.slug}]
                reasons = Counter(letter.kind for letter in letters)
                events = result.Events.of(sent, store.tallies(watched.slug).total, dict(reasons))
                rows = watched.replayed()
                found.append(watched.found(self._log, self._cut, report, rows, events, timed))
        return found

    def _replay_again(
        self, events: Sequence[Outgoing], found: Sequence[result.Scored]
    ) -> list[result.Scored]:
        store, workflows = self._copy.store, [watched.workflow for watched in self._watched]
        before = [Memory.of(store, workflow) for workflow in workflows]
        self._replay("replaying all of it again", events)
        again = []
        for one, then, workflow in zip(found, before, workflows, strict=True):
            changed = result.Replayed(len(events), *then.changes(Memory.of(store, workflow)))
            again.append(msgspec.structs.replace(one, replay=changed))
        return again


def _stops(events: Sequence[Outgoing]) -> list[tuple[Micros, int]]:
    """Where the replay stops: an instant, and as many events as happened up to it."""
    times = sorted(event.occurred_at for event in events)
    instants = sorted(set(times))
    if len(instants) > STOPS:
        instants = sorted({times[len(times) * n // STOPS - 1] for n in range(1, STOPS + 1)})
    return [(as_of, bisect_right(times, as_of)) for as_of in instants]


def _kind(answer: httpx.Response) -> str:
    return str(answer.json().get("type", "")).rsplit(":", 1)[-1]
