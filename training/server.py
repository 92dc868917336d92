"""How to start MLflow's pages: one process, on this machine only, for reading.

`mlflow server` takes two processes (and a dozen with its job runners), each with all of MLflow
imported: measured 26 s and 550 MB, against 6 s and 280 MB of one uvicorn with the same app.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import NamedTuple

from training.quiet import SWITCHES

ROOT = Path(__file__).parent.parent


class Command(NamedTuple):
    """A process to start: its arguments and what its environment has besides."""

    argv: list[str]
    environment: dict[str, str]


def command(tracking_uri: str, artifacts: Path, port: int, allowed_hosts: str = "") -> Command:
    """The pages on 127.0.0.1; `GET /health` answers 200 once they are up.

    They have no login: reach them through the service's own, or over a tunnel. By default MLflow's
    middleware answers 403 to a Host header other than localhost and private addresses;
    `allowed_hosts` (names with port, separated by commas) replaces that list, for a reverse proxy.
    """
    argv = [
        *(sys.executable, "-m", "uvicorn", "--app-dir", str(ROOT)),
        *("--host", "127.0.0.1", "--port", str(port), "--workers", "1"),
        *("--log-level", "warning", "training.pages:app"),
    ]
    environment = {
        **SWITCHES,
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "_MLFLOW_SGI_NAME": "uvicorn",
        "_MLFLOW_SERVER_FILE_STORE": tracking_uri,
        "_MLFLOW_SERVER_REGISTRY_STORE": tracking_uri,
        "_MLFLOW_SERVER_ARTIFACT_ROOT": artifacts.absolute().as_uri(),
    }
    if allowed_hosts:
        environment["MLFLOW_SERVER_ALLOWED_HOSTS"] = allowed_hosts
    return Command(argv, environment)
