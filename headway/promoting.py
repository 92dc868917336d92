"""The commands by which people let versions decide, and take them back."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from headway.terminal import AsJson, WorkflowName, clear_errors, print_found, running_copy

promoting = typer.Typer()

Who = Annotated[str, typer.Option("--as", help="Your name.")]
Roles = Annotated[list[str] | None, typer.Option("--role", help="A role you hold.")]
Why = Annotated[str, typer.Option(help="Why; it is kept for ever.")]


@promoting.command()
def promote(
    workflow: WorkflowName,
    version: Annotated[
        str | None, typer.Argument(help="A registered version; without, list what is proposed.")
    ] = None,
    person: Who = "",
    role: Roles = None,
    why: Why = "",
    agree: Annotated[
        bool, typer.Option("--agree", help="Agree to what somebody else proposed.")
    ] = False,
    refuse: Annotated[bool, typer.Option("--refuse", help="Refuse it, or take it back.")] = False,
    canary: Annotated[
        float, typer.Option(min=0, max=1, help="As canary, on this share of the subjects only.")
    ] = 0.0,
    as_json: AsJson = False,
) -> None:
    """Make a version live, in two steps by two people.

    A data scientist proposes it; a governance reviewer or the process owner, who neither trained
    nor proposed it, agrees. It must have passed its gates. Each process that scores then has it
    within a second.

        headway promote delivery_risk 3 --as Ada --role data_scientist --why "beats version 2"

        headway promote delivery_risk 3 --agree --as Gus --role governance_reviewer --why "seen it"
    """
    from headway.promotions import answer, proposals, propose  # noqa: PLC0415  (imports the store)

    with clear_errors():
        copy = running_copy()
        if version is None:
            found = proposals(copy, workflow)
        elif agree or refuse:
            found = answer(copy, workflow, version, person, role or [], why, agree)
        else:
            found = propose(copy, workflow, version, person, role or [], why, canary)
    print_found(found, as_json)


@promoting.command()
def rollback(
    workflow: WorkflowName,
    to: Annotated[str | None, typer.Option(help="The version; without, the one before.")] = None,
    person: Who = "",
    role: Roles = None,
    why: Why = "",
    as_json: AsJson = False,
) -> None:
    """Go back to an earlier champion, in one step: two people have agreed to it before."""
    from headway.promotions import roll_back  # noqa: PLC0415  (imports the store)

    with clear_errors():
        found = roll_back(running_copy(), workflow, to, person, role or [], why)
    print_found(found, as_json)


@promoting.command()
def kill(
    workflow: WorkflowName,
    person: Who = "",
    role: Roles = None,
    why: Why = "",
    lift: Annotated[bool, typer.Option("--lift", help="Let the champion decide again.")] = False,
    as_json: AsJson = False,
) -> None:
    """Pull the kill switch of a workflow: the declared rule decides, and answers say why."""
    from headway.promotions import switch  # noqa: PLC0415  (imports the store)

    with clear_errors():
        found = switch(running_copy(), workflow, person, role or [], why, lift)
    print_found(found, as_json)


@promoting.command()
def challenger(
    workflow: WorkflowName,
    version: Annotated[str, typer.Argument(help="A registered version.")],
    person: Who = "",
    role: Roles = None,
    why: Why = "",
    end: Annotated[bool, typer.Option("--end", help="Watch it no longer.")] = False,
    as_json: AsJson = False,
) -> None:
    """Let a version score in the shadow of the champion: it decides nothing, and slows nothing."""
    from headway.promotions import shadow  # noqa: PLC0415  (imports the store)

    with clear_errors():
        found = shadow(running_copy(), workflow, version, person, role or [], why, end)
    print_found(found, as_json)


@promoting.command()
def compare(workflow: WorkflowName, as_json: AsJson = False) -> None:
    """Hold the challenger against what was decided, on outcomes that are known, with intervals."""
    from headway.promotions import compare as compared  # noqa: PLC0415  (imports the store)

    with clear_errors():
        found = compared(running_copy(), workflow)
    print_found(found, as_json)


@promoting.command("end-canary")
def end_canary(
    workflow: WorkflowName,
    person: Who = "",
    role: Roles = None,
    why: Why = "",
    as_json: AsJson = False,
) -> None:
    """Take the canary back: the champion decides on all subjects again, within a second."""
    from headway.promotions import end_canary as ended  # noqa: PLC0415  (imports the store)

    with clear_errors():
        found = ended(running_copy(), workflow, person, role or [], why)
    print_found(found, as_json)


@promoting.command()
def models(
    workflow: WorkflowName,
    at: Annotated[
        datetime | None, typer.Option(help="What was live then (UTC); now, without.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say what is live or was at an instant, where it serves, and every move with who and why."""
    from headway.promotions import overview  # noqa: PLC0415  (imports the store)

    with clear_errors():
        found = overview(running_copy(), workflow, at)
    print_found(found, as_json)
