"""How a version comes to decide, and how it is taken back: who may do what, as pure rules.

A version is registered with its evidence, proposed by one person and agreed to by another, who
did not train it. Each move of an alias is one `Promotion`; `firm.standing` tells what they add up
to.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from firm.decision import RULE_VERSION, Person
from firm.declared import Role
from firm.errors import GateFailed, NoChallenger, NotAllowed
from firm.ids import derived
from firm.standing import Alias, Promotion, Standing
from firm.time import Micros

PROPOSERS: frozenset[Role] = frozenset({"data_scientist"})
"""Who may propose a version, or watch one in the shadow."""
APPROVERS: frozenset[Role] = frozenset({"process_owner", "governance_reviewer"})
"""Who may agree to a version, take one back, and pull or lift the kill switch."""


class Registration(msgspec.Struct, frozen=True):
    """A version as training registered it.

    Attributes:
        uri, sha256, size: where its file lies, and which file that has to be.
        gates: the figure reached at each gate that has one.
        failed: each gate that it did not pass, in words.
    """

    workflow: str
    version: str
    uri: str
    sha256: str
    size: int
    trained_by: str
    at: Micros
    gates: dict[str, float]
    failed: tuple[str, ...] = ()

    def require_gates(self) -> None:
        """Raise GateFailed unless gates were checked and all of them passed."""
        if self.failed or not self.gates:
            reasons = "; ".join(self.failed) or "no gate was checked"
            raise GateFailed(
                f"version {self.version} of {self.workflow} must not decide: {reasons}; train a "
                "better one"
            )


class Proposal(msgspec.Struct, frozen=True):
    """Somebody asks that a version decide: all of the traffic as champion, a share as canary."""

    id: str
    workflow: str
    version: str
    alias: Literal["champion", "canary"]
    share: float
    asked_by: str
    why: str
    at: Micros


class Declined(msgspec.Struct, frozen=True):
    """Somebody refused a proposal."""

    proposal: str
    person: str
    why: str
    at: Micros


def propose(
    registered: Registration,
    alias: Literal["champion", "canary"],
    share: float,
    person: Person,
    why: str,
    at: Micros,
) -> Proposal:
    """Ask that a version decide.

    Raises:
        GateFailed: it did not pass its gates.
        NotAllowed: the person lacks the role, gives no reason, or the share is none.
    """
    reason = _reason(person, PROPOSERS, "propose a version", why)
    registered.require_gates()
    if alias == "canary" and not 0 < share < 1:
        raise NotAllowed(f"a canary takes a share between 0 and 1; got {share:g}")
    key = derived("proposal", registered.workflow, registered.version, alias, str(at))
    taken = share if alias == "canary" else 1.0
    return Proposal(
        key, registered.workflow, registered.version, alias, taken, person.name, reason, at
    )


def agree(
    asked: Proposal,
    registered: Registration,
    standing: Standing,
    person: Person,
    why: str,
    at: Micros,
) -> Promotion:
    """A second person agrees; the version decides from then on.

    Raises:
        GateFailed: it did not pass its gates.
        NotAllowed: the person trained the version, asked for it, or lacks the role; or the kill
            switch is pulled.
    """
    reason = _reason(person, APPROVERS, "agree to a version", why)
    registered.require_gates()
    for done, whose in (("trained", registered.trained_by), ("proposed", asked.asked_by)):
        if _same(person.name, whose):
            raise NotAllowed(
                f"{person.name!r} {done} version {registered.version} of {registered.workflow}; "
                "somebody else has to agree to it"
            )
    _require_not_killed(standing)
    return _move(
        registered,
        standing,
        at,
        promoted_by=asked.asked_by,
        approved_by=person.name,
        why=f"{asked.why} / {reason}",
        alias=asked.alias,
        share=asked.share,
    )


def decline(asked: Proposal, person: Person, why: str, at: Micros) -> Declined:
    """Refuse a proposal, or take one's own back. Raises NotAllowed without a role or a reason."""
    allowed = person.roles if _same(person.name, asked.asked_by) else APPROVERS
    return Declined(asked.id, person.name, _reason(person, allowed, "refuse", why), at)


def roll_back(
    standing: Standing, to: str | None, person: Person, why: str, at: Micros
) -> Promotion:
    """Go back to an earlier champion: the one before, or the version named. One person is enough,
    for two have agreed to that version before.

    Raises:
        NotAllowed: the person lacks the role, or that version never was champion here.
    """
    reason = _reason(person, APPROVERS, "take a version back", why)
    _require_not_killed(standing)
    now = standing.champion.version if standing.champion else None
    earlier = [one for one in standing.champions if one.version != now]
    chosen = [one for one in earlier if to is None or one.version == to]
    if not chosen:
        had = sorted({one.version for one in earlier})
        raise NotAllowed(
            f"{standing.workflow} can go back to {had or 'no version'}, version {now} decides "
            f"now; got {to or 'none'}"
        )
    return _again(chosen[-1], standing, at, person, reason, "rolled back")


