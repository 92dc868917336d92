"""The policy of each route: what it takes to call it. A route without one fails at start."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import Depends, FastAPI, Request, Security
from fastapi.routing import APIRoute, RouteContext, iter_route_contexts
from fastapi.security import HTTPBearer
from starlette.types import Scope

from firm.access import Permission
from firm.errors import HeadwayError
from firm.time import Micros
from serving.access.authority import Login

SIGNED = "/v1/webhooks/mlflow"
"""Who calls it signs what it sends (serving/webhook.py)."""
PUBLIC = frozenset(
    {
        "/health/live",
        "/health/ready",
        "/health/advancing",
        "/v2/health/live",
        "/v2/health/ready",
        "/ping",
    }
)
"""What anybody may ask: whether it answers and goes on, and nothing more."""


class RouteWithoutPolicy(HeadwayError):
    """A route that nobody has said who may call."""

    kind = "route-without-policy"


class Guard:
    """Makes the dependencies with which routes declare their policy."""

    def __init__(self, login: Login, now: Callable[[], Micros]) -> None:
        self._login = login
        self._now = now
        self._bearer = HTTPBearer(
            auto_error=False, description="an API key (`headway keys add`) or a JWT of your login"
        )

    def needs(self, permission: Permission) -> Any:
        """The dependency of a route: `dependencies=[guard.needs("scores:ask")]`.

        `{slug}` in the path is the workflow that is touched.
        """

        async def allowed(request: Request, _shown: object = Security(self._bearer)) -> None:
            header, address = request.headers.get("authorization"), address_of(request.scope)
            caller = self._login.caller(header, self._now(), address)
            self._login.require(caller, permission, request.path_params.get("slug"))
            request.state.caller = caller

        allowed.permission = permission  # type: ignore[attr-defined]
        return Depends(allowed)

    def require(self, request: Request, permission: Permission, workflow: str) -> None:
        """For a workflow that the path does not name, once it is known; raises NotAllowed."""
        self._login.require(request.state.caller, permission, workflow)


def address_of(scope: Scope) -> str:
    """Where a request comes from, as the server knows it."""
    client = scope.get("client")
    return client[0] if client else ""


def policies(app: FastAPI) -> dict[tuple[str, str], Permission | None]:
    """By method and path what each route of the application takes; None where it says nothing."""
    return {
        (method, str(route.path)): _policy(route)
        for route in iter_route_contexts(app.routes)
        if isinstance(route.original_route, APIRoute)
        for method in route.methods or ()
    }


def require_policies(app: FastAPI) -> None:
    """Raise RouteWithoutPolicy, with all that lack one."""
    found = policies(app).items()
    known = PUBLIC | {SIGNED}
    naked = {path for (_, path), needed in found if needed is None and path not in known}
    if naked:
        raise RouteWithoutPolicy(
            f"nobody has said who may call {sorted(naked)}: give each a `guard.needs(...)`"
        )


def _policy(route: RouteContext) -> Permission | None:
    for dependency in route.dependant.dependencies:
        permission: Permission | None = getattr(dependency.call, "permission", None)
        if permission is not None:
            return permission
    return None
