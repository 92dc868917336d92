"""MLflow's own webhooks get through with their signature, wake those who look, and nothing else."""

from __future__ import annotations

import threading
import time

import httpx
import pytest

from headway.settings import Settings
from serving.access.guard import SIGNED
from serving.webhook import DELIVERY, SIGNATURE, TIMESTAMP, signature_of
from tests.stage import Stage, until

BODY = b'{"entity": "model_version_alias", "action": "created"}'


class Woken:
    """Somebody who listens, as the registrar and every process that scores do."""

    def __init__(self, stage: Stage) -> None:
        self._listener = stage.store.listener()
        self._listener.wait(0.01)
        self.times = 0
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._listen)
        self._thread.start()

    def _listen(self) -> None:
        while not self._stopped.is_set():
            self.times += self._listener.wait(0.1)
        self._listener.close()

    def stop(self) -> int:
        self._stopped.set()
        self._thread.join()
        return self.times


@pytest.mark.filterwarnings("ignore:.*Any type hint is inferred as AnyType")
def test_what_mlflow_sends_wakes_those_who_look(
    url: str, settings: Settings, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By MLflow's own sender; with another secret it is refused, and wakes nobody."""
    from mlflow.entities.webhook import (  # noqa: PLC0415  (importing it takes seconds)
        Webhook,
        WebhookAction,
        WebhookEntity,
        WebhookEvent,
        WebhookStatus,
    )
    from mlflow.webhooks.delivery import test_webhook as send  # noqa: PLC0415  (the same)

    monkeypatch.setenv("MLFLOW_WEBHOOK_ALLOWED_SCHEMES", "http")
    monkeypatch.setenv("MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS", "true")
    event = WebhookEvent(WebhookEntity.MODEL_VERSION_ALIAS, WebhookAction.CREATED)
    woken = Woken(stage)
    found = []
    for secret in ("another", settings.webhook_key()):
        hook = Webhook("1", "headway", url + SIGNED, [event], 0, 0, None, WebhookStatus.ACTIVE)
        hook._secret = secret
        found.append(send(hook).response_status)
    assert found == [401, 204]
    until(lambda: woken.times > 0)
    assert woken.stop() == 1


@pytest.mark.parametrize(
    ("changed", "body"),
    [
        ({SIGNATURE: ""}, BODY),
        ({SIGNATURE: "v1,c2lnbmVk"}, BODY),
        ({SIGNATURE: "v1,\xe9"}, BODY),
        ({DELIVERY: "another"}, BODY),
        ({TIMESTAMP: "1"}, BODY),
        ({TIMESTAMP: "soon"}, BODY),
        ({}, BODY + b" "),
    ],
)
def test_what_is_not_signed_so_is_refused(
    url: str, settings: Settings, changed: dict[str, str], body: bytes
) -> None:
    at = str(int(time.time()))
    right = {
        DELIVERY: "d1",
        TIMESTAMP: at,
        SIGNATURE: signature_of(settings.webhook_key(), "d1", at, BODY),
    }
    headers = {name: value.encode("latin-1") for name, value in {**right, **changed}.items()}
    assert httpx.post(url + SIGNED, content=body, headers=headers).status_code == 401


def test_an_old_one_that_was_rightly_signed_is_refused_as_a_copy(
    url: str, settings: Settings
) -> None:
    at = str(int(time.time()) - 400)
    signature = signature_of(settings.webhook_key(), "d1", at, BODY)
    headers = {DELIVERY: "d1", TIMESTAMP: at, SIGNATURE: signature}
    refused = httpx.post(url + SIGNED, content=BODY, headers=headers)
    assert (refused.status_code, "more than 300 s" in refused.json()["detail"]) == (401, True)
