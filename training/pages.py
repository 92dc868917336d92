"""MLflow's app with everything but reading shut off.

Through MLflow's pages anybody could move the champion past its approval, and its assistant runs
shell commands for whoever comes from this machine, so for a reverse proxy on it too.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from mlflow.server.constants import BACKEND_STORE_URI_ENV_VAR
from mlflow.server.fastapi_app import app as mlflow_app
from mlflow.server.handlers import initialize_backend_stores

from training.tables import one_at_a_time

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

READING = ("GET", "HEAD", "OPTIONS")
QUERIES = ("/search", "/search-datasets", "/graphql")
"""How the paths end that are asked by POST and change nothing."""
SHUT = ("/assistant/", "/gateway/", "/jobs/", "/mcp")
SAYS = b"Headway shows MLflow's pages for reading; train and promote by the command `headway`.\n"

with one_at_a_time(os.environ[BACKEND_STORE_URI_ENV_VAR]):
    initialize_backend_stores()


async def app(scope: Message, receive: Receive, send: Send) -> None:
    """Hand requests that read on to MLflow; answer 403 to all others."""
    if scope["type"] == "lifespan" or (scope["type"] == "http" and _reads(scope)):
        await mlflow_app(scope, receive, send)
    elif scope["type"] == "http":
        headers = [(b"content-type", b"text/plain; charset=utf-8")]
        await send({"type": "http.response.start", "status": 403, "headers": headers})
        await send({"type": "http.response.body", "body": SAYS})


def _reads(scope: Message) -> bool:
    path: str = scope["path"]
    if any(shut in path for shut in SHUT):
        return False
    return scope["method"] in READING or (scope["method"] == "POST" and path.endswith(QUERIES))
