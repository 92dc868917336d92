"""Webhooks in the database, and the dispatcher over it to a real receiver."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from structlog.testing import capture_logs

from firm.decision import Decision
from firm.envelope import Envelope, seal_envelope
from firm.errors import NotAllowed
from firm.handlers import actions
from firm.ids import SubjectId
from firm.patience import Patience
from firm.store import SqlStore, Tried
from firm.time import DAY, SECOND
from firm.webhooks import UnknownWebhook, Webhook, secret_of
from headway import backlog
from headway.backlog import Backlog
from headway.clock import now
from headway.dispatcher import Dispatcher
from headway.parts import free_port
from headway.parts.postgres import Postgres
from headway.receivers import Receivers
from headway.retention import Retention
from tests.contract.store.receiver import Receiver, receiving
from tests.contract.store.samples import KEY, NOON, SLUG, record_all, rows, taken, tamper
from tests.stage import until
from workflows.delivery_risk import WORKFLOW

ROOT = Path(__file__).parents[3]
QUICK = Patience(first_seconds=0.02, factor=2, longest_seconds=0.1, tries=3)
SHORT = Patience(first_seconds=0.1, factor=2, longest_seconds=0.2, tries=1 << 30)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as state:
        yield state


def subscribe(store: SqlStore, name: str, url: str = "http://127.0.0.1:9/", **said: Any) -> Webhook:
    made = Webhook(**{
        "id": f"id of {name}", "name": name, "url": url, "workflows": (), "bands": (),
        "made_by": "Ina", "made_at": NOON, **said,
    })  # fmt: skip
    store.add_webhook(made, "governance")
    return made


def decide(store: SqlStore, *subjects: str, probability: float = 0.1) -> list[Decision]:
    """Decisions on subjects, as the relay has published them."""
    known = len(rows_of(store))
    made = [
        msgspec.structs.replace(
            taken(f"{subject} {known + n}", probability), subject=SubjectId(subject)
        )
        for n, subject in enumerate(subjects)
    ]
    for one in made:
        record_all(store, [(one, [])])
    pending = store.pending("decision")
    events = [
        seal_envelope(
            Envelope(one.id, "/headway", "headway.decision.taken", one, None, one.subject)
        )
        for one in made
    ]
    store.published(pending, events, now())
    return made


def rows_of(store: SqlStore) -> list[Decision]:
    return list(store.decisions(SLUG))


def serve(
    store: SqlStore, holds: Callable[[], bool], patience: Patience = QUICK, **said: Any
) -> None:
    """Run a dispatcher until something holds."""

    async def run() -> None:
        receivers = Receivers(loopback=True)
        dispatcher = Dispatcher(store, KEY, receivers, patience, SHORT, **said)
        async with asyncio.timeout(90):
            while not holds():
                await dispatcher.look()
                await asyncio.sleep(0.02)
        await dispatcher.close()
        await receivers.close()

    asyncio.run(run())


def settled(store: SqlStore, webhook: Webhook) -> Callable[[], bool]:
    return lambda: not store.deliveries(webhook.id, "pending")


class TestWhatIsQueued:
    def test_is_what_the_subscriber_wants_together_with_noting_it_as_sent(
        self, store: SqlStore
    ) -> None:
        everything = subscribe(store, "everything")
        acting = subscribe(store, "acting", bands=("act",))
        other = subscribe(store, "other", workflows=("staffing_fit",))
        (calm,) = decide(store, "project:1")
        (act,) = decide(store, "project:1", probability=0.9)
        assert [d.decision for d in store.deliveries(everything.id)] == [act.id, calm.id]
        assert [d.decision for d in store.deliveries(acting.id)] == [act.id]
        assert store.deliveries(other.id) == []
        assert store.pending() == []

    def test_is_queued_once_however_often_the_relay_repeats_itself(self, store: SqlStore) -> None:
        webhook = subscribe(store, "s")
        record_all(store, [(taken("a"), [])])
        pending = store.pending("decision")
        for _ in range(2):
            store.published(pending, [b"{}"], NOON)
        assert len(store.deliveries(webhook.id)) == 1

    def test_is_claimed_by_one_and_again_once_the_claim_ends(
        self, store: SqlStore, open_store: Callable[[], SqlStore]
    ) -> None:
        webhook = subscribe(store, "s")
        decide(store, "project:1", "project:2", "project:1")
        at = now()
        claimed = store.claim_deliveries(webhook.id, 2, at, at + SECOND)
        assert [one.key for one in claimed] == ["project:1", "project:2"]
        assert open_store().claim_deliveries(webhook.id, 9, at, at + SECOND) == []
        again = open_store().claim_deliveries(webhook.id, 9, at + 2 * SECOND, at + 9 * SECOND)
        assert [one.key for one in again] == ["project:1", "project:2", "project:1"]

    def test_names_are_taken_once_and_freed_by_removal(self, store: SqlStore) -> None:
        subscribe(store, "s")
        with pytest.raises(NotAllowed, match="take another name"):
            subscribe(store, "s", id="another")
        store.remove_webhook("s", "Ina", "governance", NOON)
        assert store.subscriptions() == []
        with pytest.raises(UnknownWebhook):
            store.subscription("s")
        subscribe(store, "s", id="third")
        assert store.verify() == 3

    def test_no_secret_stands_in_the_database(self, store: SqlStore, url: str) -> None:
        webhook = subscribe(store, "s")
        decide(store, "project:1")
        secret = secret_of(KEY, webhook.id)
        for table in ("webhook", "webhook_delivery", "audit_link"):
            assert secret not in repr(rows(url, table)).encode()
            assert secret.hex() not in repr(rows(url, table))


@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
class TestDelivery:
    def test_is_signed_in_order_and_the_event_of_the_topic(
        self, store: SqlStore, receiver: Receiver
    ) -> None:
        webhook = subscribe(store, "s", receiver.url)
        receiver.secret = secret_of(KEY, webhook.id)
        made = decide(store, *(f"project:{n % 3}" for n in range(12)))
        serve(store, settled(store, webhook))
        assert [event["id"] for _, event in receiver.got] == [one.id for one in made]
        assert msgspec.convert(receiver.got[0][1]["data"], Decision) == made[0]
        assert receiver.forged == 0
        assert {one.answer for one in store.deliveries(webhook.id)} == {"answered 204"}
        assert len({id_ for id_, _ in receiver.got}) == 12

    def test_that_fails_is_put_off_given_up_with_an_alarm_and_sent_again_on_demand(
        self, store: SqlStore, receiver: Receiver
    ) -> None:
        """It holds up what follows on its subject, and nothing else."""
        webhook = subscribe(store, "s", receiver.url)
        receiver.secret = secret_of(KEY, webhook.id)
        receiver.moods = {"project:bad": 500}
        decide(store, "project:bad", "project:1", "project:bad", "project:2")
        serve(store, lambda: len(store.deliveries(webhook.id, "delivered")) == 2)
        assert receiver.subjects == ["project:1", "project:2"]
        serve(store, lambda: len(store.deliveries(webhook.id, "dead")) == 2)
        assert [one.tries for one in store.deliveries(webhook.id, "dead")] == [QUICK.tries] * 2
        assert set(receiver.refused) == {"project:bad"}
        assert store.count_deliveries() == {("s", "dead"): 2}
        (alarm,) = [one for one in store.alerts(SLUG) if one.alert.kind == "webhook-dead"]
        assert (alarm.alert.about, alarm.times) == ("s", 2)
        assert "webhooks redeliver s" in alarm.alert.todo
        receiver.moods = {}
        assert store.redeliver(webhook.id, None, "Ina", "governance", now()) == 2
        serve(store, settled(store, webhook))
        assert receiver.subjects[2:] == ["project:bad"] * 2
        assert store.verify()

    def test_waits_for_a_receiver_that_is_down_and_holds_up_nobody_else(
        self, store: SqlStore, receiver: Receiver
    ) -> None:
        port = free_port()
        down = subscribe(store, "down", f"http://127.0.0.1:{port}/in")
        well = subscribe(store, "well", receiver.url)
        receiver.secret = secret_of(KEY, well.id)
        made = decide(store, *(f"project:{n}" for n in range(20)))
        patient = Patience(first_seconds=0.02, factor=1, longest_seconds=0.1, tries=1_000)
        serve(store, lambda: bool(store.subscription("down").paused_until), patient)
        serve(store, settled(store, well), patient)
        assert store.subscription("down").failures >= 5
        assert "webhook-away" in {found.alert.kind for found in store.alerts(SLUG)}
        assert sum(one.tries for one in store.deliveries(down.id)) < 20, (
            "left alone when it is down"
        )
        with receiving(port) as up:
            up.secret = secret_of(KEY, down.id)
            serve(store, settled(store, down), patient)
            assert sorted(event["id"] for _, event in up.got) == sorted(one.id for one in made)
        assert store.subscription("down").failures == 0

    def test_goes_nowhere_by_a_redirect(self, store: SqlStore, receiver: Receiver) -> None:
        webhook = subscribe(store, "s", receiver.url)
        receiver.secret = secret_of(KEY, webhook.id)
        receiver.mood = 307
        decide(store, "project:1")
        serve(store, lambda: bool(store.deliveries(webhook.id, "dead")))
        assert "redirects are not followed" in str(store.deliveries(webhook.id)[0].answer)

    def test_goes_to_nobody_whose_row_was_changed(
        self, store: SqlStore, url: str, receiver: Receiver
    ) -> None:
        subscribe(store, "s", "http://127.0.0.1:9/")
        decide(store, "project:1")
        tamper(url, f"UPDATE webhook SET url = '{receiver.url}'")  # noqa: S608  (our own words)
        with capture_logs() as said:
            serve(store, lambda: any("registered" in line["event"] for line in said))
        assert receiver.got == receiver.refused == []


def test_a_dispatcher_that_is_killed_in_the_middle_leaves_nothing_untold(
    postgres: Postgres, tmp_path: Path
) -> None:
    """The real process, on PostgreSQL: its successor sends the rest, each message with one id."""
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "audit.key").write_bytes(KEY)
    url = postgres.create_database("dispatched")
    store = SqlStore(url, KEY)
    store.migrate()
    with receiving() as receiver:
        webhook = subscribe(store, "s", receiver.url)
        receiver.secret = secret_of(KEY, webhook.id)
        receiver.slow = 0.01
        made = decide(store, *(f"project:{n}" for n in range(40)))
        with dispatcher(url, tmp_path) as process:
            until(lambda: len(receiver.got) >= 5, seconds=120)
            process.kill()
        assert len(receiver.got) < 40
        serve(store, settled(store, webhook))
        assert list(dict.fromkeys(e["id"] for _, e in receiver.got)) == [d.id for d in made]
        assert len({id_ for id_, _ in receiver.got}) == 40
    store.close()


@contextmanager
def dispatcher(url: str, home: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The process; its claims end soon, so that a successor need not wait."""
    program = (
        "from headway import dispatcher as d; from headway.settings import Settings; "
        "d.Dispatcher.__init__.__defaults__ = (*d.Dispatcher.__init__.__defaults__[:-1], 500_000); "
        "d.run(Settings())"
    )
    environment = {
        **os.environ, "HEADWAY_HOME": str(home), "HEADWAY_DATABASE": url, "HEADWAY_DEVELOPER": "1",
    }  # fmt: skip
    process = subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, env=environment)  # noqa: S603  (ours)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(30)


