"""What the start of MLflow's pages relies on of MLflow, held against the installed release."""

from importlib import import_module
from pathlib import Path

import pytest

from training.server import command

ARTIFACTS = Path("/somewhere/artifacts")


def test_the_pages_listen_on_this_machine_only() -> None:
    argv = command("sqlite:///m.db", ARTIFACTS, 5000).argv
    assert argv[argv.index("--host") + 1] == "127.0.0.1"


def test_only_named_hosts_are_let_through_a_reverse_proxy() -> None:
    name = "MLFLOW_SERVER_ALLOWED_HOSTS"
    assert name not in command("sqlite:///m.db", ARTIFACTS, 5000).environment
    let = command("sqlite:///m.db", ARTIFACTS, 5000, "headway.example:443").environment
    assert let[name] == "headway.example:443"


@pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy")  # MLflow's own tables
def test_mlflow_reads_the_variables_that_are_set() -> None:
    environment_variables = import_module("mlflow.environment_variables")
    constants = import_module("mlflow.server.constants")
    environment = command("sqlite:///m.db", ARTIFACTS, 5000).environment
    assert environment == {
        constants.BACKEND_STORE_URI_ENV_VAR: "sqlite:///m.db",
        constants.REGISTRY_STORE_URI_ENV_VAR: "sqlite:///m.db",
        constants.ARTIFACT_ROOT_ENV_VAR: "file:///somewhere/artifacts",
        environment_variables._MLFLOW_SGI_NAME.name: "uvicorn",
        environment_variables.MLFLOW_SERVER_ENABLE_JOB_EXECUTION.name: "false",
        environment_variables.MLFLOW_DISABLE_TELEMETRY.name: "true",
        "DO_NOT_TRACK": "true",
    }
