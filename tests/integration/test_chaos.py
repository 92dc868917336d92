"""Kill -9 of every process in turn during a replay: the result is that of an undisturbed run."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest
import redis
from sqlalchemy import NullPool, create_engine, text

from features.online import FeastStates
from firm.decision import Decision
from firm.envelope import Envelope
from firm.store import SqlStore
from headway.catalogue import canonicaliser, declared
from headway.clock import now
from headway.copy import Copy
from headway.demo.bad import bad_inputs
from headway.logs import Disturbance, Outgoing, find_log, outgoing
from headway.parts.server import Server
from headway.replay import send, wait_until_taken
from headway.settings import Settings
from stream.log import records
from stream.reactor import Reactor
from stream.reader import Reader, Record
from stream.topics import DECISIONS
from tests.contract.store.samples import rows
from tests.stage import KEY, SLUG, NoModel, read, request, until
from workflows.delivery_risk import WORKFLOW

pytestmark = [pytest.mark.slow, pytest.mark.timeout(420)]

SEGMENT, HALF = 70, 35
PER_SECOND = 80.0
# What a batch writes late and last: whoever holds it, holds the batch.
LAST_LINK = "audit_head where chain like 'stream:%'"
PLACE_IN_THE_LOG = "stream_offset"
WORKFLOWS = declared()
CANONICAL = canonicaliser(WORKFLOWS)


@dataclass
class Run:
    """The replay that is disturbed, and what shows that each blow hit."""

    copy: Copy
    payloads: list[bytes]
    end: int = 0
    torn: dict[str, Any] = field(default_factory=dict)
    undisturbed: SqlStore | None = None

    @property
    def store(self) -> SqlStore:
        return self.copy.store

    @property
    def url(self) -> str:
        return self.copy.settings.database or ""

    def replay(self, blow: Blow) -> None:
        """Send half of the next segment in peace, and the other half while a blow falls."""
        segment = [
            Outgoing(b"a key", payload, 0) for payload in self.payloads[self.end :][:SEGMENT]
        ]
        assert len(segment) == SEGMENT
        self._send(segment[:HALF])
        self.wait_until_taken()
        until(lambda: not behind(self))  # so that the worker has nothing left to do
        sending: list[threading.Thread] = []

        def send_rest(per_second: float | None) -> None:
            sending.append(threading.Thread(target=self._send, args=(segment[HALF:], per_second)))
            sending[0].start()

        blow(self, send_rest)
        sending[0].join()
        self.wait_until_taken()
        until(lambda: not behind(self))

    def wait_until_taken(self) -> None:
        wait_until_taken(self.store, SLUG, 0, self.end, lambda _: None)

    def _send(self, events: list[Outgoing], per_second: float | None = None) -> None:
        self.end = send(self.copy.settings.kafka or "", events, lambda _: None, per_second)


SendRest = Callable[[float | None], None]
Blow = Callable[[Run, SendRest], None]


def worker_in_its_transaction(rows_held: str) -> Blow:
    """Kill the worker while the database has half of a batch: another holds a row it needs."""

    def blow(run: Run, send_rest: SendRest) -> None:
        with held(run.url, rows_held):
            place = run.end
            send_rest(None)
            until(lambda: waiting(run.url) > 0)
            run.copy.worker.kill()
            run.torn[rows_held] = run.store.offset(SLUG) + 1 - place

    return blow


def worker_between_database_and_redis(run: Run, send_rest: SendRest) -> None:
    """Kill the worker when a batch is committed and Redis has not heard of it."""
    with hung(run.copy.parts.redis):
        place = run.end
        send_rest(None)
        until(lambda: run.store.offset(SLUG) >= place)
        run.copy.worker.kill()
    until(lambda: answers(run.copy.settings.redis or ""))
    run.torn["states behind in Redis"] = len(behind(run))


def a_part(name: str) -> Blow:
    """Kill Kafka, PostgreSQL or Redis while the replay is under way."""

    def blow(run: Run, send_rest: SendRest) -> None:
        server, place = getattr(run.copy.parts, name), run.end
        run.torn[name] = server.pid
        send_rest(PER_SECOND)
        until(lambda: run.store.offset(SLUG) >= place)
        server.kill()
        until(lambda: server.pid is not None)

    return blow


BLOWS = (
    worker_in_its_transaction(LAST_LINK),
    worker_in_its_transaction(PLACE_IN_THE_LOG),
    worker_between_database_and_redis,
    a_part("redis"),
    a_part("postgres"),
    a_part("kafka"),
)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """One replay with all the blows; then the same log, read by a reactor that nothing disturbs."""
    settings = Settings(home=tmp_path_factory.mktemp("chaos"))
    with without_pages(), Copy.start(settings, lambda _: None) as copy:
        run = Run(copy, payloads())
        for blow in BLOWS:
            run.replay(blow)
        until(lambda: not copy.store.pending(), seconds=60)
        run.undisturbed = take_undisturbed(run)
        yield run
        run.undisturbed.close()


@pytest.fixture(scope="module")
def reference(run: Run) -> SqlStore:
    assert run.undisturbed
    return run.undisturbed


@pytest.mark.parametrize("rows_held", [LAST_LINK, PLACE_IN_THE_LOG])
def test_the_worker_was_killed_in_the_middle_of_a_batch(run: Run, rows_held: str) -> None:
    """It waited within its transaction, and none of the batch was committed."""
    assert run.torn[rows_held] == 0


def test_redis_was_left_behind_the_database(run: Run) -> None:
    assert run.torn["states behind in Redis"] > 0


def test_every_part_was_killed_and_runs_again(run: Run) -> None:
    for name in ("redis", "postgres", "kafka"):
        assert run.torn[name] not in (None, getattr(run.copy.parts, name).pid)


def test_decisions_are_those_of_the_undisturbed_run(run: Run, reference: SqlStore) -> None:
    """All of each, but for when it was taken: event, features, score, evidence."""
    assert decisions(run.store) == decisions(reference)
    assert len(decisions(run.store)) > 300


def test_states_and_features_are_those_of_the_undisturbed_run(
    run: Run, reference: SqlStore
) -> None:
    ours, theirs = run.store.states(WORKFLOW), reference.states(WORKFLOW)
    assert ours.subjects == theirs.subjects
    assert ours.groups == theirs.groups
    assert ours.watermark == theirs.watermark
    assert ours.requests == theirs.requests
    for subject in ours.subjects:
        known, as_told = (s.known(WORKFLOW, subject, s.watermark) for s in (ours, theirs))
        assert WORKFLOW.row(known) == WORKFLOW.row(as_told)


def test_tallies_are_those_of_the_undisturbed_run(run: Run, reference: SqlStore) -> None:
    assert run.store.tallies(SLUG) == reference.tallies(SLUG)


def test_nothing_is_lost_and_nothing_counted_twice(run: Run) -> None:
    """The requests that were answered are no events of the firm, and in no tally."""
    fates = Counter(row["fate"] for row in rows(run.url, "inbox"))
    assert run.store.tallies(SLUG).total.received + fates["answered"] == len(BLOWS) * SEGMENT


@pytest.mark.parametrize("table", ["outcome", "inbox"])
def test_a_table_is_that_of_the_undisturbed_run(run: Run, reference: SqlStore, table: str) -> None:
    ours, theirs = (
        [{name: value for name, value in row.items() if name != "recorded_at"} for row in found]
        for found in (rows(run.url, table), rows(url_of(reference), table))
    )
    assert ours == theirs
    assert ours


def test_actions_are_those_of_the_undisturbed_run(run: Run, reference: SqlStore) -> None:
    kept = ("id", "decision", "kind", "subject", "approval", "asked_at")
    ours, theirs = (
        [{name: row[name] for name in kept} for row in rows(url, "action")]
        for url in (run.url, url_of(reference))
    )
    assert sorted(ours, key=repr) == sorted(theirs, key=repr)
    assert ours


def test_dead_letters_are_those_of_the_undisturbed_run(run: Run, reference: SqlStore) -> None:
    ours, theirs = (
        {letter.offset: (letter.kind, letter.payload) for letter in store.dead_letters()}
        for store in (run.store, reference)
    )
    assert ours == theirs
    assert ours


def test_the_audit_chain_holds(run: Run) -> None:
    done = Counter(row["status"] for row in rows(run.url, "action"))["done"]
    told = Counter(entry["verb"] for entry in run.store.export())
    assert run.store.verify() >= told.total()
    assert (told.pop("decided"), told.pop("did")) == (len(decisions(run.store)), done)
    assert told.keys() <= {"raised"}, "besides, only monitoring may have raised an alert meanwhile"


def test_redis_serves_the_states_of_the_database(run: Run) -> None:
    assert behind(run) == []


def test_every_decision_was_published(run: Run) -> None:
    topic = read(run.copy.settings.kafka or "", DECISIONS, 0)
    published = {msgspec.json.decode(record.value, type=Envelope).id for record in topic}
    assert published == decisions(run.store).keys()


def test_every_automatic_action_was_performed_once(run: Run) -> None:
    automatic = [row for row in rows(run.url, "action") if row["approval"] is None]
    assert {row["status"] for row in automatic} == {"done"}
    assert run.copy.actions_performed() == Counter(row["kind"] for row in automatic)


def payloads() -> list[bytes]:
    """The first part of the real log, disturbed; each segment has a request and bad inputs in its
    first half, so that each blow falls on reports."""
    file, mapping = find_log("capital_projects")
    events = outgoing(file, mapping, CANONICAL, now())[: len(BLOWS) * SEGMENT]
    reports = [event.payload for event in Disturbance(0.05, 0.1).apply(events)]
    project = CANONICAL.event(reports[0], now()).subject.removeprefix("project:")
    bad = [payload for payload in bad_inputs(SLUG, now()).values() if len(payload) < 10_000]
    found: list[bytes] = []
    for number in range(len(BLOWS)):
        others = [request(f"request-{number}", project, day=number), *bad[number :: len(BLOWS)]]
        found += [*reports[:10], *others, *reports[10 : SEGMENT - len(others)]]
        del reports[: SEGMENT - len(others)]
    return found


def take_undisturbed(run: Run) -> SqlStore:
    """The same log from its beginning, into a database and a Redis number of its own."""
    assert run.copy.parts.postgres
    store = SqlStore(run.copy.parts.postgres.create_database("undisturbed"), KEY)
    store.migrate()
    reactor = Reactor(
        WORKFLOW,
        store.open_stream(WORKFLOW),
        Reader(CANONICAL),
        NoModel(),
        FeastStates(run.copy.parts.redis_url.rpartition("/")[0] + "/1"),
        frozenset(WORKFLOWS),
    )

    async def take() -> None:
        async for chunk in records(run.copy.settings.kafka or "", 0, run.end):
            taken = [Record(r.offset, r.timestamp * 1_000, r.value) for r in chunk]
            reactor.take(taken, now())

    asyncio.run(take())
    return store


def decisions(store: SqlStore) -> dict[str, Decision]:
    """Every decision by its id, as if all were taken at one time."""
    taken = store.decisions(SLUG)
    return {one.id: msgspec.structs.replace(one, decided_at=0) for one in taken}


def behind(run: Run) -> list[str]:
    """The subjects and groups that Redis serves otherwise than the database has them."""
    states, online = run.store.states(WORKFLOW), FeastStates(run.copy.settings.redis or "")
    found = []
    for subject, state in states.subjects.items():
        served, groups = online.read(WORKFLOW, subject)
        differing = [name for name, group in groups.items() if group != states.groups[name]]
        found += differing if served == state else [subject, *differing]
    return found


@contextmanager
def held(url: str, rows_held: str) -> Iterator[None]:
    """Hold rows that each batch has to write."""
    engine = create_engine(url, poolclass=NullPool)
    with engine.begin() as connection:
        connection.execute(text(f"select * from {rows_held} for update"))  # noqa: S608 - our own words
        yield


def waiting(url: str) -> int:
    """How many transactions wait for a lock."""
    query = "select count(*) from pg_stat_activity where wait_event_type = 'Lock'"
    with create_engine(url, poolclass=NullPool).connect() as connection:
        found: int = connection.execute(text(query)).scalar_one()
    return found


@contextmanager
def hung(server: Server | None) -> Iterator[None]:
    """Let a part hang, and kill it: alive again, it would find in its socket what was sent."""
    assert server
    assert server.pid
    hanging = server.pid
    os.kill(hanging, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(hanging, signal.SIGKILL)
        until(lambda: server.pid not in (None, hanging))


def answers(url: str) -> bool:
    with redis.Redis.from_url(url) as client, suppress(redis.RedisError):
        return bool(client.ping())
    return False


@contextmanager
def without_pages() -> Iterator[None]:
    """MLflow's pages play no part here, and would take a core for ten seconds."""

    def idle(*_: object) -> tuple[list[str], dict[str, str]]:
        return [sys.executable, "-c", "import signal; signal.pause()"], {}

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("headway.copy.command", idle)
        yield


def url_of(store: SqlStore) -> str:
    """Where a store keeps its database, with the password."""
    return store._database.engine.url.render_as_string(hide_password=False)
