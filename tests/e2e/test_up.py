"""`headway up`, and what the other commands do on the copy that it keeps up."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from firm.handlers import actions
from firm.ids import decision_id
from firm.store import SqlStore
from headway.logs import Outgoing
from headway.parts import running
from headway.replay import send
from headway.settings import Settings
from stream.topics import DECISIONS, EVENTS
from tests.contract.store.samples import SLUG, record_all, taken
from tests.described import check
from tests.e2e.command import (
    HEADWAY,
    PATIENCE_SECONDS,
    Up,
    environment,
    found,
    gone,
    run,
    up,
    usual_ports_taken,
)
from tests.e2e.page import commands, like
from tests.stage import read, until
from workflows.delivery_risk import WORKFLOW

pytestmark = [pytest.mark.slow, pytest.mark.timeout(420)]

REPORTS = 2_259
DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("copy") / "home"


@pytest.fixture(scope="module")
def copy(home: Path) -> Iterator[Up]:
    """A copy that is up, with the real log in it."""
    with usual_ports_taken(), up(home) as started:
        assert httpx.get(f"{started.api}/health/live", timeout=30).is_success
        replayed = found(home, "replay", "capital_projects", "--duplicates", "0.01")
        assert replayed["sent"] > REPORTS
        fates = replayed[SLUG]
        assert fates["counted"] + fates["late"] == REPORTS
        assert fates["duplicate"] == replayed["sent"] - REPORTS
        yield started


def bearer(copy: Up, token: str) -> dict[str, str]:
    """The header that shows a key, once the API knows it."""
    shown = {"Authorization": f"Bearer {token}"}
    until(lambda: httpx.get(f"{copy.api}/v1/workflows", headers=shown).is_success)
    return shown


@pytest.fixture(scope="module")
def headers(copy: Up) -> dict[str, str]:
    """The key of another system."""
    made = found(copy.home, "keys", "add", "a scheduler", "--role", "enterprise_integration")
    return bearer(copy, made["token"])


@pytest.fixture
def store(copy: Up) -> Iterator[SqlStore]:
    """The store of the copy, as its own commands open it."""
    settings = Settings(home=copy.home)
    addresses = running(copy.home)
    assert addresses
    opened = SqlStore(addresses.database_url, settings.audit_key())
    yield opened
    opened.close()


def typed(command: str, here: dict[str, str]) -> str:
    """What a command of a page prints in a shell."""
    done = subprocess.run(  # noqa: S602 - the page's own commands, as a caller types them
        command,
        check=False,
        shell=True,
        env=here,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
    )
    assert done.returncode == 0, f"{command}: {done.stderr}"
    return done.stdout


def test_the_monitor_keeps_figures_of_what_was_replayed(copy: Up) -> None:
    """Outcomes come with the log; the process of monitoring follows by itself."""

    def figures() -> dict[str, Any]:
        kept: dict[str, Any] = found(copy.home, "watch", SLUG).get("version rule", {})
        return kept

    until(lambda: figures().get("decisions") == REPORTS, 120)
    assert figures()["outcomes"]["for_no_decision"] == 0
    assert figures()["matured"]["auc"] > 0.5
    assert isinstance(found(copy.home, "alerts", "list", "--workflow", SLUG), dict)


def test_the_api_scores_what_was_replayed(copy: Up, headers: dict[str, str]) -> None:
    with httpx.Client(base_url=copy.api, headers=headers, timeout=30) as client:
        workflows = client.get("/v1/workflows").json()
        assert SLUG in {workflow["slug"] for workflow in workflows}
        answer = client.post(f"/v1/workflows/{SLUG}/score", json={"subject": "project:3"})
    assert answer.status_code == 200
    assert answer.json()["model_version"] == "rule"


def test_nothing_listens_beyond_loopback(copy: Up) -> None:
    listening = [
        connection.laddr.ip
        for process in copy.family()
        for connection in process.net_connections("inet")
        if connection.status == "LISTEN"
    ]
    assert len(listening) >= 4
    assert set(listening) <= {"127.0.0.1", "::ffff:127.0.0.1", "::1"}


def test_decisions_are_listed(copy: Up) -> None:
    listed = found(copy.home, "decisions", SLUG, "--subject", "project:3", "--limit", "3")
    assert len(listed) == 3
    assert all("project:3" in words for words in listed.values())


def test_no_model_was_live(copy: Up) -> None:
    told = found(copy.home, "models", SLUG)
    assert list(told) == ["served"]
    assert sorted(worker.partition(":")[0] for worker in told["served"]) == ["http", "stream"]
    assert set(told["served"].values()) == {"rule"}


def test_declarations_and_mappings_are_checked(copy: Up) -> None:
    checked = found(copy.home, "check")
    assert SLUG in checked["workflows"]
    assert "capital_projects" in checked["logs"]


def test_the_audit_log_is_verified_and_exported(copy: Up) -> None:
    links = found(copy.home, "audit", "verify")["links"]
    assert links > REPORTS
    exported = run(copy.home, "audit", "export").stdout.splitlines()
    assert len(exported) >= links


def test_dead_letters_are_listed_and_redriven(copy: Up, store: SqlStore) -> None:
    addresses = running(copy.home)
    assert addresses
    assert found(copy.home, "dead-letters", "list") == {}
    no_data = b'{"id": "7", "source": "/itsm", "type": "project.status_reported"}'
    end = send(addresses.kafka_bootstrap, [Outgoing(b"k", no_data, 0)], lambda _: None)
    until(lambda: store.offset(SLUG) + 1 == end)
    (reason,) = found(copy.home, "dead-letters", "list").values()
    assert reason.startswith("malformed: ")
    assert reason.endswith("(event '7' of /itsm)")
    assert found(copy.home, "dead-letters", "redrive") == {"redriven": 1}
    until(lambda: store.offset(SLUG) == end)
    assert len(found(copy.home, "dead-letters", "list")) == 1


def test_a_person_in_the_role_agrees_and_the_action_is_performed(copy: Up, store: SqlStore) -> None:
    decision = taken("waits", 0.9)
    _, proposal = actions(WORKFLOW, decision)
    record_all(store, [(decision, actions(WORKFLOW, decision))], "http:9")
    assert list(found(copy.home, "approve")) == [proposal.id]
    verdict = ("approve", proposal.id, "--as", "Dana", "--reason", "seen the plan", "--role")
    refused = run(copy.home, *verdict, "finance")
    assert refused.returncode == 1
    assert "not-allowed" in refused.stderr
    assert "delivery_director" in refused.stderr
    assert found(copy.home, *verdict, "delivery_director")["verdict"] == "agreed"
    assert found(copy.home, "approve") == {}
    until(lambda: {r.status for r in store.actions_of(decision_id(SLUG, "waits"))} == {"done"})


def test_errors_are_words_and_no_traceback(copy: Up) -> None:
    for arguments in (("decisions", "nobody"), ("replay", "nothing"), ("report", SLUG)):
        done = run(copy.home, *arguments)
        assert done.returncode == 1
        assert done.stdout == ""
        assert "Traceback" not in done.stderr


def test_a_second_copy_on_the_same_home_is_refused(copy: Up) -> None:
    done = run(copy.home, "up")
    assert done.returncode == 1
    assert f"in use by process {copy.process.pid}" in done.stderr


def test_without_a_copy_a_command_says_what_to_do(tmp_path: Path) -> None:
    done = run(tmp_path / "home", "decisions", SLUG)
    assert done.returncode == 1
    assert "start `headway up`" in done.stderr


def test_what_is_on_the_topics_is_as_the_service_describes_it(
    copy: Up, headers: dict[str, str]
) -> None:
    addresses = running(copy.home)
    assert addresses
    described = httpx.get(f"{copy.api}/asyncapi.json", headers=headers).json()
    events = read(addresses.kafka_bootstrap, EVENTS, 0)[:REPORTS:10]
    for record in events:
        check(described, json.loads(record.value)["type"], record.value)
    decisions = read(addresses.kafka_bootstrap, DECISIONS, 0)
    assert len(decisions) >= REPORTS
    for record in decisions[::10]:
        check(described, "decision", record.value)


@pytest.mark.parametrize("page", ["api.md", "webhooks.md", "client.md"])
def test_every_command_of_a_page_for_callers_prints_what_the_page_says(copy: Up, page: str) -> None:
    """As it is typed in a shell; an answer has the members that the page shows, and no others."""
    here, printed = environment(copy.home), ""
    here["PATH"] = f"{HEADWAY.parent}{os.pathsep}{here['PATH']}"
    for command, said in commands((DOCS / page).read_text(encoding="utf-8")):
        if command.startswith("export "):
            here |= dict(word.split("=", 1) for word in shlex.split(command)[1:])
            if "KEY" in command:
                here |= {"HEADWAY": copy.api, "KEY": json.loads(printed)["token"]}
                bearer(copy, here["KEY"])
            continue
        printed = typed(command, here)
        assert not said or like(json.loads(said), json.loads(printed)), f"{command}: {printed}"


def test_what_kill_9_left_is_cleaned_up_by_the_next_and_ctrl_c_leaves_nothing(copy: Up) -> None:
    """The last test: it ends the copy."""
    kept = found(copy.home, "audit", "verify")
    orphans = copy.family()[1:]
    copy.end(signal.SIGKILL)
    assert any(orphan.is_running() for orphan in orphans)
    assert run(copy.home, "models", SLUG).returncode == 1
    with up(copy.home) as again:
        assert httpx.get(f"{again.api}/health/live", timeout=30).is_success
        assert gone(orphans)
        assert found(copy.home, "audit", "verify") == kept
        family = again.family()
        assert len(family) > 6
        assert again.end(signal.SIGINT) == 130
    assert "stopped" in again.said
    assert gone(family)
    assert running(copy.home) is None
    assert list(copy.home.glob("*/process.json")) == []
