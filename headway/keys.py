"""`headway keys`: who may call the API."""

from __future__ import annotations

import secrets
from typing import Annotated, Any, get_args

import typer

from firm.access import SECRET_BYTES, ApiKey, Caller, roles_of, seal_of, token_of
from firm.declared import Role
from firm.store import Revocation, SqlStore
from firm.time import DAY, to_datetime
from headway.clock import now
from headway.settings import Settings
from headway.terminal import AsJson, clear_errors, print_found, running_copy, running_store

WRITER = "governance"
keys = typer.Typer(
    name="keys",
    help="Who may call the API. A key is shown once, when it is made; only a seal of it is kept.",
    no_args_is_help=True,
)
Name = Annotated[str, typer.Argument(help="Of the person or the system that will call.")]
Roles = Annotated[
    list[str], typer.Option("--role", help=f"May be repeated; one of {', '.join(get_args(Role))}.")
]
By = Annotated[str, typer.Option(help="Who does this.")]


@keys.command()
def add(
    name: Name,
    role: Roles,
    workflow: Annotated[
        list[str] | None, typer.Option(help="Reaches only these workflows; all, without.")
    ] = None,
    days: Annotated[int | None, typer.Option(min=1, help="Expires after so many days.")] = None,
    by: By = "unknown",
    as_json: AsJson = False,
) -> None:
    """Make a key, and print it once."""
    with clear_errors():
        settings = running_copy()
        store = running_store()
        caller = Caller(name, roles_of(role), frozenset(workflow) if workflow else None)
        token = make_key(settings, store, caller, by, days)
    print_found({"name": name, "roles": sorted(role), "token": token}, as_json)


@keys.command("list")
def list_keys(as_json: AsJson = False) -> None:
    """List all keys: whose, with which roles, until when."""
    with clear_errors():
        store = running_store()
        revoked = store.revoked()
        found = {key.id: _in_words(key, revoked) for key in store.api_keys()}
    print_found(found, as_json)


@keys.command()
def revoke(
    id_: Annotated[str, typer.Argument(metavar="ID", help="A key's id, or the jti of a JWT.")],
    why: Annotated[str, typer.Option(help="Why; it is kept for ever.")],
    by: By = "unknown",
    as_json: AsJson = False,
) -> None:
    """Take a key or a token back; running services know it within a second."""
    with clear_errors():
        running_store().revoke(Revocation(id_, by, why, now()), WRITER)
    print_found({"revoked": id_}, as_json)


def make_key(
    settings: Settings, store: SqlStore, caller: Caller, by: str, days: int | None = None
) -> str:
    """Make a key and keep its seal; returns the token, which is kept nowhere."""
    id_, secret = secrets.token_hex(6), secrets.token_urlsafe(SECRET_BYTES)
    made_at = now()
    expires_at = None if days is None else made_at + days * DAY
    seal = seal_of(settings.audit_key(), id_, secret, caller, expires_at)
    store.add_key(ApiKey(id_, caller, by, made_at, expires_at, seal), WRITER)
    return token_of(id_, secret)


def _in_words(key: ApiKey, revoked: frozenset[str]) -> dict[str, Any]:
    until = "for ever" if key.expires_at is None else f"until {to_datetime(key.expires_at):%F}"
    return {
        "name": key.caller.name,
        "roles": ", ".join(sorted(key.caller.roles)),
        "workflows": ", ".join(sorted(key.caller.workflows or ())) or "all",
        "counts": "revoked" if key.id in revoked else until,
        "made": f"{to_datetime(key.made_at):%F %T} by {key.made_by}",
    }
