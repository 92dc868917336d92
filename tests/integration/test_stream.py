"""The stream on real Kafka, PostgreSQL and Redis: nothing is lost, nothing is done twice."""

from __future__ import annotations

import asyncio
import json
import threading
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any

import msgspec
import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from features.online import FeastStates
from firm.decision import Action, Decision
from firm.envelope import Envelope
from firm.errors import Fenced, HeadwayError
from firm.ids import DecisionId, SubjectId, action_id, decision_id, event_id
from firm.live import Live
from headway import asyncapi
from headway.actions import HttpActionTarget, TargetAway
from headway.catalogue import declared, mappings
from headway.clock import now
from headway.demo.bad import TEN_MEGABYTES, bad_inputs
from headway.logs import Disturbance, find_log, outgoing
from headway.parts import Parts
from stream import progress
from stream.log import records
from stream.progress import Stalled, watch_progress
from stream.reader import Record
from stream.topics import EVENTS
from tests.contract.store.samples import rows
from tests.described import check, payload_schema
from tests.stage import (
    CANONICAL,
    NOON,
    SLUG,
    Stage,
    read,
    report,
    request,
    running,
    slipping,
    until,
)
from workflows.delivery_risk import WORKFLOW

DESCRIBED = asyncapi.document(declared(), mappings().values())
REASONS = {
    "not JSON": "malformed",
    "unknown type": "unknown-type",
    "wrong unit": "wrong-unit",
    "NaN": "invalid-value",
    "infinity": "invalid-value",
    "far past": "time-out-of-range",
    "far future": "time-out-of-range",
    "10 MB payload": "too-large",
    "unknown subject": "unknown-subject",
}


class Psa:
    """A system of record that counts; it can be away, or refuse."""

    def __init__(self, away: bool = False, refuses: frozenset[str] = frozenset()) -> None:
        self.asked: Counter[str] = Counter()
        self.done: set[str] = set()
        self.away = away
        self.refuses = refuses

    def perform(self, action: Action) -> str:
        self.asked[action.id] += 1
        if self.away or action.subject in self.refuses:
            raise Away("not now") if self.away else Refused("no such project")
        self.done.add(action.id)
        return f"psa-{action.id[:8]}"


class Away(HeadwayError):
    kind = "away"
    retry = True


class Refused(HeadwayError):
    kind = "refused"


@pytest.fixture
def stage(parts: Parts) -> Iterator[Stage]:
    opened = Stage(parts)
    yield opened
    opened.close()


