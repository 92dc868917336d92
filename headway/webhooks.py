"""`headway webhooks`: who is told of decisions over HTTP."""

from __future__ import annotations

import secrets
from typing import Annotated, Any

import typer

from firm.access import roles_of
from firm.errors import NotAllowed
from firm.time import to_datetime
from firm.webhooks import (
    Delivery,
    DeliveryStatus,
    Subscription,
    Webhook,
    checked_url,
    secret_of,
    shown_secret,
)
from headway.clock import now
from headway.terminal import AsJson, clear_errors, print_found, running_copy, running_store

WRITER = "governance"
webhooks = typer.Typer(
    name="webhooks",
    help="Who is told of decisions over HTTP.\n\n"
    "A subscriber gets each decision that it wants as a CloudEvent by POST, signed as Standard "
    "Webhooks are (webhook-id, webhook-timestamp, webhook-signature), at least once and for each "
    "subject in order. What it does not take in is sent again, ten times within about fourteen "
    "hours, or until it has waited for HEADWAY_WEBHOOK_DAYS, or HEADWAY_WEBHOOK_MESSAGES newer "
    "ones wait; then the message is dead, an alarm is raised, and `redeliver` sends it again.",
    no_args_is_help=True,
)
Name = Annotated[str, typer.Argument(help="Of the subscriber, as `list` shows it.")]
Who = Annotated[str, typer.Option("--as", help="Your name.")]
Roles = Annotated[
    list[str] | None, typer.Option("--role", help="A role you hold: enterprise_integration.")
]


@webhooks.command()
def add(
    name: Name,
    url: Annotated[str, typer.Argument(help="Where it takes messages: https://host/path.")],
    workflow: Annotated[
        list[str] | None, typer.Option(help="Only of these workflows; all, without.")
    ] = None,
    band: Annotated[
        list[str] | None, typer.Option(help="Only of decisions in these bands; all, without.")
    ] = None,
    person: Who = "",
    role: Roles = None,
    as_json: AsJson = False,
) -> None:
    """Register a subscriber, and print its secret once: give it to whoever runs the receiver.

    It is told of what is decided from now on. Redirects are not followed; this machine and
    link-local addresses are refused unless the settings allow them.

        headway webhooks add scheduler https://scheduler.firm.example/headway --band act
        --as Ina --role enterprise_integration
    """
    from headway.catalogue import workflow_named  # noqa: PLC0415  (imports all workflows)

    with clear_errors():
        by = _manager(person, role)
        for slug in workflow or []:
            workflow_named(slug)
        settings, store = running_copy(), running_store()
        made = Webhook(
            id=secrets.token_hex(8),
            name=name,
            url=checked_url(url),
            workflows=tuple(sorted(workflow or [])),
            bands=tuple(sorted(band or [])),
            made_by=by,
            made_at=now(),
        )
        store.add_webhook(made, WRITER)
        secret = shown_secret(secret_of(settings.audit_key(), made.id))
    print_found({"name": name, "url": made.url, "secret": secret}, as_json)


@webhooks.command("list")
def list_webhooks(as_json: AsJson = False) -> None:
    """List the subscribers: what they are told, and how their receivers fare."""
    with clear_errors():
        store = running_store()
        counts = store.count_deliveries()
        found = {one.webhook.name: _in_words(one, counts) for one in store.subscriptions()}
    print_found(found, as_json)


@webhooks.command()
def deliveries(
    name: Name,
    status: Annotated[
        str | None, typer.Option(help="Only those that are pending, delivered or dead.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="So many of the newest.")] = 20,
    as_json: AsJson = False,
) -> None:
    """List the newest messages to a subscriber: how often each was tried, and what came of it."""
    with clear_errors():
        store = running_store()
        webhook = store.subscription(name).webhook
        sent = store.deliveries(webhook.id, _status(status), limit)
    print_found({one.id: _delivery_words(one) for one in sent}, as_json)


@webhooks.command()
def redeliver(
    name: Name,
    id_: Annotated[
        str | None, typer.Argument(metavar="[ID]", help="A message; without, all that are dead.")
    ] = None,
    person: Who = "",
    role: Roles = None,
    as_json: AsJson = False,
) -> None:
    """Send a message again, or all dead ones, at once: once the receiver is mended."""
    with clear_errors():
        by = _manager(person, role)
        store = running_store()
        webhook = store.subscription(name).webhook
        again = store.redeliver(webhook.id, id_, by, WRITER, now())
        if id_ is not None and not again:
            raise NotAllowed(f"{name} has no message {id_!r}; `headway webhooks deliveries {name}`")
    print_found({"redelivered": again}, as_json)


@webhooks.command()
def remove(name: Name, person: Who = "", role: Roles = None, as_json: AsJson = False) -> None:
    """Tell a subscriber nothing more; what waits for it is not sent."""
    with clear_errors():
        by = _manager(person, role)
        running_store().remove_webhook(name, by, WRITER, now())
    print_found({"removed": name}, as_json)


def _manager(name: str, roles: list[str] | None) -> str:
    """The person, if a role of theirs may do this."""
    from serving.access.authority import grants, holders  # noqa: PLC0415  (imports casbin)

    if not name.strip():
        raise NotAllowed("say who you are: --as NAME")
    if not any(grants(role, "webhooks:manage") for role in roles_of(roles or [])):
        raise NotAllowed(
            f"webhooks are managed by {sorted(holders('webhooks:manage'))}: say --role, if you "
            "hold one of them"
        )
    return name.strip()


def _status(name: str | None) -> DeliveryStatus | None:
    match name:
        case None | "pending" | "delivered" | "dead":
            return name
    raise NotAllowed(f"no message is {name!r}; they are pending, delivered or dead")


def _in_words(one: Subscription, counts: dict[tuple[str, str], int]) -> dict[str, Any]:
    webhook, paused = one.webhook, one.paused_until > now()
    until = f"left alone until {to_datetime(one.paused_until):%F %T}, " if paused else ""
    return {
        "url": webhook.url,
        "workflows": ", ".join(webhook.workflows) or "all",
        "bands": ", ".join(webhook.bands) or "all",
        "receiver": f"{until}failed {one.failures} times in a row" if one.failures else "well",
        "pending": counts.get((webhook.name, "pending"), 0),
        "dead": counts.get((webhook.name, "dead"), 0),
        "made": f"{to_datetime(webhook.made_at):%F %T} by {webhook.made_by}",
    }


def _delivery_words(one: Delivery) -> dict[str, Any]:
    return {
        "decision": one.decision,
        "subject": one.key,
        "status": one.status,
        "tries": one.tries,
        "answer": one.answer or "",
        "made": f"{to_datetime(one.made_at):%F %T}",
        "next": f"{to_datetime(one.due_at):%F %T}" if one.status == "pending" else "",
    }
