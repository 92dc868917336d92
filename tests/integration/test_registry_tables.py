"""Of all that open MLflow's empty database at once, nobody fails."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from headway.parts import Parts
from headway.schemas import make_schemas, schema_url
from training.server import command

ROOT = Path(__file__).parents[2]
WAIT = "import {imported}; print('imported', flush=True); input(); "
REGISTRY = WAIT + "training.registry.Registry({uri!r}, pathlib.Path({folder!r}))"
PAGES = WAIT + "import training.pages"
PATIENCE_SECONDS = 120


def start(program: str, environment: dict[str, str]) -> subprocess.Popen[str]:
    process = subprocess.Popen(  # noqa: S603 - a program of this test
        [sys.executable, "-c", program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, **environment},
    )
    assert process.stdout
    assert process.stdout.readline() == "imported\n"
    return process


@pytest.mark.slow
def test_the_pages_and_a_training_that_meet_on_a_new_copy_both_come_up(
    parts: Parts, tmp_path: Path
) -> None:
    assert parts.postgres
    url = parts.postgres.create_database("registry_tables")
    make_schemas(url)
    uri = schema_url(url, "mlflow")
    registry = REGISTRY.format(imported="pathlib, training.registry", uri=uri, folder=str(tmp_path))
    environment = command(uri, tmp_path, 1).environment
    pages = PAGES.format(imported="mlflow.server.fastapi_app")
    processes = [start(program, environment) for program in (registry, pages)]
    for process in processes:
        assert process.stdin
        process.stdin.write("\n")
        process.stdin.flush()
    said = [process.communicate(timeout=PATIENCE_SECONDS)[1] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], said
