"""The embedded parts are the real servers, keep to themselves, and survive what kills them."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import psutil
import pytest
import redis
import sqlalchemy

# aiokafka ships no types.
from aiokafka import (  # type: ignore[import-untyped]
    AIOKafkaConsumer,
    AIOKafkaProducer,
)
from aiokafka.admin import AIOKafkaAdminClient, NewTopic  # type: ignore[import-untyped]

from headway.parts import (
    Addresses,
    ExternalAddresses,
    Kafka,
    PartError,
    Parts,
    Postgres,
    Redis,
    running,
)
from headway.parts.identity import Identity
from headway.parts.jars import faults, kafka_jars
from headway.parts.ports import LOOPBACK
from headway.parts.record import Record, reap
from headway.parts.server import Server

CACHE = Path.home() / ".cache" / "headway"
ROOT = Path(__file__).parents[2]
TEN_MEGABYTES = 10_000_000
USUAL_PORTS = (9092, 5432, 6379)
OWNER = """
import sys, time
from pathlib import Path
from headway.parts import Parts, exit_on_signals
with exit_on_signals(), Parts.start(Path(sys.argv[1]), cache=Path(sys.argv[2])):
    print("up", flush=True)
    time.sleep(600)
"""


@pytest.fixture(scope="module", autouse=True)
def usual_ports_taken() -> Iterator[None]:
    """All of this works while something else has Kafka's, PostgreSQL's and Redis' usual ports."""
    with ExitStack() as held:
        for port in USUAL_PORTS:
            taker = held.enter_context(closing(socket.socket()))
            try:
                taker.bind((LOOPBACK, port))
                taker.listen()
            except OSError:
                continue  # taken already, which is what the test wants
        yield


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Parts]:
    with Parts.start(tmp_path_factory.mktemp("parts"), cache=CACHE) as started:
        yield started


def test_a_message_a_row_and_a_key_come_back(parts: Parts) -> None:
    write_all(parts, "round-trip")
    assert read_all(parts, "round-trip") == ("round-trip", "round-trip", "round-trip")


def test_a_ten_megabyte_message_is_taken(parts: Parts) -> None:
    payload = os.urandom(TEN_MEGABYTES)
    asyncio.run(send(parts.kafka_bootstrap, "large", payload))
    assert asyncio.run(receive(parts.kafka_bootstrap, "large")) == payload


def test_nothing_listens_beyond_loopback(parts: Parts) -> None:
    listening = [
        connection.laddr.ip
        for server in servers(parts)
        for process in family(server.pid)
        for connection in process.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN or connection.type == socket.SOCK_DGRAM
    ]
    assert listening
    assert set(listening) <= {LOOPBACK, f"::ffff:{LOOPBACK}", "::1"}


def test_only_we_can_enter_the_data_and_the_socket(parts: Parts) -> None:
    for server in servers(parts):
        assert server.folder.stat().st_mode & 0o007 == 0
    assert parts.postgres
    assert (parts.postgres.folder / "socket").stat().st_mode & 0o077 == 0


def test_a_second_copy_on_the_same_folder_is_refused(parts: Parts) -> None:
    folder = servers(parts)[0].folder.parent
    with pytest.raises(PartError, match=rf"in use by process {os.getpid()}\. Stop that copy"):
        Parts.start(folder, cache=CACHE)
    assert running(folder) == parts.addresses


def test_two_copies_do_not_collide(parts: Parts, tmp_path: Path) -> None:
    write_all(parts, "first")
    with Parts.start(tmp_path, cache=CACHE) as other:
        write_all(other, "second")
        assert not set(vars(parts.addresses).values()) & set(vars(other.addresses).values())
        assert read_all(other, "second") == ("second", "second", "second")
    assert read_all(parts, "first") == ("first", "first", "first")
    assert running(tmp_path) is None


@pytest.mark.parametrize("which", ["kafka", "postgres", "redis"])
def test_data_and_address_outlive_kill_9(parts: Parts, which: str) -> None:
    write_all(parts, which)
    before, server = parts.addresses, getattr(parts, which)
    server.kill()
    assert server.pid is None
    server.restart()
    assert parts.addresses == before
    assert read_all(parts, which) == (which, which, which)


def test_orphans_of_a_killed_owner_are_cleaned_up(tmp_path: Path) -> None:
    with owner(tmp_path) as first:
        kept = running(tmp_path)
        assert kept is not None
        write_all(kept, "kept")
        orphans = [Record.read(file) for file in tmp_path.glob("*/process.json")]
        first.kill()
        first.wait()
    assert running(tmp_path) is None
    assert [record.orphaned() for record in orphans if record] == [True, True, True]
    with Parts.start(tmp_path, cache=CACHE) as second:
        assert [record.orphaned() for record in orphans if record] == [False, False, False]
        assert second.addresses == kept
        assert read_all(second, "kept") == ("kept", "kept", "kept")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("up", [False, True])
def test_a_signal_stops_all(tmp_path: Path, number: signal.Signals, up: bool) -> None:
    """Both while the parts are still starting and when they are up."""
    with owner(tmp_path, wait=up) as process:
        while not (started := family(process.pid)[1:]):
            time.sleep(0.01)
        identities = [Identity(child.pid, child.create_time()) for child in started]
        process.send_signal(number)
        process.wait(30)
    assert all(identity.ended_within(5) for identity in identities)
    assert list(tmp_path.glob("*/process.json")) == []


