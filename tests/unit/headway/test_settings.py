"""The settings: where things are, and the key that lies outside the database."""

from __future__ import annotations

from pathlib import Path

import pytest

from headway.parts import Addresses
from headway.settings import Settings


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the person who runs the tests has set plays no part."""
    for name in Settings.model_fields:
        monkeypatch.delenv(f"HEADWAY_{name.upper()}", raising=False)


def test_the_audit_key_is_ours_alone_to_read(tmp_path: Path) -> None:
    Settings(home=tmp_path).audit_key()
    file = tmp_path / "secrets" / "audit.key"
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700
    assert list(file.parent.iterdir()) == [file]


def test_the_audit_key_stays_the_same_and_each_home_has_its_own(tmp_path: Path) -> None:
    key = Settings(home=tmp_path / "a").audit_key()
    assert len(key) == 32
    assert Settings(home=tmp_path / "a").audit_key() == key
    assert Settings(home=tmp_path / "b").audit_key() != key


def test_the_audit_key_is_never_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two processes that both see no key on a fresh home: the second takes that of the first."""
    key = Settings(home=tmp_path).audit_key()
    with monkeypatch.context() as patch:
        patch.setattr(Path, "exists", lambda _: False)
        assert Settings(home=tmp_path).audit_key() == key
    assert len(list((tmp_path / "secrets").iterdir())) == 1


def test_a_setting_is_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADWAY_KAFKA", "kafka:9092")
    monkeypatch.setenv("HEADWAY_PORT", "8080")
    settings = Settings()
    assert (settings.external.kafka, settings.port) == ("kafka:9092", 8080)
    assert (settings.external.database, settings.external.redis) == (None, None)


def test_children_get_the_same_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    ours = Settings(home=Path("var"), port=8080).at(Addresses("k:1", "postgresql://d", "redis://r"))
    environment = ours.environment()
    assert "HEADWAY_ACTIONS_URL" not in environment
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    theirs = Settings()
    assert theirs.home == tmp_path / "var"
    same = {"kafka", "database", "redis", "host", "port", "actions_url"}
    assert theirs.model_dump(include=same) == ours.model_dump(include=same)


def test_nothing_listens_beyond_loopback_unless_told_to() -> None:
    assert Settings().host == "127.0.0.1"


def test_every_setting_is_described() -> None:
    assert all(field.description for field in Settings.model_fields.values())
