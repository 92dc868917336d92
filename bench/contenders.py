"""Who takes part in the benchmark of serving, and what each is asked: the same model and values."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from bench.http_load import Target, request
from bench.peers import FILES, NotInstalled, interpreter
from bench.servers import Contender

QUIET = {"MLFLOW_DISABLE_TELEMETRY": "true", "BENTOML_DO_NOT_TRACK": "true", "FEAST_USAGE": "False"}
UVICORN = ("-m", "uvicorn", "--no-access-log", "--log-level", "warning", "--port")


class Case(msgspec.Struct, frozen=True):
    """What all are asked.

    Attributes:
        model: the file `model.ubj`, in the folder in which the registry keeps the version.
        rows: the features of each subject, without missing values: not all can be sent those.
        scores: what the model gives for them.
        feast: a folder with Feast's `feature_store.yaml` and registry over the same Redis.
    """

    model: Path
    names: Sequence[str]
    subjects: Sequence[str]
    rows: Sequence[Sequence[float]]
    scores: Sequence[float]
    feast: Path
    view: str
    join_key: str


def peers(
    case: Case, ports: Mapping[str, int], cache: Path, folder: Path
) -> tuple[list[Contender], dict[str, str]]:
    """All but Headway, on these ports; and why some cannot take part."""
    found, skipped = [], {}
    for name, (packages, make) in _PEERS.items():
        try:
            python = interpreter(packages, cache) if packages else sys.executable
            found.append(make(case, str(python), ports[name], folder))
        except (NotInstalled, subprocess.CalledProcessError) as error:
            skipped[name] = str(error)
    return found, skipped


def bodies(path: str, port: int, each: Sequence[Any]) -> Target:
    """A request for each body."""
    return Target(port, [request(path, json.dumps(body).encode()) for body in each])


def _mlserver(case: Case, python: str, port: int, folder: Path) -> Contender:
    home = folder / "mlserver"
    home.mkdir()
    settings = {"http_port": port, "grpc_port": port + 1, "metrics_port": port + 2}
    told = {**settings, "parallel_workers": 0, "debug": False, "host": "127.0.0.1"}
    (home / "settings.json").write_text(json.dumps(told))
    uri = {"uri": str(case.model)}
    model = {"name": "score", "implementation": "mlserver_xgboost.XGBoostModel", "parameters": uri}
    (home / "model-settings.json").write_text(json.dumps(model))
    shape = [1, len(case.names)]
    asked = [
        {"inputs": [{"name": "predict", "shape": shape, "datatype": "FP32", "data": list(row)}]}
        for row in case.rows
    ]
    return Contender(
        name="mlserver",
        arguments=[str(Path(python).with_name("mlserver")), "start", str(home)],
        environment={},
        ready="/v2/health/ready",
        target=bodies("/v2/models/score/infer", port, asked),
        expected=case.scores,
        read=lambda body: float(json.loads(body)["outputs"][0]["data"][0]),
    )


def _bentoml(case: Case, python: str, port: int, folder: Path) -> Contender:
    serve = ["-m", "bentoml", "serve", "bento:Score", "--host", "127.0.0.1", "--port", str(port)]
    return Contender(
        name="bentoml",
        arguments=[python, *serve, "--working-dir", str(FILES)],
        environment={**QUIET, "MODEL": str(case.model), "BENTOML_HOME": str(folder / "bentoml")},
        ready="/readyz",
        target=bodies("/predict", port, [{"rows": [list(row)]} for row in case.rows]),
        expected=case.scores,
        read=lambda body: float(json.loads(body)[0]),
    )


def _mlflow(case: Case, python: str, port: int, folder: Path) -> Contender:
    """The version as it is registered: with a signature, to which MLflow holds each request."""
    return _mlflow_serve("mlflow", case, python, port, case.model.parent)


def _mlflow_bare(case: Case, python: str, port: int, folder: Path) -> Contender:
    """The same model without a signature: MLflow checks nothing."""
    saved = folder / "mlflow_bare"
    environment = {**QUIET, "MODEL": str(case.model), "SAVED": str(saved)}
    subprocess.run(  # noqa: S603 - our own words
        [python, str(FILES / "mlflow_save.py")],
        env={**environment, "PATH": ""},
        check=True,
        capture_output=True,
    )
    return _mlflow_serve("mlflow_bare", case, python, port, saved)


def _mlflow_serve(name: str, case: Case, python: str, port: int, saved: Path) -> Contender:
    serve = ["-m", "mlflow", "models", "serve", "--model-uri", str(saved)]
    alone = ["--env-manager", "local"]
    columns = list(case.names)
    asked = [{"dataframe_split": {"columns": columns, "data": [list(row)]}} for row in case.rows]
    return Contender(
        name=name,
        arguments=[python, *serve, *alone, "--host", "127.0.0.1", "--port", str(port)],
        environment={**QUIET, "PATH": f"{Path(python).parent}:/usr/bin:/bin"},
        ready="/ping",
        target=bodies("/invocations", port, asked),
        expected=case.scores,
        read=lambda body: float(json.loads(body)["predictions"][0]),
    )


def _feast(case: Case, python: str, port: int, folder: Path) -> Contender:
    serve = ["-m", "feast.cli.cli", "--chdir", str(case.feast), "serve", "--no-access-log"]
    features = [f"{case.view}:{name}" for name in case.names]
    asked = [{"features": features, "entities": {case.join_key: [s]}} for s in case.subjects]
    return Contender(
        name="feast",
        arguments=[python, *serve, "--host", "127.0.0.1", "--port", str(port)],
        environment={**QUIET, "PATH": f"{Path(python).parent}:/usr/bin:/bin"},
        ready="/health",
        target=bodies("/get-online-features", port, asked),
    )


def _afternoon(case: Case, python: str, port: int, folder: Path) -> Contender:
    return Contender(
        name="afternoon",
        arguments=[python, *UVICORN, str(port), "--app-dir", str(FILES), "afternoon:app"],
        environment={
            **QUIET,
            "MODEL": str(case.model),
            "FEAST_REPO": str(case.feast),
            "VIEW": case.view,
            "JOIN_KEY": case.join_key,
            "FEATURES": ",".join(case.names),
        },
        ready="/docs",
        target=bodies("/score", port, [{"subject": subject} for subject in case.subjects]),
        expected=case.scores,
        read=lambda body: float(json.loads(body)["probability"]),
    )


def _empty(app: str) -> Any:
    def make(case: Case, python: str, port: int, folder: Path) -> Contender:
        return Contender(
            name=f"empty_{app}",
            arguments=[python, *UVICORN, str(port), f"bench.empty:{app}"],
            environment={"PYTHONPATH": str(Path(__file__).parents[1])},
            ready="/",
            target=bodies("/", port, [{"subject": subject} for subject in case.subjects]),
        )

    return make


_PEERS = {
    "mlserver": ("mlserver", _mlserver),
    "bentoml": ("bentoml", _bentoml),
    "mlflow": ("mlflow", _mlflow),
    "mlflow_bare": ("mlflow", _mlflow_bare),
    "feast": ("feast", _feast),
    "afternoon": ("afternoon", _afternoon),
    "empty_fastapi": ("", _empty("fastapi")),
    "empty_starlette": ("", _empty("starlette")),
    "empty_asgi": ("", _empty("asgi")),
}
"""Each with the environment that it runs in: of these packages, or our own."""
