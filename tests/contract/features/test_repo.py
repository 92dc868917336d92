"""Feast's own command and the program tell the registry the same."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from features.store import apply, open_feature_store
from headway.catalogue import declared

ROOT = Path(__file__).parents[3]


@pytest.mark.slow
def test_feast_finds_nothing_to_change_after_the_program_has_applied(tmp_path: Path) -> None:
    registry = f"sqlite:///{tmp_path}/registry.db"
    redis = "redis://127.0.0.1:1/0"
    apply(declared().values(), open_feature_store(redis, registry, tmp_path))
    assert "No changes to registry" in feast("plan", registry)


def feast(command: str, registry: str) -> str:
    """What `feast -c features/repo COMMAND` prints."""
    argv = [str(Path(sys.executable).parent / "feast"), "-c", "features/repo", command]
    addresses = {"HEADWAY_FEAST_REGISTRY": registry, "HEADWAY_FEAST_REDIS": "127.0.0.1:1"}
    env = {**os.environ, **addresses, "PYTHONPATH": str(ROOT)}
    ran = subprocess.run(  # noqa: S603 - our own arguments
        argv,
        cwd=ROOT,
        env=env,
        check=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    return ran.stdout
