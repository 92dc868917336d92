"""`headway webhooks` teaches, is bound to a role, and shows a secret once."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from firm.store import SqlStore
from headway.cli import app
from headway.settings import Settings

INA = ("--as", "Ina", "--role", "enterprise_integration")


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SqlStore:
    url = f"sqlite:///{tmp_path}/headway.db"
    for name, value in {"HOME": tmp_path, "DATABASE": url, "KAFKA": "k:1", "REDIS": "r"}.items():
        monkeypatch.setenv(f"HEADWAY_{name}", str(value))
    opened = SqlStore(url, Settings().audit_key())
    opened.migrate()
    return opened


def run(*words: str) -> Result:
    return CliRunner().invoke(app, ["webhooks", *words])


def found(*words: str) -> Any:
    done = run(*words, "--json")
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def test_a_subscriber_is_added_listed_and_removed(store: SqlStore) -> None:
    made = found("add", "erp", "https://erp.example/in", "--workflow", "delivery_risk",
                 "--band", "act", *INA)  # fmt: skip
    assert len(base64.b64decode(made["secret"].removeprefix("whsec_"))) == 32
    listed = run("list", "--json").stdout + run("deliveries", "erp", "--json").stdout
    assert made["secret"] not in listed
    shown = found("list")["erp"]
    assert (shown["bands"], shown["receiver"], shown["dead"]) == ("act", "well", 0)
    assert found("redeliver", "erp", *INA) == {"redelivered": 0}
    found("remove", "erp", *INA)
    assert found("list") == {}
    assert store.verify() == 3
    store.close()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("add", "erp", "https://erp.example/"), "say who you are"),
        (("add", "erp", "https://e.example/", "--as", "Al", "--role", "hr"), "enterprise_integrat"),
        (("add", "erp", "ftp://erp.example/", *INA), "no address"),
        (("add", "erp", "https://e.example/", "--workflow", "none", *INA), "none"),
        (("remove", "never", *INA), "no webhook is named"),
        (("redeliver", "never", *INA), "no webhook is named"),
        (("deliveries", "never"), "no webhook is named"),
    ],
)
def test_what_is_wrong_is_said_in_words(store: SqlStore, words: tuple[str, ...], says: str) -> None:
    done = run(*words)
    assert done.exit_code == 1
    assert says in " ".join(done.output.split())
    store.close()


def test_every_command_teaches() -> None:
    for words in ((), ("add",), ("list",), ("deliveries",), ("redeliver",), ("remove",)):
        done = run(*words, "--help")
        assert done.exit_code == 0
        assert "ubscriber" in done.output or "message" in done.output
