"""A worker that is killed leaves whole batches, and its successor comes to the same end."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from firm.store import SqlStore
from headway.parts.postgres import Postgres
from tests.contract.store.samples import KEY, SLUG, rows, slipping, take
from workflows.delivery_risk import WORKFLOW

ROOT = Path(__file__).parents[3]
TOTAL, BATCH = 1_200, 30
WORKER = f"""
import sys
from tests.contract.store.samples import KEY, slipping, take
from firm.store import SqlStore
from workflows.delivery_risk import WORKFLOW
stream = SqlStore(sys.argv[1], KEY).open_stream(WORKFLOW)
print("open", flush=True)
for first in range(stream.offsets.get(0, -1) + 1, {TOTAL}, {BATCH}):
    take(stream, slipping({BATCH}, first=first, projects=40))
print("done", flush=True)
"""


def _work(url: str, seconds: float | None) -> bool:
    """Run a worker, and kill -9 it after so many seconds of commits; whether it came to the end."""
    command = [sys.executable, "-c", WORKER, url]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, stdout=pipe, text=True) as worker:  # noqa: S603 - ours
        assert worker.stdout is not None
        assert worker.stdout.readline() == "open\n"
        if seconds is not None:
            time.sleep(seconds)
            worker.kill()
        return worker.stdout.readline() == "done\n"


@pytest.mark.slow
def test_killed_again_and_again_it_comes_to_the_same_end(postgres: Postgres) -> None:
    url, whole_url = postgres.create_database("killed"), postgres.create_database("whole")
    store, whole = SqlStore(url, KEY), SqlStore(whole_url, KEY)
    store.migrate()
    whole.migrate()
    take(whole.open_stream(WORKFLOW), slipping(TOTAL, projects=40))
    for kill_after in (0.05, 0.13, 0.21):
        _work(url, kill_after)
        done = len(rows(url, "inbox"))
        assert done % BATCH == 0
        assert len(rows(url, "decision")) == done == store.tallies(SLUG).total.counted
        assert store.verify() == done
    assert _work(url, None)
    assert list(store.judged(SLUG)) == list(whole.judged(SLUG))
    assert store.tallies(SLUG) == whole.tallies(SLUG)
    assert rows(url, "subject_state") == rows(whole_url, "subject_state")
    assert len(rows(url, "outbox")) == len(rows(whole_url, "outbox"))
    assert store.verify() == TOTAL
    store.close()
    whole.close()


@pytest.mark.parametrize("statement", ["INSERT INTO inbox", "INSERT INTO audit_head", "COMMIT"])
def test_killed_inside_a_commit_it_leaves_nothing(postgres: Postgres, statement: str) -> None:
    url = postgres.create_database(f"killed at {statement}")
    store = SqlStore(url, KEY)
    store.migrate()
    take(store.open_stream(WORKFLOW), slipping(6))
    code = _SUICIDE.format(statement=statement)
    command = [sys.executable, "-c", code, url]
    ended = subprocess.run(command, cwd=ROOT, check=False)  # noqa: S603 - our own program
    assert ended.returncode == -9
    stream = store.open_stream(WORKFLOW)
    assert stream.offsets == {0: 5}
    assert len(rows(url, "inbox")) == len(rows(url, "decision")) == store.verify() == 6
    take(stream, slipping(6, first=6))
    assert store.verify() == 12
    store.close()


_SUICIDE = """
import os, signal, sys
from sqlalchemy import event
from tests.contract.store.samples import KEY, slipping, take
from firm.store import SqlStore
from workflows.delivery_risk import WORKFLOW
store = SqlStore(sys.argv[1], KEY)
stream = store.open_stream(WORKFLOW)
def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)
def look(_connection, _cursor, sent, *_):
    if sent.startswith("{statement}"):
        die()
engine = store._database.engine
event.listen(engine, "after_cursor_execute", look)
event.listen(engine, "commit", die)
take(stream, slipping(6, first=6))
"""
