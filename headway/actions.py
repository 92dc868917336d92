"""Actions go to the system of record over HTTP, each with its id as idempotency key."""

from __future__ import annotations

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
    """A system of record that takes actions by POST (`firm.ports.ActionTarget`)."""

    def __init__(self, url: str) -> None:
        self._client = httpx.Client(base_url=url, timeout=SECONDS)

    @stamina.retry(on=TargetAway, attempts=ATTEMPTS, timeout=SECONDS)
    def perform(self, action: Action) -> str:
        """Have it done once; returns the reference that the system gave it."""
        try:
            answer = self._client.post(
                "/actions",
                headers={"Idempotency-Key": action.id},
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