class TestActionsThatFail:
    def test_are_put_off_and_hold_up_only_their_subject(self, store: SqlStore) -> None:
        for n, project in enumerate(("a", "b", "a")):
            one = taken(f"ask {n}", 0.9)
            subject = SubjectId(f"project:{project}")
            asked = msgspec.structs.replace(one, subject=subject), actions_of(one, subject)
            record_all(store, [asked])
        first, *_ = store.due_actions(NOON, 10)
        assert first.key == "project:a"
        store.put_off(first, NOON + 10)
        assert {row.key for row in store.due_actions(NOON, 10)} == {"project:b"}
        later = store.due_actions(NOON + 10, 10)
        assert (later[0].seq, later[0].tries) == (first.seq, 1)
        assert [row.seq for row in later] == sorted(row.seq for row in later)


def actions_of(decision: Decision, subject: SubjectId) -> list[Any]:
    found = actions(WORKFLOW, decision)
    return [msgspec.structs.replace(one, subject=subject) for one in found]


def test_what_waits_too_long_is_given_up_counted_and_told(store: SqlStore, url: str) -> None:
    """Tried or not; what is queued again waits anew, and what was given up is removed in time."""
    webhook = subscribe(store, "away")
    decide(store, *(f"project:{n}" for n in range(5)))
    cut = Backlog(store, days=3, most=1_000).cut
    assert cut() == 0
    tamper(url, f"UPDATE webhook_delivery SET made_at = {now() - 4 * DAY} WHERE seq <= 3")  # noqa: S608  (our own words)
    assert cut() == 3
    dead = store.deliveries(webhook.id, "dead")
    assert [one.key for one in dead] == ["project:2", "project:1", "project:0"]
    assert {one.answer for one in dead} == {"given up after 3 days of waiting"}
    assert store.count_deliveries() == {("away", "dead"): 3, ("away", "pending"): 2}
    (alarm,) = store.alerts(SLUG)
    assert (alarm.alert.kind, alarm.alert.about) == ("webhook-backlog", "away")
    assert "gave up 3 messages" in alarm.alert.says
    assert store.redeliver(webhook.id, None, "Ina", "governance", now()) == 3
    assert cut() == 0
    assert store.count_deliveries() == {("away", "pending"): 5}


