"""Promotions in the middle of which a process of a running copy is killed."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass

from headway.copy import Copy
from headway.governance import Governance
from headway.swap import wait_until_served
from tests.integration.test_chaos import held, waiting
from tests.stage import SLUG, until
from tests.versions import REVIEWER, SCIENTIST

PROMOTING = "audit_head where chain = 'governance'"
"""What a promotion writes first: whoever holds it, holds the promotion within its transaction."""
MINUTE = 60.0


@dataclass(frozen=True)
class Blow:
    """A process that was killed while a promotion was under way.

    Attributes:
        version: what was promoted; `before` decided until then.
        champion: what the signed record said was live once the promotion had ended.
        waiting: the versions that still waited for a second person then.
        killed: the id of its process.
    """

    name: str
    version: str
    before: str
    champion: str
    waiting: tuple[str, ...]
    killed: int


def strike(copy: Copy, versions: list[str]) -> list[Blow]:
    """Promote one version after the other, each while another process is killed; those that fall
    come up again meanwhile. Returns when all are up, and all have seen the last promotion."""
    governance = Governance(copy.settings, copy.store)
    victims = {
        "api": copy.api,
        "worker": copy.worker,
        "registrar": copy.registrar,
        "redis": copy.parts.redis,
        "kafka": copy.parts.kafka,
    }
    found, pids = [], {}
    for (name, victim), version in zip(victims.items(), versions, strict=False):
        assert victim
        assert victim.pid
        pids[name] = victim.pid
        found.append(promote_while(copy, governance, name, version, victim.kill, victim.pid))
    for name, victim in victims.items():
        assert victim
        until(lambda v=victim, old=pids[name]: v.pid not in (None, old), MINUTE)  # type: ignore[misc]
    wait_until_served(copy.store, SLUG, MINUTE)
    return [*found, kill_who_agrees(copy, governance, versions[len(victims)])]


def promote_while(
    copy: Copy,
    governance: Governance,
    name: str,
    version: str,
    kill: Callable[[], None],
    pid: int,
) -> Blow:
    """Agree to a version; the process falls while the transaction is under way."""
    before = champion(governance)
    asked = governance.propose(SLUG, version, SCIENTIST, f"while {name} is killed")
    agreeing = threading.Thread(target=governance.agree, args=(SLUG, asked.id, REVIEWER, "seen"))
    with held(copy.settings.database or "", PROMOTING):
        agreeing.start()
        until(lambda: waiting(copy.settings.database or "") > 0)
        kill()
    agreeing.join()
    return Blow(name, version, before, champion(governance), proposed(copy), pid)


def kill_who_agrees(copy: Copy, governance: Governance, version: str) -> Blow:
    """The command that agrees is killed itself, within its transaction."""
    before = champion(governance)
    governance.propose(SLUG, version, SCIENTIST, "while the command is killed")
    words = ["promote", SLUG, version, "--agree", "--as", REVIEWER.name, "--why", "seen"]
    command = [sys.executable, "-m", "headway", *words, "--role", "governance_reviewer"]
    environment = {**os.environ, "HEADWAY_HOME": str(copy.settings.home)}
    with (
        held(copy.settings.database or "", PROMOTING),
        subprocess.Popen(command, env=environment) as agreeing,  # noqa: S603  (our own command)
    ):
        until(lambda: waiting(copy.settings.database or "") > 0, MINUTE)
        agreeing.kill()
    until(lambda: waiting(copy.settings.database or "") == 0)
    name, pid = "who agrees", agreeing.pid
    return Blow(name, version, before, champion(governance), proposed(copy), pid)


def champion(governance: Governance) -> str:
    """What decides by the signed record."""
    found = governance.standing(SLUG).champion
    assert found
    return found.version


def proposed(copy: Copy) -> tuple[str, ...]:
    """The versions that wait for a second person."""
    return tuple(one.version for one in copy.store.proposals(SLUG))
