"""The page that takes a newcomer through a workflow of their own holds, to the last figure."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from firm.decision import Decision
from firm.store import SqlStore
from firm.time import to_datetime
from headway.parts import free_port, running
from headway.settings import Settings
from tests.unit.headway.packaged import FILES, PACKAGE, PAGE, ROOT, environment_with

COMMANDS = re.compile(r"```console\n(.*?)```", re.DOTALL)


def parts(console: str) -> list[tuple[str, str]]:
    """Each command with what the page says that it prints."""
    found = re.split(r"^\$ ", console, flags=re.MULTILINE)[1:]
    return [(words, said.rstrip()) for words, _, said in (part.partition("\n") for part in found)]


class Newcomer:
    """Somebody who types the page's commands in a folder of their own."""

    def __init__(self, folder: Path, commands: Path) -> None:
        kept = {n: value for n, value in os.environ.items() if not n.startswith("HEADWAY_")}
        self.folder = folder
        self.environment = {
            **kept,
            "PYTHONPATH": str(ROOT),
            "PATH": f"{commands}{os.pathsep}{kept['PATH']}",
            "COLUMNS": "80",
        }
        self.copy: subprocess.Popen[bytes] | None = None

    def types(self, command: str) -> str:
        """What a command prints; `headway up` goes on in a terminal of its own."""
        if command == "headway up":
            return self._up()
        if not command.startswith("export "):
            return self._shell(command)
        words = re.findall(r"(\w+)=", command)
        printed = self._shell(f"{command}; " + "; ".join(f'echo "${name}"' for name in words))
        self.environment |= dict(zip(words, printed.splitlines(), strict=True))
        if "HEADWAY_PORT" in words:  # the page's may be taken
            self.environment["HEADWAY_PORT"] = str(free_port())
        if "KEY" in words:
            self._pauses_until_the_key_is_known()
        return ""

    def types_at_once(self, *commands: str) -> list[dict[str, Any]]:
        """What several commands of `headway` find, one after another in one process."""
        words = " ".join(map(shlex.quote, commands))
        found: list[dict[str, Any]] = json.loads(
            self._shell(f"python -m tests.unit.headway.typed {words}")
        )
        return found

    def asks(self, slug: str, decided: Decision) -> dict[str, Any]:
        """What the API answers about a subject as of a decision that was taken."""
        as_of = to_datetime(decided.as_of).isoformat()
        answer: dict[str, Any] = httpx.post(
            f"http://127.0.0.1:{self.environment['HEADWAY_PORT']}/v1/workflows/{slug}/score",
            json={"subject": decided.subject, "as_of": as_of},
            headers={"Authorization": f"Bearer {self.environment['KEY']}"},
        ).json()
        return answer

    def stops(self) -> None:
        """Ctrl-C in that terminal."""
        if self.copy is not None:
            self.copy.send_signal(signal.SIGINT)
            self.copy.wait(timeout=60)

    def _pauses_until_the_key_is_known(self) -> None:
        """A second, if the machine has nothing else to do."""
        bearer = {"Authorization": f"Bearer {self.environment['KEY']}"}
        url = f"http://127.0.0.1:{self.environment['HEADWAY_PORT']}/v1/workflows"
        while httpx.get(url, headers=bearer).status_code == httpx.codes.UNAUTHORIZED:
            time.sleep(0.1)

    def _shell(self, command: str) -> str:
        done = subprocess.run(  # noqa: S602 - the page's own commands, as a newcomer types them
            command,
            check=False,
            shell=True,
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, f"{command}: {done.stderr}"
        return done.stdout.rstrip()

    def _up(self) -> str:
        terminal = self.folder / "terminal.txt"
        with terminal.open("w") as screen:
            self.copy = subprocess.Popen(
                ["headway", "up"],  # noqa: S607 - as it is typed
                cwd=self.folder,
                env=self.environment,
                stderr=screen,
            )
        while "Ctrl-C stops" not in (said := terminal.read_text(encoding="utf-8")):
            assert self.copy.poll() is None, said
            time.sleep(0.1)
        return ""


@pytest.fixture
def newcomer(tmp_path: Path) -> Iterator[Newcomer]:
    """A newcomer who has made the files of the page, and has a package with a workflow like it."""
    for name, text in FILES.findall(PAGE.read_text(encoding="utf-8")):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    found = Newcomer(tmp_path, environment_with(tmp_path / "installed", called="parcel"))
    yield found
    found.stops()


def decided(newcomer: Newcomer, slug: str = "order_returns") -> Mapping[str, Decision]:
    """The stream's decisions of the copy that runs, by what was scored and when."""
    settings = Settings(home=newcomer.folder / "var")
    addresses = running(settings.home)
    assert addresses
    with closing(SqlStore(addresses.database_url, settings.audit_key())) as store:
        found = store.decisions(slug)
        return {d.cause: d for d in found if d.origin == "stream"}


def figures_of(newcomer: Newcomer, report: Mapping[str, str]) -> dict[str, Any]:
    """The figures that lie beside a report's summary."""
    summary = newcomer.folder / report["summary"]
    assert summary.is_file()
    found: dict[str, Any] = json.loads(summary.with_name("figures.json").read_text())
    return found


def told(time: str) -> datetime:
    return datetime.fromisoformat(time)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_every_command_of_the_page_prints_what_the_page_says(newcomer: Newcomer) -> None:
    """From a log and a folder of one's own to a live model and its report, with nothing changed in
    the house; scored by the stream and over HTTP alike."""
    asked = ""
    for console in COMMANDS.findall(PAGE.read_text(encoding="utf-8")):
        for command, said in parts(console):
            printed = newcomer.types(command)
            if command == "headway check":  # workflows that come with the house may be added
                assert "order_returns: 2 features, Head of purchasing" in printed
            else:
                assert printed == said, command
            asked = printed if command.startswith("python ask.py") else asked
    by_model = [d for d in decided(newcomer).values() if d.model_version == "1"]
    assert len(by_model) > 1_000
    first = next(d for d in by_model if d.subject == "order:PO-890")
    assert asked.split()[:2] == [first.band, repr(first.probability)]
    train_from_a_package(newcomer)
    # one process loads the libraries of reports once
    days, sent, parcels = newcomer.types_at_once(
        "report order_returns --days 20", "replay parcel_returns", "report parcel_returns"
    )
    report = json.loads((newcomer.folder / "report.json").read_text())
    whole, last = figures_of(newcomer, report), figures_of(newcomer, days)
    assert last["end"] == whole["end"]
    assert told(last["end"]) - told(last["start"]) == timedelta(days=20)
    assert 0 < last["rows"] < whole["rows"] <= len(by_model)
    require_that_a_package_does_as_well(newcomer, sent)
    assert figures_of(newcomer, parcels)["rows"] == whole["rows"]


def train_from_a_package(newcomer: Newcomer) -> None:
    """Train a version of the installed workflow on the copy that runs, and have it decide; then the
    whole of its log lies ready."""
    (mapping,) = newcomer.folder.glob(f"installed/**/{PACKAGE}/parcel_returns/mapping.toml")
    log = mapping.with_name("parcels.csv")
    whole = (newcomer.folder / "orders.csv").read_text().splitlines(keepends=True)
    log.write_text("".join(whole[:2265]))
    _, trained, *_ = newcomer.types_at_once(
        "replay parcel_returns",
        "train parcel_returns --cut 2024-08-01 --by Ada",
        "promote parcel_returns 1 --as Ada --role data_scientist --why good",
        "promote parcel_returns 1 --as Gus --role governance_reviewer --why fair --agree",
    )
    assert trained["passed"]
    log.write_text("".join(whole))


def require_that_a_package_does_as_well(newcomer: Newcomer, sent: Mapping[str, Any]) -> None:
    """The installed workflow has been scored by the stream, and is over HTTP alike."""
    fates = {"counted": 2959, "late": 0, "duplicate": 1765, "rejected": 0}
    assert sent["parcel_returns"] == fates
    decisions = decided(newcomer, "parcel_returns").values()
    by_model = [d for d in decisions if d.model_version == "1"]
    assert len(by_model) > 1_000
    newest = max(by_model, key=lambda decision: decision.as_of)
    answer = newcomer.asks("parcel_returns", newest)
    assert (answer["model_version"], answer["probability"]) == ("1", newest.probability)
