"""A tracking server of MLflow for tests, as a firm may run one of its own."""

from __future__ import annotations

from pathlib import Path

import httpx
from cryptography.fernet import Fernet

from headway.children import Program
from headway.parts import free_port
from training.server import command

START_SECONDS = 120.0


class Mlflow:
    """A server of MLflow that anybody may write to, on a database of its own: what `mlflow server`
    runs, in one process instead of two. It may send its webhooks to this machine."""

    def __init__(self, folder: Path) -> None:
        self.url = f"http://127.0.0.1:{(port := free_port())}"
        argv, environment = command(f"sqlite:///{folder}/mlflow.db", folder / "artifacts", port)
        allowed = {
            "MLFLOW_WEBHOOK_ALLOWED_SCHEMES": "http",
            "MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS": "true",
            "MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY": Fernet.generate_key().decode(),
        }
        argv[-1] = "mlflow.server.fastapi_app:app"
        self._server = Program("mlflow", argv, folder, environment | allowed)
        self._server.start()

    def wait(self) -> None:
        self._server.wait_for(self._healthy, START_SECONDS)

    def register(self, slug: str, versions: int) -> None:
        self._post("registered-models/create", name=slug)
        for _ in range(versions):
            self._post("model-versions/create", name=slug, source="s3://elsewhere/model")

    def subscribe(self, url: str, secret: str) -> None:
        """Have it tell of each alias that is moved (docs/registry.md)."""
        events = [{"entity": "MODEL_VERSION_ALIAS", "action": "CREATED"}]
        self._post("webhooks", name="headway", url=url, events=events, secret=secret)

    def move(self, slug: str, version: str) -> None:
        """Somebody points the champion's alias at a version."""
        self._post("registered-models/alias", name=slug, alias="champion", version=version)

    def stop(self) -> None:
        self._server.stop()

    def _healthy(self) -> bool:
        try:
            return httpx.get(f"{self.url}/health", timeout=5).is_success
        except httpx.HTTPError:
            return False

    def _post(self, path: str, **said: object) -> None:
        answer = httpx.post(f"{self.url}/api/2.0/mlflow/{path}", json=said, timeout=30)
        assert answer.is_success, answer.text
