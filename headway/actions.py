"""Actions go to the system of record over HTTP, each with its id as idempotency key."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import httpx
import stamina

from firm.decision import Action
from firm.errors import HeadwayError, TryLater

ATTEMPTS = 5
SECONDS = 10.0


class TargetAway(HeadwayError):
    """The system of record does not answer, or asks for patience."""

    kind = "target-away"
    retry = True


class TargetFails(TryLater):
    """The system of record answers, but fails at this action."""

    kind = "target-fails"


class TargetRefused(HeadwayError):
    """The system of record refuses the action; a person has to look at it."""

    kind = "target-refused"


class HttpActionTarget:
    """A system of record that takes actions by POST (`firm.ports.ActionTarget`).

    `carried` gives the headers that carry a trace on.
    """

    def __init__(self, url: str, carried: Callable[[], Mapping[str, str]] = dict) -> None:
        self._client = httpx.Client(base_url=url, timeout=SECONDS)
        self._carried = carried

    @stamina.retry(on=TargetAway, attempts=ATTEMPTS, timeout=SECONDS)
    def perform(self, action: Action) -> str:
        """Have it done once; returns the reference that the system gave it."""
        try:
            answer = self._client.post(
                "/actions",
                headers={"Idempotency-Key": action.id, **self._carried()},
                json={"kind": action.kind, "subject": action.subject, "says": action.says},
            )
        except httpx.HTTPError as error:
            raise TargetAway(f"{self._client.base_url} does not answer: {error}") from error
        if answer.status_code == httpx.codes.TOO_MANY_REQUESTS:
            raise TargetAway(f"{self._client.base_url} asks for patience (429)")
        if answer.is_server_error:
            raise TargetFails(
                f"{self._client.base_url} answered {answer.status_code} to {action.kind}; it is "
                "asked again later"
            )
        if answer.is_error:
            raise TargetRefused(
                f"{self._client.base_url} refused {action.kind}: {answer.text:.200}"
            )
        return str(answer.json()["reference"])