class TestEverythingIsAccountedFor:
    """A disturbed log with bad inputs in it, sent once to a worker."""

    @pytest.fixture(scope="class")
    @staticmethod
    def bad() -> dict[str, bytes]:
        return bad_inputs(SLUG, now())

    @pytest.fixture(scope="class")
    @staticmethod
    def sent(bad: dict[str, bytes]) -> list[bytes]:
        events = Disturbance(duplicates=0.1, disorder=0.3, seed=1).apply(a_log(300))
        payloads = [event.payload for event in events]
        for place, payload in enumerate(bad.values()):
            payloads.insert(20 * place, payload)
        return payloads

    @pytest.fixture(scope="class")
    @staticmethod
    def stage(parts: Parts, sent: list[bytes]) -> Iterator[Stage]:
        opened = Stage(parts)
        with running(opened, opened.reactor()) as worker:
            opened.send(sent)
            until(lambda: opened.taken)
        assert worker.failures == []
        yield opened
        opened.close()

    def test_what_came_in_is_the_sum_of_what_became_of_it(
        self, stage: Stage, sent: list[bytes], bad: dict[str, bytes]
    ) -> None:
        tallies = stage.store.tallies(SLUG).total
        assert tallies.received == len(sent)
        assert tallies.counted + tallies.late == 300
        assert tallies.duplicate == len(sent) - 300 - len(bad) > 0
        assert tallies.rejected == len(bad)
        assert tallies.late > 0

    def test_every_event_is_in_the_inbox_or_the_dead_letters(
        self, stage: Stage, sent: list[bytes]
    ) -> None:
        inbox = {row["event_id"] for row in rows(stage.url, "inbox")}
        letters = {letter.payload for letter in stage.store.dead_letters()}
        for payload in sent:
            assert payload in letters or CANONICAL.event(payload, now()).id in inbox

    @pytest.mark.parametrize("words", REASONS)
    def test_a_bad_input_is_a_dead_letter_with_its_reason(
        self, stage: Stage, sent: list[bytes], bad: dict[str, bytes], words: str
    ) -> None:
        offset = stage.start + sent.index(bad[words])
        (letter,) = [one for one in stage.store.dead_letters() if one.offset == offset]
        assert letter.kind == REASONS[words]
        assert len(letter.reason) > 20
        assert letter.payload == bad[words], "a dead letter holds its payload whole"

    def test_the_large_one_is_ten_megabytes(self, bad: dict[str, bytes]) -> None:
        assert len(bad["10 MB payload"]) > TEN_MEGABYTES

    def test_each_event_has_one_decision(self, stage: Stage) -> None:
        decisions = list(stage.store.decisions(SLUG))
        assert len(decisions) == len({decision.cause for decision in decisions}) == 300

    def test_what_is_on_the_topic_is_as_it_is_described_or_a_dead_letter(
        self, stage: Stage
    ) -> None:
        """The AsyncAPI document says of every message what it is; what it refuses was refused."""
        letters = {letter.payload for letter in stage.store.dead_letters()}
        records = read(stage.bootstrap, EVENTS, stage.start)
        taken = [record.value for record in records if record.value not in letters]
        assert len(taken) >= 300
        for payload in taken:
            check(DESCRIBED, msgspec.json.decode(payload, type=Envelope).type, payload)
        for letter in stage.store.dead_letters():
            payload_schema(DESCRIBED, "deadLetter").validate(
                json.loads(msgspec.json.encode(letter))
            )

    def test_redis_serves_the_states_of_the_database(self, stage: Stage) -> None:
        states, online = stage.store.states(WORKFLOW), FeastStates(stage.redis_url)
        for subject, state in states.subjects.items():
            served, groups = online.read(WORKFLOW, subject)
            assert served == state
            assert all(states.groups[group] == served for group, served in groups.items())

    def test_the_audit_chain_holds(self, stage: Stage) -> None:
        assert stage.store.verify() >= 300


def test_redriven_letters_are_taken_in_once_what_was_wrong_is_mended(stage: Stage) -> None:
    """A request for a subject that was unheard of, and is known now, is answered."""
    reactor = stage.reactor()
    early = request("early", day=9)
    take(reactor, stage.start, [early, report("first")])
    (letter,) = stage.store.dead_letters()
    take(reactor, stage.start + 2, [letter.payload])
    assert [d.origin for d in stage.store.decisions(SLUG)] == ["stream", "request"]


def test_a_request_on_the_stream_is_answered_as_of_its_time(stage: Stage) -> None:
    with running(stage, stage.reactor()):
        stage.send([*slipping("p1"), request("r", day=1.5), request("r", day=1.5)])
        until(lambda: stage.taken)
    asked = stage.store.decision(decision_id(SLUG, event_id("/tests", "r")))
    seen = stage.store.decision(decision_id(SLUG, event_id("/tests", "p1-1")))
    assert (asked.origin, asked.as_of - NOON) == ("request", 1.5 * 86_400_000_000)
    assert asked.probability == seen.probability == 0.5
    assert asked.evidence.event_time == seen.as_of
    assert len(list(stage.store.decisions(SLUG))) == 4
    assert stage.store.tallies(SLUG).total.duplicate == 1