def test_stop_ends_what_prepares_a_part(tmp_path: Path) -> None:
    """A first start formats Kafka's folder and makes PostgreSQL's: programs with no record."""
    for server in (Kafka(tmp_path / "kafka", CACHE), Postgres(tmp_path / "postgres")):
        before = {child.pid for child in family(os.getpid())}
        starting = threading.Thread(target=pytest.raises, args=(PartError, server.start))
        starting.start()
        while not (new := [p for p in family(os.getpid()) if p.pid not in before]):
            time.sleep(0.01)
        identities = [Identity(child.pid, child.create_time()) for child in new]
        server.stop()
        assert [identity.process() for identity in identities] == [None] * len(new)
        starting.join(10)
        assert not starting.is_alive()


def test_external_addresses_are_used_as_they_are(tmp_path: Path) -> None:
    external = ExternalAddresses("kafka:9092", "postgresql+psycopg://db/x", "redis://cache:6379/0")
    with Parts.start(tmp_path, cache=CACHE, external=external) as started:
        assert servers(started) == []
        assert [*vars(started.addresses).values()] == [*vars(external).values()]


def test_a_process_that_took_an_old_pid_is_left_alone(tmp_path: Path) -> None:
    bystander = subprocess.Popen(["/bin/sleep", "60"])
    try:
        old = Identity(bystander.pid, Identity.of(bystander.pid).create_time - 60)
        Record(old, Identity(1, 0.0), "sleep").write(tmp_path / "process.json")
        reap(tmp_path / "process.json", signal.SIGTERM)
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


def test_a_port_taken_since_the_last_run_is_replaced(tmp_path: Path) -> None:
    first = Redis(tmp_path)
    first.start()
    first.stop()
    with closing(socket.socket()) as taker:
        taker.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taker.bind((LOOPBACK, int((tmp_path / "port").read_text())))
        taker.listen()
        second = Redis(tmp_path)
        second.start()
        assert second.url != first.url
        second.stop()


def test_postgres_starts_in_a_folder_too_long_for_a_socket(tmp_path: Path) -> None:
    server = Postgres(tmp_path / ("long" * 30) / "it's 100% here")
    server.folder.parent.mkdir(parents=True)
    server.start()
    try:
        url = server.create_database("second one")
        assert server.create_database("second one") == url
        assert query(url, "select current_database()") == "second one"
    finally:
        server.stop()


def test_a_damaged_jar_is_noticed(tmp_path: Path) -> None:
    folder = kafka_jars(CACHE)
    for jar in folder.iterdir():
        (tmp_path / jar.name).symlink_to(jar)
    assert faults(tmp_path) == []
    (tmp_path / "slf4j-simple-1.7.36.jar").unlink()
    (tmp_path / "slf4j-simple-1.7.36.jar").write_bytes(b"cut")
    assert faults(tmp_path) == ["slf4j-simple-1.7.36.jar"]


@contextmanager
def owner(folder: Path, wait: bool = True) -> "Iterator[subprocess.Popen[bytes]]":
    """Another Python process that keeps parts up, and is killed at the end if it still lives."""
    process = subprocess.Popen(  # noqa: S603 - our own program and arguments
        [sys.executable, "-c", OWNER, str(folder), str(CACHE)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    try:
        assert process.stdout
        assert not wait or process.stdout.readline() == b"up\n"
        yield process
    finally:
        process.kill()
        process.communicate()


def servers(parts: Parts) -> list[Server]:
    return [part for part in (parts.kafka, parts.postgres, parts.redis) if part is not None]


def family(pid: int | None) -> list[psutil.Process]:
    process = psutil.Process(pid)
    return [process, *process.children(recursive=True)]


def write_all(where: Parts | Addresses, text: str) -> None:
    """Write one text to all three parts, under a topic, table and key of this name."""
    asyncio.run(send(where.kafka_bootstrap, text, text.encode()))
    query(where.database_url, f"create table \"{text}\" as select '{text}' as text")
    with redis.Redis.from_url(where.redis_url) as client:
        client.set(text, text)


def read_all(where: Parts | Addresses, name: str) -> tuple[object, object, object]:
    """What a topic, a table and a key of this name hold."""
    message = asyncio.run(receive(where.kafka_bootstrap, name))
    row = query(where.database_url, f'select text from "{name}"')  # noqa: S608 - our own names
    with redis.Redis.from_url(where.redis_url, decode_responses=True) as client:
        return message.decode(), row, client.get(name)


def query(url: str, statement: str) -> object:
    engine = sqlalchemy.create_engine(url, poolclass=sqlalchemy.NullPool)
    with engine.begin() as connection:
        result = connection.execute(sqlalchemy.text(statement))
        return result.scalar() if result.returns_rows else None


async def send(bootstrap: str, topic: str, value: bytes) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    await admin.create_topics([NewTopic(topic, 1, 1)])
    await admin.close()
    async with AIOKafkaProducer(
        bootstrap_servers=bootstrap, acks="all", max_request_size=TEN_MEGABYTES + 1_000
    ) as producer:
        await producer.send_and_wait(topic, value)


async def receive(bootstrap: str, topic: str) -> bytes:
    async with AIOKafkaConsumer(
        topic,
        bootstrap_servers=bootstrap,
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=TEN_MEGABYTES + 1_000,
    ) as consumer:
        return bytes((await asyncio.wait_for(consumer.getone(), 30)).value)
