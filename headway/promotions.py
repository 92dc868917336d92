"""What the commands on versions do on the copy that is running."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import UTC, datetime
from typing import Any, Literal, get_args

from firm.errors import NotAllowed
from firm.standing import Alias, Promotion
from firm.store import SqlStore
from firm.time import Micros, to_datetime, to_micros
from headway.catalogue import workflow_named
from headway.commands import open_store, person_of
from headway.governance import Governance
from headway.settings import Settings
from headway.swap import wait_until_served

Found = dict[str, Any]


def propose(
    settings: Settings,
    slug: str,
    version: str,
    name: str,
    roles: Sequence[str],
    why: str,
    canary: float,
) -> Found:
    """Ask that a version become champion, or canary on a share of the subjects."""
    workflow_named(slug)
    with closing(open_store(settings)) as store:
        governance, person = Governance(settings, store), person_of(name, roles)
        alias: Literal["champion", "canary"] = "canary" if canary else "champion"
        asked = governance.propose(slug, version, person, why, alias, canary or 1.0)
    return {
        "proposed": version,
        "proposal": asked.id,
        "next": f"somebody else agrees: headway promote {slug} {version} --agree --as NAME "
        "--role governance_reviewer --why WHY",
    }


def answer(
    settings: Settings,
    slug: str,
    version: str,
    name: str,
    roles: Sequence[str],
    why: str,
    agreed: bool,
) -> Found:
    """Agree to the proposal of a version, or refuse it."""
    person = person_of(name, roles)
    with closing(open_store(settings)) as store:
        waiting = [p.id for p in store.proposals(slug) if p.version == version]
        if not waiting:
            raise NotAllowed(f"nobody has proposed version {version} of {slug}")
        governance = Governance(settings, store)
        if agreed:
            return _served(store, lambda: governance.agree(slug, waiting[0], person, why))
        governance.decline(slug, waiting[0], person, why)
        return {"refused": version, "by": person.name}


def proposals(settings: Settings, slug: str) -> Found:
    """What waits for a second person."""
    with closing(open_store(settings)) as store:
        return {
            one.version: f"as {one.alias}, proposed by {one.asked_by}: {one.why}"
            for one in store.proposals(workflow_named(slug).slug)
        }


def roll_back(
    settings: Settings, slug: str, to: str | None, name: str, roles: Sequence[str], why: str
) -> Found:
    """Go back to an earlier champion."""
    with closing(open_store(settings)) as store:
        governance, person = Governance(settings, store), person_of(name, roles)
        return _served(store, lambda: governance.roll_back(slug, to, person, why))


def switch(
    settings: Settings, slug: str, name: str, roles: Sequence[str], why: str, lift: bool
) -> Found:
    """Pull the kill switch, or lift it."""
    workflow_named(slug)
    with closing(open_store(settings)) as store:
        governance, person = Governance(settings, store), person_of(name, roles)
        act = governance.lift if lift else governance.kill
        return _served(store, lambda: act(slug, person, why))


def shadow(
    settings: Settings,
    slug: str,
    version: str,
    name: str,
    roles: Sequence[str],
    why: str,
    end: bool,
) -> Found:
    """Watch a version in the shadow, or watch it no longer."""
    workflow_named(slug)
    with closing(open_store(settings)) as store:
        governance, person = Governance(settings, store), person_of(name, roles)
        made = (
            governance.take_away(slug, "challenger", person, why)
            if end
            else governance.shadow(slug, version, person, why)
        )
    return {f"challenger {made.kind}": made.version, "since": _time(made.at)}


def end_canary(settings: Settings, slug: str, name: str, roles: Sequence[str], why: str) -> Found:
    """The champion decides on all subjects again."""
    workflow_named(slug)
    with closing(open_store(settings)) as store:
        governance, person = Governance(settings, store), person_of(name, roles)
        return _served(store, lambda: governance.take_away(slug, "canary", person, why))


def compare(settings: Settings, slug: str) -> Found:
    """The challenger against what was decided."""
    with closing(open_store(settings)) as store:
        return Governance(settings, store).compare(workflow_named(slug).slug)


def overview(settings: Settings, slug: str, at: datetime | None) -> Found:
    """What is live or was at an instant, where it serves, what waits, and every move."""
    instant = None if at is None else to_micros(at.replace(tzinfo=at.tzinfo or UTC))
    with closing(open_store(settings)) as store:
        standing = Governance(settings, store).standing(workflow_named(slug).slug, instant)
        aliases = {name: standing.of(name) for name in get_args(Alias)}
        found: Found = {name: _in_words(made) for name, made in aliases.items() if made}
        if standing.killed:
            found["kill switch"] = standing.killed
        if standing.refused:
            found["refused"] = dict(standing.refused)
        if instant is None:
            found |= _now(store, slug)
    return found


def _now(store: SqlStore, slug: str) -> Found:
    versions = {
        one.version: f"{'failed' if one.failed else 'passed'} its gates, trained by "
        f"{one.trained_by} on {_day(one.at)}"
        for one in store.registrations(slug)
    }
    moves = store.promotions(slug)
    told = {
        "served": {one.worker: _serves(one.version, one.because) for one in store.served(slug)},
        "proposed": {p.version: f"by {p.asked_by}: {p.why}" for p in store.proposals(slug)},
        "versions": versions,
        "moves": {_time(made.at): f"{made.alias} {_in_words(made)}" for made in moves},
    }
    return {name: words for name, words in told.items() if words}


def _served(store: SqlStore, act: Callable[[], Promotion]) -> Found:
    """Do it, and watch it arrive."""
    made = act()
    began = time.monotonic()
    served = wait_until_served(store, made.workflow)
    return {
        made.kind: made.version,
        "since": _time(made.at),
        "served": {one.worker: _serves(one.version, one.because) for one in served},
        "seconds": round(time.monotonic() - began, 3),
    }


def _serves(version: str, because: str) -> str:
    return f"{version} ({because})" if because else version


def _in_words(made: Promotion) -> str:
    share = f" on {made.share:.0%} of the subjects" if made.alias == "canary" else ""
    gates = "; ".join(f"{name} {figure:.4g}" for name, figure in made.gates.items())
    return (
        f"version {made.version}{share} since {_time(made.at)}, {made.kind} by {made.promoted_by}, "
        f"approved by {made.approved_by}: {made.why}" + (f" ({gates})" if gates else "")
    )


def _time(at: Micros) -> str:
    return f"{to_datetime(at):%Y-%m-%d %H:%M:%S.%f}"


def _day(at: Micros) -> str:
    return f"{to_datetime(at):%Y-%m-%d}"
