"""Kill -9 in the middle of a promotion: the old or the new decides, never both, and the record
tells which."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from firm.errors import StoreUnavailable
from firm.store import SqlStore
from headway.governance import Governance
from headway.models import open_models
from headway.parts.postgres import Postgres
from headway.settings import Settings
from headway.swap import wait_until_served
from tests.contract.store.samples import rows
from tests.stage import KEY, SLUG, until
from tests.versions import REVIEWER, SCIENTIST, promote, registered, settings_of
from workflows.delivery_risk import WORKFLOW

ROOT = Path(__file__).parents[2]
WORKFLOWS = {SLUG: WORKFLOW}
# Somebody agrees to a proposal, and the process is killed at a point: before it runs `at`, or
# after, where it says so.
AGREE = """
import os, signal, sys
from pathlib import Path
from firm.decision import Person
from firm.store import SqlStore
from headway.governance import Governance
from headway.settings import Settings
import {module} as module

def kill(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

done = getattr(module{owner}, {name!r})
def killed(*arguments, **named):
    if {after}:
        done(*arguments, **named)
    kill()
setattr(module{owner}, {name!r}, killed)
settings = Settings(home=Path({home!r}), database={url!r})
gus = Person("Gus", frozenset(["governance_reviewer"]))
store = SqlStore({url!r}, settings.audit_key())
Governance(settings, store).agree({slug!r}, {proposal!r}, gus, "seen")
"""
# The point, whether it is after it, and whether the promotion is in the record then.
POINTS = {
    "before anything is written": ("firm.store.promotions", "", "append", False, False),
    "with the audit entry written": ("firm.store.promotions", "", "append", True, False),
    "with the proposal settled": ("firm.store.promotions", "", "_settle", True, False),
    "with the move written": ("firm.store.promotions", "", "insert_rows", True, False),
    "with the notice on its way": ("firm.store.promotions", "", "tell", True, False),
    "just after the commit": ("firm.store", ".SqlStore", "promote", True, True),
}


class Copy:
    """A database server of its own, that may be killed, with two versions."""

    def __init__(self, folder: Path) -> None:
        self.server = Postgres(folder / "postgres")
        self.server.start()
        self.url = self.server.create_database("promotions")
        self.store = SqlStore(self.url, KEY)
        self.store.migrate()
        self.settings: Settings = settings_of(folder / "home", database=self.url)
        self.governance = Governance(self.settings, self.store)
        for version, score in (("1", 0.2), ("2", 0.8)):
            registered(self.settings, self.store, version, score)
        promote(self.governance, "1")

    @property
    def live(self) -> str:
        champion = self.governance.standing(SLUG).champion
        assert champion
        return champion.version

    def close(self) -> None:
        self.store.close()
        self.server.stop()


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Copy]:
    made = Copy(tmp_path_factory.mktemp("killed"))
    yield made
    made.close()


@pytest.fixture
def proposed(copy: Copy) -> str:
    """Version 2 waits for a second person, and version 1 decides."""
    if copy.live != "1":
        copy.governance.roll_back(SLUG, "1", REVIEWER, "as before")
    for waiting in copy.store.proposals(SLUG):
        copy.governance.decline(SLUG, waiting.id, REVIEWER, "as before")
    return copy.governance.propose(SLUG, "2", SCIENTIST, "better").id


@pytest.mark.parametrize("point", POINTS)
def test_who_promotes_is_killed(copy: Copy, proposed: str, point: str) -> None:
    module, owner, name, after, committed = POINTS[point]
    script = AGREE.format(
        module=module,
        owner=owner,
        name=name,
        after=after,
        home=str(copy.settings.home),
        url=copy.url,
        slug=SLUG,
        proposal=proposed,
    )
    done = subprocess.run(  # noqa: S603 - our own script
        [sys.executable, "-c", script],
        capture_output=True,
        check=False,
        cwd=ROOT,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    assert copy.live == ("2" if committed else "1")
    assert (copy.store.proposals(SLUG) == []) == committed
    assert copy.governance.standing(SLUG).refused == {}
    assert copy.store.verify() > 0
    if not committed:
        copy.governance.agree(SLUG, proposed, REVIEWER, "seen")
    models = open_models(copy.settings, WORKFLOWS, copy.store, "stream")
    models.start()
    champion = models.live(SLUG)
    models.stop()
    assert champion is not None
    assert champion.version == copy.live == "2"


def test_a_process_that_scores_is_killed_while_it_loads(copy: Copy, proposed: str) -> None:
    """The others have the new version, and so has its successor."""
    script = (
        "import os, signal, sys; from pathlib import Path; from headway.settings import Settings; "
        "from firm.store import SqlStore; import headway.models as m; "
        "from workflows.delivery_risk import WORKFLOW; from headway.signing import Verifier; "
        f"s = Settings(home=Path({str(copy.settings.home)!r}), database={copy.url!r}); "
        "load = m.loader(s.artifacts); "
        "die = lambda made, w: load(made, w) if made.version == '1' "
        "else os.kill(os.getpid(), signal.SIGKILL); "
        f"store = SqlStore(s.database, s.audit_key()); flows = {{{SLUG!r}: WORKFLOW}}; "
        "models = m.LiveModels(flows, store, Verifier(s).genuine, die, 'http:1'); "
        "models.start(); models._thread.join()"
    )
    with subprocess.Popen([sys.executable, "-c", script], cwd=ROOT) as victim:  # noqa: S603 - our own script
        until(lambda: any(one.version == "1" for one in copy.store.served(SLUG)))
        other = open_models(copy.settings, WORKFLOWS, copy.store, "stream")
        other.start()
        copy.governance.agree(SLUG, proposed, REVIEWER, "seen")
        assert victim.wait(30) == -signal.SIGKILL
    told = {one.worker: one.version for one in copy.store.served(SLUG)}
    assert told["http:1"] == "1", "it never said that it serves the new one"
    successor = open_models(copy.settings, WORKFLOWS, copy.store, "http:1")
    successor.start()
    served = {one.worker: one.version for one in wait_until_served(copy.store, SLUG)}
    assert served == {"stream": "2", "http:1": "2"}
    other.stop()
    successor.stop()


def test_the_database_is_killed_with_a_promotion_under_way(copy: Copy, proposed: str) -> None:
    """What serves goes on serving; the promotion is not in the record, and can be made again."""
    models = open_models(copy.settings, WORKFLOWS, copy.store, "stream")
    models.start()
    failures: list[BaseException] = []

    def agree() -> None:
        try:
            copy.governance.agree(SLUG, proposed, REVIEWER, "seen")
        except StoreUnavailable as error:
            failures.append(error)

    with closing(psycopg.connect(copy.url.replace("+psycopg", ""))) as held:
        held.execute("select * from audit_head for update")
        promoting = threading.Thread(target=agree)
        promoting.start()
        until(lambda: _waiting(copy))
        copy.server.kill()
        promoting.join(30)
    assert failures
    champion = models.live(SLUG)
    assert champion is not None
    assert champion.version == "1"
    copy.server.start()
    assert copy.live == "1"
    copy.governance.agree(SLUG, proposed, REVIEWER, "seen")
    until(lambda: (now := models.live(SLUG)) is not None and now.version == "2")
    assert copy.store.verify() > 0
    models.stop()


def _waiting(copy: Copy) -> bool:
    """Whether a transaction waits for a lock."""
    return any(row["wait_event_type"] == "Lock" for row in rows(copy.url, "pg_stat_activity"))
