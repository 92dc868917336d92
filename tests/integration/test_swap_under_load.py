"""Aliases flip while two workers of the API and the stream are at work: no request fails, no batch
is mixed, and whoever asks after a swap gets the new version. Then processes are killed in the
middle of promotions: the old or the new decides, never both."""

from __future__ import annotations

import itertools
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import httpx
import pytest

from bench.load import Got, Load
from firm.access import ROLES, Caller
from firm.ids import event_id
from firm.promotion import Proposal
from firm.standing import Promotion
from firm.store import Served
from headway.copy import Copy
from headway.governance import Governance
from headway.keys import make_key
from headway.logs import Outgoing
from headway.replay import send, wait_until_taken
from headway.swap import wait_until_served
from tests.integration.killing import Blow, strike
from tests.integration.test_chaos import without_pages
from tests.stage import SLUG, report, until
from tests.versions import REVIEWER, SCIENTIST, promote, registered, settings_of

pytestmark = [pytest.mark.slow, pytest.mark.timeout(420)]

PROJECTS = [f"p{n}" for n in range(20)]
REQUESTS_PER_SECOND, EVENTS_PER_SECOND = 200.0, 60.0
FLIPS, ENOUGH = 10, 50
PROCESSES = 3
"""Two workers of the API on one port, and the stream."""


@dataclass
class Flip:
    """A move, when it was made and when each process had it."""

    made: Promotion
    began: float
    served: list[Served]
    ended: float


@dataclass
class Run:
    """What happened while the aliases flipped."""

    copy: Copy
    url: str
    headers: dict[str, str]
    flips: list[Flip] = field(default_factory=list)
    answers: list[Got] = field(default_factory=list)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """Ten flips in a row: promotions and rollbacks by turns."""
    home = tmp_path_factory.mktemp("swap")
    settings = settings_of(home, workers=2)
    with without_pages(), Copy.start(settings, lambda _: None) as copy:
        until(lambda: len(copy.store.served(SLUG)) == PROCESSES, seconds=60)
        yield flip_under_load(copy)


