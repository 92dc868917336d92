"""Errors over HTTP: RFC 9457 problem details, one for each error of the tree, never a traceback."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from firm.decision import as_json
from firm.errors import HeadwayError, TooManyRequests

MEDIA_TYPE = "application/problem+json"
STATUS: Mapping[str, HTTPStatus] = {
    "unknown-subject": HTTPStatus.NOT_FOUND,
    "unknown-workflow": HTTPStatus.NOT_FOUND,
    "unknown-decision": HTTPStatus.NOT_FOUND,
    "unknown-proposal": HTTPStatus.NOT_FOUND,
    "unknown-report": HTTPStatus.NOT_FOUND,
    "no-challenger": HTTPStatus.NOT_FOUND,
    "too-few-outcomes": HTTPStatus.CONFLICT,
    "too-many-requests": HTTPStatus.TOO_MANY_REQUESTS,
    "unauthenticated": HTTPStatus.UNAUTHORIZED,
    "no-candidates": HTTPStatus.NOT_FOUND,
    "not-allowed": HTTPStatus.FORBIDDEN,
    "gate-failed": HTTPStatus.CONFLICT,
    "model-refused": HTTPStatus.CONFLICT,
    "not-reproduced": HTTPStatus.CONFLICT,
    "malformed": HTTPStatus.BAD_REQUEST,
    "too-large": HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "unknown-type": HTTPStatus.UNPROCESSABLE_ENTITY,
    "invalid-value": HTTPStatus.UNPROCESSABLE_ENTITY,
    "no-rule": HTTPStatus.UNPROCESSABLE_ENTITY,
    "wrong-unit": HTTPStatus.UNPROCESSABLE_ENTITY,
    "time-out-of-range": HTTPStatus.UNPROCESSABLE_ENTITY,
    "key-reused": HTTPStatus.UNPROCESSABLE_ENTITY,
    "too-many": HTTPStatus.UNPROCESSABLE_ENTITY,
    "unknown-version": HTTPStatus.NOT_FOUND,
    "wrong-subject": HTTPStatus.SERVICE_UNAVAILABLE,
    "stale": HTTPStatus.SERVICE_UNAVAILABLE,
}
HEADERS: Mapping[int, Mapping[str, str]] = {
    HTTPStatus.UNAUTHORIZED: {"WWW-Authenticate": "Bearer"},
    HTTPStatus.SERVICE_UNAVAILABLE: {"Retry-After": "1"},
}
log = structlog.get_logger(__name__)


def problem(
    status: int,
    kind: str,
    detail: str,
    errors: Sequence[Mapping[str, Any]] = (),
    oip: bool = False,
) -> Response:
    """A problem+json answer; `kind` is stable, `detail` is for people."""
    body = _body(status, kind, detail)
    if errors:
        body["errors"] = list(errors)
    if oip:
        body["error"] = detail
    return Response(as_json(body), int(status), HEADERS.get(status), MEDIA_TYPE)


def status_of(error: HeadwayError) -> HTTPStatus:
    """503 for what may pass by itself, the table's status for what the caller can mend."""
    if error.kind in STATUS:
        return STATUS[error.kind]
    return HTTPStatus.SERVICE_UNAVAILABLE if error.retry else HTTPStatus.INTERNAL_SERVER_ERROR


def body_of(error: HeadwayError) -> dict[str, Any]:
    """An error as the members of a problem."""
    return _body(status_of(error), error.kind, str(error))


def _body(status: int, kind: str, detail: str) -> dict[str, Any]:
    return {
        "type": f"urn:headway:problem:{kind}",
        "title": kind.replace("-", " "),
        "status": int(status),
        "detail": detail,
    }


def install(app: FastAPI) -> None:
    """Answer every error of the application with a problem."""
    app.add_exception_handler(HeadwayError, _headway)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _unexpected)


def refusal(error: HeadwayError, oip: bool = False) -> Response:
    """The answer that says what is wrong."""
    answer = problem(status_of(error), error.kind, str(error), oip=oip)
    if isinstance(error, TooManyRequests):
        answer.headers["Retry-After"] = str(error.seconds)
    return answer


async def _headway(request: Request, error: Exception) -> Response:
    assert isinstance(error, HeadwayError)  # noqa: S101  (registered for this type alone)
    return refusal(error, _is_oip(request))


def _is_oip(request: Request) -> bool:
    """Clients of the Open Inference Protocol look for a member named `error`."""
    return request.url.path.startswith("/v2/")


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101  (registered for this type alone)
    errors = [
        {"where": "/".join(str(part) for part in e["loc"]), "what": e["msg"]}
        for e in error.errors()
    ]
    if any(e["type"] == "json_invalid" for e in error.errors()):
        return problem(HTTPStatus.BAD_REQUEST, "malformed", "the body is not JSON", errors)
    detail = "; ".join(f"{e['where']}: {e['what']}" for e in errors)
    return problem(
        HTTPStatus.UNPROCESSABLE_ENTITY, "invalid-value", detail, errors, _is_oip(request)
    )


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101  (registered for this type alone)
    kind = HTTPStatus(error.status_code).phrase.lower().replace(" ", "-")
    answer = problem(error.status_code, kind, str(error.detail), oip=_is_oip(request))
    answer.headers.update(error.headers or {})
    return answer


async def _unexpected(request: Request, error: Exception) -> Response:
    return unexpected(request.url.path, error)


def unexpected(path: str, error: Exception, request: str | None = None) -> Response:
    """The answer to what nobody has thought of, which only the log tells more of; `request` is its
    id where the log does not know it."""
    told = {} if request is None else {"request": request}
    log.error("unexpected error", path=path, exc_info=error, **told)
    return problem(
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "internal-error",
        "something went wrong here that should not; it is in the service's log",
    )