def test_where_too_many_wait_the_oldest_are_given_up_counted_and_told(
    store: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In batches, of each subscriber alone; those that are left are the newest."""
    monkeypatch.setattr(backlog, "BATCH", 2)
    many, few = subscribe(store, "many"), subscribe(store, "few", bands=("act",))
    decide(store, *(f"project:{n}" for n in range(8)))
    decide(store, *(f"project:{n}" for n in range(3)), probability=0.9)
    cut = Backlog(store, days=3, most=3).cut
    assert cut() == 8
    assert cut() == 0
    dead = store.deliveries(many.id, "dead")
    assert [one.key for one in reversed(dead)] == [f"project:{n}" for n in range(8)]
    assert {one.answer for one in dead} == {"given up, as more than 3 waited"}
    assert store.count_deliveries() == {
        ("many", "dead"): 8, ("many", "pending"): 3, ("few", "pending"): 3,
    }  # fmt: skip
    assert store.deliveries(few.id, "dead") == []
    (alarm,) = store.alerts(SLUG)
    assert (alarm.alert.kind, alarm.alert.about) == ("webhook-overflow", "many")
    assert "gave up the oldest 8 messages, as more than 3 waited" in alarm.alert.says
    assert "HEADWAY_WEBHOOK_MESSAGES" in alarm.alert.says


def test_what_waited_for_a_subscriber_that_is_removed_goes_with_the_rest(store: SqlStore) -> None:
    webhook = subscribe(store, "gone")
    decide(store, "project:1")
    store.remove_webhook("gone", "Ina", "governance", now() - 40 * DAY)
    (one,) = store.deliveries(webhook.id, "dead")
    assert one.answer == "its subscriber was removed"
    assert Retention(store, 30).clean() == 1
    assert store.deliveries(webhook.id) == []


def test_what_was_sent_goes_after_its_days_and_nothing_else(store: SqlStore, url: str) -> None:
    webhook = subscribe(store, "s")
    decide(store, "project:1", "project:2")
    (one, _) = store.claim_deliveries(webhook.id, 2, now(), now())
    store.note_try(Tried(one, "answered 204", "delivered", 0), 0, 0, now() - 40 * DAY)
    record_all(store, [(taken("not sent"), [])])
    assert Retention(store, 30).clean() == 1
    assert len(store.deliveries(webhook.id)) == 1
    tamper(url, "UPDATE outbox SET sent_at = 5 WHERE sent_at IS NOT NULL")
    assert Retention(store, 30).clean() == 2
    assert len(store.pending()) == 1
    assert len(rows_of(store)) == 3