def flip_under_load(copy: Copy) -> Run:
    url = f"{copy.api_url}/v1/workflows/{SLUG}/score"
    run, settings = Run(copy, url, key(copy)), copy.settings
    events = [
        Outgoing(b"k", report(f"{day}-{project}", project, day, slip=int(day)), 0)
        for day in range(60)
        for project in PROJECTS
    ]
    send(settings.kafka or "", events[: len(PROJECTS)], lambda _: None)
    wait_until_taken(copy.store, SLUG, 0, len(PROJECTS), lambda _: None)
    for number in range(1, FLIPS // 2 + 3):
        registered(settings, copy.store, str(number), number / 10)
    governance = Governance(settings, copy.store)
    promote(governance, "1")
    wait_until_served(copy.store, SLUG)
    proposal = governance.propose(SLUG, "2", SCIENTIST, "better")
    replay = threading.Thread(
        target=send,
        args=(settings.kafka or "", events[len(PROJECTS) :], lambda _: None, EVENTS_PER_SECOND),
    )
    replay.start()
    with Load([run.url], bodies(), run.headers, REQUESTS_PER_SECOND) as load:
        until(lambda: len(load.answers) > ENOUGH)
        for number in range(FLIPS):
            run.flips.append(flip(governance, copy, number, proposal))
            if number % 2 == 0:
                proposal = governance.propose(SLUG, str(number // 2 + 3), SCIENTIST, "better")
            until(lambda: len(asked_since(load, run.flips[-1].ended)) > ENOUGH)
    replay.join()
    wait_until_taken(copy.store, SLUG, 0, len(events), lambda _: None)
    run.answers = sorted(load.answers, key=lambda one: one.sent_at)
    return run


def flip(governance: Governance, copy: Copy, number: int, proposal: Proposal) -> Flip:
    """What was proposed a moment ago, then back to version 1, and so on."""
    began = time.time()
    if number % 2:
        made = governance.roll_back(SLUG, "1", REVIEWER, "a flip of the test")
    else:
        made = governance.agree(SLUG, proposal.id, REVIEWER, "a flip of the test")
    served = wait_until_served(copy.store, SLUG)
    return Flip(made, began, served, time.time())


def asked_since(load: Load, instant: float) -> list[Got]:
    return [answer for answer in list(load.answers) if answer.sent_at >= instant]


def bodies() -> list[bytes]:
    return [f'{{"subject": "project:{project}"}}'.encode() for project in PROJECTS]


def key(copy: Copy) -> dict[str, str]:
    token = make_key(copy.settings, copy.store, Caller("load", ROLES), by="tests")
    time.sleep(2.0)  # until both processes know it
    return {"Authorization": f"Bearer {token}"}


def test_no_request_failed(run: Run, record_property: Callable[[str, object], None]) -> None:
    lasted = run.answers[-1].sent_at - run.answers[0].sent_at
    record_property("requests per second", len(run.answers) / lasted)
    assert len(run.answers) > FLIPS * ENOUGH
    assert {answer.status for answer in run.answers} == {200}


def test_each_process_took_each_flip_over(
    run: Run, record_property: Callable[[str, object], None]
) -> None:
    for number, flip in enumerate(run.flips):
        assert len(flip.served) == PROCESSES
        assert {one.version for one in flip.served} == {flip.made.version}
        slowest = max(one.at for one in flip.served) - flip.made.at
        record_property(f"seconds until flip {number} was everywhere", slowest / 1e6)


def test_who_asks_after_a_swap_gets_the_new_version(run: Run) -> None:
    assert [one.made.version for one in run.flips][:4] == ["2", "1", "3", "1"]
    for flip, following in itertools.pairwise(run.flips):
        between = {
            answer.version
            for answer in run.answers
            if flip.ended <= answer.sent_at and answer.sent_at + answer.seconds < following.began
        }
        assert between == {flip.made.version}


def test_no_batch_of_the_stream_was_decided_by_two_versions(run: Run) -> None:
    batches: defaultdict[int, set[str]] = defaultdict(set)
    for decision in run.copy.store.decisions(SLUG):
        if decision.origin == "stream":
            batches[decision.decided_at].add(decision.model_version)
    assert {len(versions) for versions in batches.values()} == {1}
    assert len(set.union(*batches.values())) > 2


def test_the_record_tells_every_flip_and_the_audit_log_holds(run: Run) -> None:
    moves = run.copy.store.promotions(SLUG)
    assert [one.version for one in moves] == ["1", *(f.made.version for f in run.flips)]
    assert run.copy.store.verify() > len(run.answers)
    for flip in run.flips:
        live = Governance(run.copy.settings, run.copy.store).standing(SLUG, flip.made.at).champion
        assert live == flip.made


@pytest.fixture(scope="module")
def blows(run: Run) -> dict[str, Blow]:
    """After the flips: version 1 decides, and the proposal of the next version is taken back."""
    governance = Governance(run.copy.settings, run.copy.store)
    for left in run.copy.store.proposals(SLUG):
        governance.decline(SLUG, left.id, REVIEWER, "the flips are over")
    return {blow.name: blow for blow in strike(run.copy, list("234567"))}


@pytest.mark.parametrize("name", ["api", "worker", "registrar", "redis", "kafka"])
def test_a_process_is_killed_in_the_middle_of_a_promotion(
    blows: dict[str, Blow], name: str
) -> None:
    """The promotion does not need it: the record has it whole, once."""
    blow = blows[name]
    assert (blow.champion, blow.waiting) == (blow.version, ())
    assert blow.before != blow.version


def test_who_agrees_is_killed_in_the_middle_of_it(blows: dict[str, Blow]) -> None:
    """Nothing of it is in the record: the old one decides, and the proposal still waits."""
    blow = blows["who agrees"]
    assert (blow.champion, blow.waiting) == (blow.before, (blow.version,))


def test_afterwards_every_process_serves_what_the_signed_record_says(
    run: Run, blows: dict[str, Blow]
) -> None:
    store, champion = run.copy.store, blows["who agrees"].champion
    served = wait_until_served(store, SLUG)
    assert len(served) == PROCESSES
    assert {one.version for one in served} == {champion}
    until(lambda: {ask(run) for _ in range(8)} == {(200, champion)}, seconds=60)
    place = send(
        run.copy.settings.kafka or "",
        [Outgoing(b"k", report("after", PROJECTS[0], day=61, slip=61), 0)],
        lambda _: None,
    )
    wait_until_taken(store, SLUG, place - 1, place, lambda _: None)
    (last,) = [one for one in store.decisions(SLUG) if one.cause == event_id("/tests", "after")]
    assert last.model_version == champion
    standing = Governance(run.copy.settings, store).standing(SLUG)
    assert standing.refused == {}
    told = [one.version for one in store.promotions(SLUG)]
    assert told[-5:] == [blows[n].version for n in ("api", "worker", "registrar", "redis", "kafka")]
    assert store.verify() > 0


def ask(run: Run) -> tuple[int, str]:
    """Over a connection of its own, that either worker may get."""
    headers = {**run.headers, "Content-Type": "application/json"}
    answer = httpx.post(run.url, content=bodies()[0], headers=headers, timeout=30)
    return answer.status_code, answer.json().get("model_version", "")
