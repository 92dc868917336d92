"""The acts of people on versions, over the store and the key: each is checked, signed, written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

from firm.decision import Person
from firm.errors import NoChallenger, NotAllowed
from firm.fairness import require_judged
from firm.promotion import Proposal, Registration, agree, decline, end, kill, lift, take_away
from firm.promotion import propose as proposed
from firm.promotion import roll_back as rolled_back
from firm.promotion import shadow as shadowed
from firm.standing import Alias, Promotion, Standing, stand
from firm.store import SqlStore
from firm.time import Micros
from headway.catalogue import declared, workflow_named
from headway.clock import now
from headway.settings import Settings
from headway.signing import Signer, Verifier

WRITER = "governance"


class Governance:
    """Promote, take back, switch off: for the command line and for HTTP alike.

    Each method raises NotAllowed where the person may not do it, and GateFailed where the version
    did not pass its gates (`firm.promotion`).
    """

    def __init__(self, settings: Settings, store: SqlStore) -> None:
        self._settings = settings
        self._store = store
        self._verifier = Verifier(settings)

    def register(self, made: Registration) -> None:
        """Keep a version that was trained; it decides only once two people have agreed to it."""
        self._store.register(made, Signer(self._settings).sign(made), WRITER)

    def standing(self, workflow: str, at: Micros | None = None) -> Standing:
        """What is live in a workflow, or was at an instant."""
        moves = self._store.moves(workflow)
        known = [move for move in moves if at is None or move.made.at <= at]
        return stand(workflow, known, self._verifier.genuine)

    def propose(
        self,
        workflow: str,
        version: str,
        person: Person,
        why: str,
        alias: Literal["champion", "canary"] = "champion",
        share: float = 1.0,
    ) -> Proposal:
        """Ask that a version decide; another person has to agree."""
        registered = self._registered(workflow, version)
        same = [p for p in self._store.proposals(workflow) if p.version == version]
        if any(one.alias == alias for one in same):
            raise NotAllowed(f"version {version} of {workflow} is proposed as {alias} already")
        asked = proposed(registered, alias, share, person, why, now())
        _require_judged(workflow, version, registered.gates)
        self._store.propose(asked, WRITER)
        return asked

    def agree(self, workflow: str, proposal: str, person: Person, why: str) -> Promotion:
        """Agree to what somebody else proposed: it decides from then on."""
        asked = self._store.proposal(workflow, proposal)
        registered = self._registered(asked.workflow, asked.version)
        return self._move(
            asked.workflow,
            lambda standing: agree(asked, registered, standing, person, why, now()),
            asked.id,
        )

    def decline(self, workflow: str, proposal: str, person: Person, why: str) -> None:
        """Refuse a proposal, or take one's own back."""
        said = decline(self._store.proposal(workflow, proposal), person, why, now())
        self._store.decline(said, WRITER)

    def roll_back(self, workflow: str, to: str | None, person: Person, why: str) -> Promotion:
        """Go back to an earlier champion, the one before without `to`."""
        return self._move(workflow, lambda at: rolled_back(at, to, person, why, now()))

    def kill(self, workflow: str, person: Person, why: str) -> Promotion:
        """Let the declared rule decide."""
        return self._move(workflow, lambda standing: kill(standing, person, why, now()))

    def lift(self, workflow: str, person: Person, why: str) -> Promotion:
        """Let the champion decide again."""
        return self._move(workflow, lambda standing: lift(standing, person, why, now()))

    def shadow(self, workflow: str, version: str, person: Person, why: str) -> Promotion:
        """Let a version score beside the champion, deciding nothing."""
        registered = self._registered(workflow, version)
        return self._move(workflow, lambda at: shadowed(registered, at, person, why, now()))

    def take_away(self, workflow: str, alias: Alias, person: Person, why: str) -> Promotion:
        """A person takes the canary or the challenger away."""
        return self._move(workflow, lambda at: take_away(at, alias, person, why, now()))

    def end(self, workflow: str, alias: Alias, by: str, why: str) -> Promotion:
        """The canary or the challenger is taken away by itself."""
        return self._move(workflow, lambda standing: end(standing, alias, by, why, now()))

    def compare(self, workflow: str) -> dict[str, Any]:
        """The challenger against what was decided (`headway.comparing`).

        Raises:
            NoChallenger: none is watched.
            TooFewOutcomes: too little is known yet.
        """
        from headway.comparing import compare  # noqa: PLC0415  (imports NumPy)

        made = self.standing(workflow).challenger
        if made is None:
            raise NoChallenger(
                f"{workflow} has no challenger: watch one (`headway challenger {workflow} VERSION`)"
            )
        scored = list(self._store.shadowed(workflow, made.version))
        return compare(workflow_named(workflow), made.version, scored)

    def _registered(self, workflow: str, version: str) -> Registration:
        registered, signature = self._store.registration(workflow, version)
        self._verifier.require(registered, signature)
        return registered

    def _move(
        self, workflow: str, decide: Callable[[Standing], Promotion], proposal: str | None = None
    ) -> Promotion:
        standing = self.standing(workflow)
        made = decide(standing)
        if made.alias != "challenger" and made.kind not in {"killed", "ended"}:
            _require_judged(workflow, made.version, made.gates)
        signature = Signer(self._settings).sign(made)
        self._store.promote(made, WRITER, signature, standing.seen, proposal)
        return made


def _require_judged(workflow: str, version: str, gates: Mapping[str, float]) -> None:
    found = declared().get(workflow)
    require_judged(workflow, version, gates, found.needed_gates if found else ())