def test_what_the_group_is_ahead_of_is_taken_in_at_the_start(stage: Stage) -> None:
    """Faust can commit an offset past a record that was never taken in; no newer one may come."""
    stage.send(slipping("passed-over"))
    commit_offset(stage, stage.end)
    with running(stage, stage.reactor()) as worker:
        until(lambda: stage.taken)
    assert worker.failures == []
    assert stage.store.tallies(SLUG).total.counted == 3


def test_records_that_the_consumer_passes_over_are_taken_in_first(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As above, but it shows only after the start."""
    stage.send(slipping("passed-over"))
    commit_offset(stage, stage.end)

    async def once_started(*asked: Any) -> AsyncIterator[list[Any]]:
        *_, end = asked
        if end is not None:
            async for chunk in records(*asked):
                yield chunk

    monkeypatch.setattr("stream.worker.records", once_started)
    with running(stage, stage.reactor()) as worker:
        stage.send(slipping("next"))
        until(lambda: stage.taken)
    assert worker.failures == []
    counted = stage.store.tallies(SLUG).total.counted
    assert counted == 6, "what the consumer passed over was lost"
    causes = [row["event_id"] for row in sorted(rows(stage.url, "inbox"), key=_offset)]
    sent = [f"{p}-{n}" for p in ("passed-over", "next") for n in range(3)]
    assert causes == [event_id("/tests", id_) for id_ in sent]


def test_records_that_come_again_are_skipped(stage: Stage) -> None:
    """The consumer begins again from an offset that was taken in long ago: no effect is repeated,
    not even a duplicate is counted."""
    with running(stage, stage.reactor()):
        first = stage.send(slipping("p1"))
        until(lambda: stage.taken)
    before = stage.store.tallies(SLUG).total
    commit_offset(stage, first)
    with running(stage, stage.reactor()) as worker:
        stage.send([report("new", "p2")])
        until(lambda: stage.taken)
    assert worker.failures == []
    after = stage.store.tallies(SLUG).total
    assert (after.counted, after.duplicate) == (before.counted + 1, 0)
    assert stage.store.verify() == 4


def test_a_second_worker_fences_the_first(stage: Stage) -> None:
    """The first ends at its next batch, and writes nothing more anywhere."""
    with running(stage, stage.reactor()) as first:
        stage.send([report("a")])
        until(lambda: stage.taken)
        second = stage.reactor()
        place = stage.send([report("b", day=1, slip=100)])
        until(lambda: bool(first.failures))
        assert isinstance(first.failures[0], Fenced)
        assert stage.store.offset(SLUG) == place - 1
        served, _ = FeastStates(stage.redis_url).read(WORKFLOW, SubjectId("project:p1"))
        assert served
        assert len(served.history.entries) == 1
    take(second, place, [report("b", day=1, slip=100)])
    assert stage.store.tallies(SLUG).total.counted == 2
    assert stage.store.verify() == 2


def test_a_batch_that_fails_leaves_nothing_and_ends_the_worker(stage: Stage) -> None:
    """Its memory has run ahead of the database: whoever comes next begins from the database."""

    class Broken:
        def now(self, workflow: str) -> None:
            raise RuntimeError("the model cannot be loaded")

    with running(stage, stage.reactor(Broken())) as worker:
        stage.send([report("a")])
        until(lambda: bool(worker.failures))
    assert stage.store.offset(SLUG) == stage.start - 1
    with running(stage, stage.reactor()) as worker:
        until(lambda: stage.taken)
    assert worker.failures == []
    assert stage.store.tallies(SLUG).total.counted == 1


class TestTheRelay:
    def test_publishes_every_decision_and_performs_each_automatic_action(
        self, stage: Stage
    ) -> None:
        psa = Psa()
        sent = [event for n in range(10) for event in slipping(f"p{n}")]
        with running(stage, stage.reactor(), psa):
            stage.send(sent)
            until(lambda: stage.taken and not stage.store.pending())
        decisions = {d.id: d for d in stage.store.decisions(SLUG)}
        assert len(decisions) == 30
        for record in stage.published():
            check(DESCRIBED, "decision", record.value)
        published = [msgspec.json.decode(r.value, type=Envelope) for r in stage.published()]
        assert {envelope.id for envelope in published} == decisions.keys()
        for envelope in published:
            decision = decisions[DecisionId(envelope.id)]
            assert envelope.type == "headway.decision.taken"
            assert envelope.subject == decision.subject
            assert msgspec.convert(envelope.data, Decision) == decision
        automatic = {
            action_id(d.id, spec.kind)
            for d in decisions.values()
            for spec in WORKFLOW.policy.band(d.probability).actions
            if spec.approval is None
        }
        assert psa.done == automatic
        assert set(psa.asked.values()) == {1}
        assert stage.store.verify() == len(decisions) + len(automatic)

    def test_publishes_again_what_it_could_not_note_as_sent(self, stage: Stage) -> None:
        """At least once: it was killed between sending and noting."""
        take(stage.reactor(), stage.start, slipping("p1"))
        store = stage.store
        noted, published = store.mark_sent, store.published
        store.mark_sent = store.published = killed  # type: ignore[method-assign]
        with running(stage, target=(psa := Psa())):
            until(lambda: len(stage.published()) >= 3 and len(psa.asked) >= 2)
        store.mark_sent, store.published = noted, published  # type: ignore[method-assign]
        with running(stage, target=psa):
            until(lambda: not stage.store.pending())
        assert set(Counter(record.value for record in stage.published()).values()) != {0}
        ids = Counter(msgspec.json.decode(r.value, type=Envelope).id for r in stage.published())
        assert len(ids) == 3
        assert min(ids.values()) >= 2
        assert len(psa.done) == 2

    def test_publishes_decisions_while_the_system_of_record_is_away(self, stage: Stage) -> None:
        psa = Psa(away=True)
        with running(stage, stage.reactor(), psa):
            stage.send(slipping("p1"))
            until(lambda: stage.taken and not stage.store.pending("decision"))
            until(lambda: bool(psa.asked))
            assert len(stage.published()) == 3
            assert len(stage.store.pending("action")) == 2
            assert psa.done == set()
            psa.away = False
            until(lambda: not stage.store.pending())
        assert len(psa.done) == 2
        assert statuses(stage) == Counter(done=2)

    def test_goes_on_after_an_action_that_is_refused(self, stage: Stage) -> None:
        psa = Psa(refuses=frozenset({"project:p1"}))
        with running(stage, stage.reactor(), psa):
            stage.send([*slipping("p1"), *slipping("p2")])
            until(lambda: stage.taken and not stage.store.pending())
        assert statuses(stage) == Counter(failed=2, done=2)
        assert set(psa.asked.values()) == {1}
        assert len(stage.published()) == 6

    def test_notes_what_was_done_before_the_system_went_away(self, stage: Stage) -> None:
        """An action that cannot be done now does not make those before it come again for ever."""
        take(stage.reactor(), stage.start, [*slipping("p1"), *slipping("p2")])

        class Fading(Psa):
            def perform(self, action: Action) -> str:
                self.away = action.subject == "project:p2"
                return super().perform(action)

        psa = Fading()
        with running(stage, target=psa):
            until(lambda: max(psa.asked.values(), default=0) >= 2)
            until(lambda: statuses(stage)["done"] == 2)
        assert statuses(stage) == Counter(queued=2, done=2)

    def test_leaves_what_waits_for_a_person_alone(self, stage: Stage) -> None:
        class Sure:
            version = "9"

            def now(self, workflow: str) -> Live:
                return Live(self)

            def predict(self, asked: Sequence[object]) -> list[float]:
                return [0.9] * len(asked)

        psa = Psa()
        with running(stage, stage.reactor(Sure()), psa):
            stage.send([report("a")])
            until(lambda: stage.taken and not stage.store.pending())
        (waiting,) = stage.store.waiting_actions()
        assert waiting.approval == "delivery_director"
        assert waiting.id not in psa.asked
        assert len(psa.done) == 1


def test_a_system_of_record_that_does_not_answer_is_asked_again(parts: Parts) -> None:
    """Nothing listens there: what is raised says to try again."""
    action = Action(
        id=action_id(DecisionId("d"), "notify"),
        decision=DecisionId("d"),
        workflow=SLUG,
        subject=SubjectId("project:p1"),
        kind="notify",
        says="Look.",
        approval=None,
        asked_at=NOON,
    )
    with pytest.raises(TargetAway, match="does not answer") as raised:
        HttpActionTarget.perform.__wrapped__(HttpActionTarget("http://127.0.0.1:9"), action)
    assert raised.value.retry


class TestTheWatchdog:
    @pytest.fixture(autouse=True)
    def quick(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(progress, "LOOK_SECONDS", 0.05)
        monkeypatch.setattr(progress, "STALL_SECONDS", 0.6)

    def test_ends_a_stream_that_takes_nothing_in(self, stage: Stage) -> None:
        stage.send([report("a")])
        with pytest.raises(Stalled, match=f"stands at offset {stage.start}, .* {stage.end}"):
            watch(stage, lambda: stage.start)

    def test_lets_a_stream_be_that_has_taken_in_all(self, stage: Stage) -> None:
        stage.send([report("a")])
        with pytest.raises(TimeoutError):
            watch(stage, lambda: stage.end)

    def test_lets_a_stream_be_that_advances_slowly(self, stage: Stage) -> None:
        stage.send([report(f"a{n}") for n in range(100)])
        place = iter(range(stage.start, stage.end))
        with pytest.raises(TimeoutError):
            watch(stage, lambda: next(place))

    def test_ends_a_stream_whose_agent_is_stuck(self, stage: Stage) -> None:
        """The agent of a real worker hangs in a batch: the process answers, nothing advances."""
        go_on = threading.Event()

        class Stuck(FeastStates):
            def write(self, *_: object) -> None:
                go_on.wait(30)

        with running(stage, stage.reactor(online=Stuck(stage.redis_url))) as state:
            assert state.worker
            stage.send([report("a")])
            until(lambda: stage.taken)
            stage.send([report("b")])
            try:
                with pytest.raises(Stalled):
                    watch(stage, state.worker.next_offset)
            finally:
                go_on.set()


def a_log(count: int) -> Sequence:
    """The first reports of the real log."""
    file, mapping = find_log("capital_projects")
    return outgoing(file, mapping, CANONICAL, now())[:count]


def take(reactor, start: int, payloads: Sequence[bytes]) -> None:
    """Hand records to a reactor as its agent would."""
    reactor.take([Record(start + n, now(), payload) for n, payload in enumerate(payloads)], now())


def commit_offset(stage: Stage, offset: int) -> None:
    """Say in the group's name that it has come as far as this."""
    partition = TopicPartition(EVENTS, 0)

    async def commit() -> None:
        async with AIOKafkaConsumer(
            bootstrap_servers=stage.bootstrap, group_id="headway-stream", enable_auto_commit=False
        ) as consumer:
            consumer.assign([partition])
            await consumer.commit({partition: offset})

    asyncio.run(commit())


def statuses(stage: Stage) -> Counter[str]:
    """How many actions have come how far."""
    return Counter(row["status"] for row in rows(stage.url, "action"))


def killed(*_: object) -> None:
    """What a relay does that is killed at this point: nothing, and it is not seen again."""
    raise asyncio.CancelledError


def watch(stage: Stage, next_offset) -> None:
    """Watch for a second and a half."""

    async def limited() -> None:
        async with asyncio.timeout(1.5):
            await watch_progress(stage.bootstrap, next_offset)

    asyncio.run(limited())


def _offset(row: dict) -> int:
    return row["offset"]
