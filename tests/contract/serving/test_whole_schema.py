"""Whatever is sent, one by one or one after the other, the service answers as its document says."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from firm.access import ROLES, Caller
from headway.api import build
from headway.keys import make_key
from headway.parts import Parts
from stream import advance
from stream.reactor import Record
from tests.contract.serving.conftest import served
from tests.stage import NOON, Stage, report, slipping
from tests.versions import settings_of

CONFIG = Path(__file__).with_name("schemathesis.toml")


@pytest.fixture
def own(parts: Parts) -> Iterator[Stage]:
    """A copy of its own: models are killed and actions agreed to here."""
    stage = Stage(parts)
    payloads = [*slipping("p1"), report("calm-0", "p2")]
    taken = [Record(stage.start + n, NOON, payload) for n, payload in enumerate(payloads)]
    stage.reactor().take(taken, NOON)
    yield stage
    stage.close()


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_all_checks_hold_for_every_route_and_for_what_links_lead_to(
    own: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Examples, edge cases, made-up requests, and sequences from a score to its outcome."""
    settings = settings_of(
        tmp_path / "home",
        kafka=own.bootstrap,
        database=own.url,
        redis=own.redis_url,
        failed_logins="100000/minute",
    )
    monkeypatch.setattr(advance, "STALL_SECONDS", 1e9)  # nothing takes events in here
    token = make_key(settings, own.store, Caller("tests", ROLES), by="tests")
    with served(build(settings)) as url:
        argv = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIG), "run"]
        asked = [
            f"{url}/openapi.json",
            "--checks",
            "all",
            "--no-color",
            "--warnings",
            "off",
            "--max-time",
            "60",
        ]
        login = ["-H", f"Authorization: Bearer {token}"]
        done = subprocess.run(  # noqa: S603  (our own arguments)
            [*argv, *asked, *login], cwd=tmp_path, capture_output=True, text=True, check=False
        )
    said = done.stdout + done.stderr
    assert done.returncode == 0, said[-20_000:]
    assert "No issues found" in said, said[-2_000:]
    assert "Stateful" in said
