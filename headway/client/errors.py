"""What can go wrong with a call; each error says what, and what to do about it."""

from __future__ import annotations

from typing import ClassVar

from firm.errors import HeadwayError
from headway.client.answers import Problem


class CallFailed(HeadwayError):
    """A call got no answer that it asked for.

    Attributes:
        problem: what the service says, None where it said nothing.
        request_id: by which the service's log knows the call, None where it took none.
        retry_after: seconds that the service asks to wait, None where it asks for nothing.
    """

    kind = "call-failed"
    todo: ClassVar[str] = "read what the service says"

    def __init__(
        self,
        says: str,
        problem: Problem | None = None,
        request_id: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        self.problem, self.request_id, self.retry_after = problem, request_id, retry_after
        known = f" [request {request_id}]" if request_id else ""
        super().__init__(f"{says}; {self.todo}{known}")


class CannotReach(CallFailed):
    """The service does not answer: no connection, a lost one, or no answer in time."""

    kind = "cannot-reach"
    retry = True
    todo = "check the address, that the service runs, and what lies between"


class KeyRefused(CallFailed):
    """401: no key or token, or one that does not count."""

    kind = "unauthenticated"
    todo = "pass a key that counts as `token` (`headway keys add NAME --role ROLE`)"


class Forbidden(CallFailed):
    """403: the caller may not do this."""

    kind = "not-allowed"
    todo = "use a key with such a role that reaches the workflow"


class NotFound(CallFailed):
    """404: there is no such workflow, subject, decision or version."""

    kind = "not-found"
    todo = "check the name; `workflows()` lists those that are declared"


class Conflict(CallFailed):
    """409: it does not go together with how things stand."""

    kind = "conflict"
    todo = "look how things stand, then ask anew"


class Invalid(CallFailed):
    """Any other 4xx: the request itself is wrong, so it would be refused again."""

    kind = "invalid"
    todo = "mend the request before it is sent again"


class TooManyRequests(CallFailed):
    """429: more requests than the caller may send."""

    kind = "too-many-requests"
    retry = True
    todo = "send fewer at once, or score a batch"


class Unavailable(CallFailed):
    """503: a part of the service is away for now."""

    kind = "unavailable"
    retry = True
    todo = "try again later; GET /health/ready says which part is away"


class ServiceFailed(CallFailed):
    """Any other 5xx: a fault of the service."""

    kind = "service-failed"
    todo = "tell who runs the service, with the id of the request"


class UnexpectedAnswer(CallFailed):
    """The answer is not of the form that this client knows."""

    kind = "unexpected-answer"
    todo = "check that the address is Headway's, and that client and service are of one version"


_BY_STATUS: dict[int, type[CallFailed]] = {
    401: KeyRefused,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    429: TooManyRequests,
    503: Unavailable,
}


def error_of(status: int) -> type[CallFailed]:
    """The error that a status stands for (300 or more)."""
    general = Invalid if 400 <= status < 500 else ServiceFailed
    return _BY_STATUS.get(status, UnexpectedAnswer if status < 400 else general)
