"""What the commands do on the copy that is running."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from firm.access import roles_of
from firm.decision import Decision, Person
from firm.envelope import ref_of
from firm.errors import NotAllowed
from firm.handlers import approve
from firm.ids import ActionId
from firm.store import DeadLetter, SqlStore
from firm.time import to_datetime, to_micros
from headway.catalogue import canonicaliser, declared, workflow_named
from headway.clock import now
from headway.governance import WRITER
from headway.lifecycle import open_registry, train_version
from headway.logs import Disturbance, Outgoing, find_log, outgoing
from headway.progress import Progress
from headway.replay import send, wait_until_taken
from headway.reports import list_reports
from headway.settings import Settings

Found = dict[str, Any]


def person_of(name: str, roles: Sequence[str]) -> Person:
    """Somebody as they say themselves. Raises NotAllowed for a missing name or unknown role."""
    if not name.strip():
        raise NotAllowed("say who you are: --as NAME")
    return Person(name.strip(), roles_of(roles))


def open_store(settings: Settings) -> SqlStore:
    """The store of the running copy."""
    return SqlStore(settings.database or "", settings.audit_key())


def replay_log(
    settings: Settings,
    name: str,
    disturbance: Disturbance,
    per_second: float | None,
    progress: Progress,
) -> Found:
    """Send a log and wait until every workflow that it concerns has taken it in."""
    file, mapping = find_log(name)
    workflows, refused = declared(), Counter[str]()
    canonical = canonicaliser(workflows)
    read = outgoing(file, mapping, canonical, now(), lambda error: refused.update([error.kind]))
    events = disturbance.apply(read)
    store = open_store(settings)
    with progress.stage(f"sending {name}", len(events)) as step:
        end = send(settings.kafka or "", events, step, per_second)
    told = {rule.fact for rule in mapping.event}
    concerned = [s for s, w in workflows.items() if told & {fact.type for fact in w.facts}]
    for slug in concerned:
        with progress.stage(f"{slug} takes it in", len(events)) as step:
            wait_until_taken(store, slug, end - len(events), end, step)
    return {
        "sent": len(events),
        **({"not_sent": dict(refused)} if refused else {}),
        **{slug: msgspec.structs.asdict(store.tallies(slug).total) for slug in concerned},
    }


def train_workflow(
    settings: Settings,
    slug: str,
    cut: datetime | None,
    by: str,
    tuning: int,
    progress: Progress,
    in_files: bool = False,
    on: str | None = None,
) -> Found:
    """Train and register a version, with so many sets of parameters tried before."""
    moment = now() if cut is None else to_micros(cut.replace(tzinfo=cut.tzinfo or UTC))
    workflow = workflow_named(slug)
    with progress.stage("trying parameters" if tuning else "training", tuning or None) as step:
        trained = train_version(
            settings, workflow, moment, by, tuning, step, None, in_files, on, say=progress.say
        )
    return {
        "version": trained.version.version,
        "rows": trained.data.rows,
        "gates": {gate.gate: str(gate) for gate in trained.gates},
        "passed": trained.version.gates_passed,
    }


def report_workflow(settings: Settings, slug: str, days: float | None) -> Found:
    """Write the report on the live version, on so many days or since it was trained."""
    from headway.reporting import report_on  # noqa: PLC0415  (imports pandas)

    workflow, store = workflow_named(slug), open_store(settings)
    live = store.live(slug)
    if live is None or live.kind == "killed":
        raise NotAllowed(f"no version of {slug} is live; `headway models {slug}` says why")
    version = open_registry(settings).get(slug, live.version)
    files = report_on(settings, store, workflow, version, days=days)
    return {
        "summary": str(files.summary),
        "report": str(files.html),
        "breaches": [limit.name for limit in files.figures.breaches],
        "alerts": len(files.figures.alerts),
        "reports": [report["name"] for report in list_reports(settings, slug)],
    }


def list_decisions(settings: Settings, slug: str, subject: str | None, limit: int) -> Found:
    """Decisions in words."""
    found = open_store(settings).decisions(workflow_named(slug).slug, subject=subject, limit=limit)
    return {decision.id: _in_words(decision) for decision in found}


def waiting(settings: Settings) -> Found:
    """The actions that wait for a person."""
    return {
        action.id: f"{action.kind} for {action.subject} waits for the role {action.approval}"
        for action in open_store(settings).waiting_actions()
    }


def give_verdict(
    settings: Settings, action: str, person: str, roles: Sequence[str], agreed: bool, reason: str
) -> Found:
    """A person's verdict on an action that waits."""
    store, who = open_store(settings), person_of(person, roles)
    verdict = approve(store.action(ActionId(action)), who, agreed, reason, now())
    store.give_verdict(verdict, WRITER)
    return {"action": action, "verdict": "agreed" if agreed else "refused", "by": who.name}


def letters_in_words(settings: Settings) -> Found:
    """The dead letters in words, by where they stand in the log."""
    return {
        f"{letter.topic}/{letter.partition}/{letter.offset}": _letter_in_words(letter)
        for letter in open_store(settings).dead_letters()
    }


def redrive_letters(settings: Settings) -> Found:
    """Send all dead letters in again."""
    store = open_store(settings)
    letters = store.dead_letters()
    again = [Outgoing(b"redriven", letter.payload, letter.received_at) for letter in letters]
    send(settings.kafka or "", again, lambda _: None)
    store.mark_redriven(letters, now())
    return {"redriven": len(letters)}


def _in_words(decision: Decision) -> str:
    asked = f", asked by {decision.asked_by}" if decision.asked_by else ""
    return (
        f"{to_datetime(decision.as_of):%Y-%m-%d} {decision.subject}: {decision.probability:.2f} "
        f"{decision.band} (model {decision.model_version}{asked})"
    )


def _letter_in_words(letter: DeadLetter) -> str:
    ref = ref_of(letter.payload)
    return f"{letter.kind}: {letter.reason}" + (f" (event {ref})" if ref else "")