def kill(standing: Standing, person: Person, why: str, at: Micros) -> Promotion:
    """Pull the kill switch: the declared rule decides until it is lifted, and answers say why.

    Raises:
        NotAllowed: the person lacks the role, gives no reason, or it is pulled already.
    """
    reason = _reason(person, APPROVERS, "pull the kill switch", why)
    _require_not_killed(standing)
    return Promotion(
        workflow=standing.workflow,
        version=RULE_VERSION,
        uri="",
        sha256="",
        size=0,
        promoted_by=person.name,
        approved_by=person.name,
        why=reason,
        at=standing.later(at),
        gates={},
        kind="killed",
        after=standing.head,
    )


def lift(standing: Standing, person: Person, why: str, at: Micros) -> Promotion:
    """Let the champion from before the kill switch decide again.

    Raises:
        NotAllowed: the person lacks the role, gives no reason, or nothing was killed.
    """
    reason = _reason(person, APPROVERS, "lift the kill switch", why)
    if standing.killed is None:
        raise NotAllowed(f"the kill switch of {standing.workflow} is not pulled")
    if not standing.champions:
        raise NotAllowed(f"{standing.workflow} had no champion before; promote a version first")
    return _again(standing.champions[-1], standing, at, person, reason, "lifted")


def shadow(
    registered: Registration, standing: Standing, person: Person, why: str, at: Micros
) -> Promotion:
    """Let a version score beside the champion. It decides nothing, so one person is enough.

    Raises:
        NotAllowed: the person lacks the role, or gives no reason.
    """
    reason = _reason(person, PROPOSERS, "watch a version in the shadow", why)
    who = person.name
    return _move(
        registered,
        standing,
        at,
        promoted_by=who,
        approved_by=who,
        why=reason,
        alias="challenger",
        share=0.0,
    )


def take_away(standing: Standing, alias: Alias, person: Person, why: str, at: Micros) -> Promotion:
    """A person ends the canary, which decides, or the challenger, which does not.

    Raises:
        NotAllowed: the person lacks the role, or gives no reason.
        NoChallenger: there is none.
    """
    roles = APPROVERS if alias == "canary" else PROPOSERS
    reason = _reason(person, roles, f"end a {alias}", why)
    return end(standing, alias, person.name, reason, at)


def end(standing: Standing, alias: Alias, by: str, why: str, at: Micros) -> Promotion:
    """Take the canary or the challenger away. Raises NoChallenger where there is none."""
    now = standing.of(alias)
    if alias == "champion" or now is None:
        raise NoChallenger(f"{standing.workflow} has no {alias} that could be ended")
    return msgspec.structs.replace(
        now, promoted_by=by, why=why, at=standing.later(at), kind="ended", after=standing.head
    )


def _move(
    registered: Registration,
    standing: Standing,
    at: Micros,
    *,
    promoted_by: str,
    approved_by: str,
    why: str,
    alias: Alias,
    share: float,
) -> Promotion:
    return Promotion(
        workflow=registered.workflow,
        version=registered.version,
        uri=registered.uri,
        sha256=registered.sha256,
        size=registered.size,
        promoted_by=promoted_by,
        approved_by=approved_by,
        why=why,
        at=standing.later(at),
        gates=registered.gates,
        alias=alias,
        share=share,
        after=standing.head,
    )


def _again(
    earlier: Promotion,
    standing: Standing,
    at: Micros,
    person: Person,
    why: str,
    kind: Literal["rolled back", "lifted"],
) -> Promotion:
    return msgspec.structs.replace(
        earlier,
        promoted_by=person.name,
        why=why,
        at=standing.later(at),
        kind=kind,
        after=standing.head,
    )


def _require_not_killed(standing: Standing) -> None:
    if standing.killed is not None:
        raise NotAllowed(
            f"the kill switch of {standing.workflow} is pulled ({standing.killed}); lift it first"
        )


def _reason(person: Person, roles: frozenset[Role], to_do: str, why: str) -> str:
    """The reason that a person in one of these roles gives."""
    if not person.name.strip():
        raise NotAllowed(f"to {to_do} somebody has to say who they are")
    if not person.roles & roles:
        raise NotAllowed(
            f"to {to_do} takes one of the roles {sorted(roles)}; {person.name} has "
            f"{sorted(person.roles) or 'none'}: ask somebody who has one"
        )
    if not why.strip():
        raise NotAllowed(f"to {to_do} takes a reason: say why in a few words")
    return why.strip()


def _same(one: str, other: str) -> bool:
    return one.strip().casefold() == other.strip().casefold()
