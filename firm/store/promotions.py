"""The record of every move of every alias, and the proposals that lead to them."""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import Connection, Select, func, select

from firm.audit import AuditEntry, digest
from firm.decision import as_json
from firm.errors import NotAllowed, UnknownProposal
from firm.promotion import Declined, Proposal
from firm.standing import Move, Promotion
from firm.store.bulk import insert_rows
from firm.store.chains import append
from firm.store.notices import tell
from firm.store.parts import StorePart
from firm.store.tables import promotion, proposal
from firm.time import Micros

ALIGNED = promotion.c.aligned_at


class Promotions(StorePart):
    """Append only: what was live at any time can be told for ever."""

    def promote(
        self,
        made: Promotion,
        writer: str,
        signature: str = "",
        seen: int | None = None,
        proposed: str | None = None,
    ) -> None:
        """Write a move down, and tell every process that listens.

        `seen` is the end of the record that the move was decided on, `proposed` the proposal that
        it settles.

        Raises:
            NotAllowed: somebody else moved an alias of the workflow, or settled it, meanwhile.
        """
        gates = as_json(made.gates)
        row = {**msgspec.structs.asdict(made), "gates": gates, "signature": signature}
        with self._database.write() as connection:
            append(connection, self._audit_key, writer, [promotion_entry(made)])  # others wait
            _require_newest(connection, made.workflow, seen)
            if proposed is not None:
                _settle(connection, proposed, "agreed", made.approved_by, made.why, made.at)
            insert_rows(connection, promotion, [row])
            tell(connection, made.workflow)

    def live(self, workflow: str, at: Micros | None = None) -> Promotion | None:
        """The champion now, or at an instant: the rule's name as version where the kill switch
        was pulled, None while there was none."""
        query = _of(workflow).where(promotion.c.alias == "champion")
        query = query.order_by(promotion.c.at.desc(), promotion.c.seq.desc()).limit(1)
        if at is not None:
            query = query.where(promotion.c.at <= at)
        with self._database.read() as connection:
            row = connection.execute(query).mappings().one_or_none()
        return read_promotion(row) if row else None

    def promotions(self, workflow: str) -> list[Promotion]:
        """All moves of a workflow's aliases, oldest first."""
        return [move.made for move in self.moves(workflow)]

    def moves(self, workflow: str | None = None) -> list[Move]:
        """The record, of one workflow or of all, in its order."""
        query = select(promotion) if workflow is None else _of(workflow)
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(promotion.c.seq)).mappings()
            return [Move(row["seq"], read_promotion(row), row["signature"]) for row in rows]

    def last_move(self) -> int:
        """How far the record reaches, over all workflows; 0 while it is empty."""
        with self._database.read() as connection:
            return connection.execute(select(func.max(promotion.c.seq))).scalar_one() or 0

    def propose(self, asked: Proposal, writer: str) -> None:
        """Keep a proposal until somebody agrees or refuses, and tell every process that listens."""
        row = {**msgspec.structs.asdict(asked), "status": "waiting"}
        with self._database.write() as connection:
            insert_rows(connection, proposal, [row])
            append(connection, self._audit_key, writer, [proposal_entry(asked)])
            tell(connection, asked.workflow)

    def proposals(self, workflow: str | None = None) -> list[Proposal]:
        """The proposals that wait, oldest first."""
        query = select(proposal).where(proposal.c.status == "waiting").order_by(proposal.c.at)
        if workflow is not None:
            query = query.where(proposal.c.workflow == workflow)
        with self._database.read() as connection:
            return [read_proposal(row) for row in connection.execute(query).mappings()]

    def proposal(self, workflow: str, id_: str) -> Proposal:
        """One proposal, settled or not. Raises UnknownProposal if the workflow has none of it."""
        safe = id_ if id_.isprintable() else ""  # PostgreSQL takes no NUL, not even to look for it
        this = (proposal.c.workflow == workflow) & (proposal.c.id == safe)
        with self._database.read() as connection:
            row = connection.execute(select(proposal).where(this)).mappings().one_or_none()
        if row is None:
            raise UnknownProposal(f"{workflow} has no proposal {id_!r}; check its spelling")
        return read_proposal(row)

    def decline(self, said: Declined, writer: str) -> None:
        """Settle a proposal with a refusal. Raises NotAllowed if somebody settled it before."""
        with self._database.write() as connection:
            append(connection, self._audit_key, writer, [declined_entry(said)])
            _settle(connection, said.proposal, "declined", said.person, said.why, said.at)

    def unaligned(self) -> dict[str, int]:
        """The workflows whose last move the registry's own aliases may not show yet, with its
        place in the record."""
        query = select(promotion.c.workflow, func.max(promotion.c.seq)).where(ALIGNED.is_(None))
        with self._database.read() as connection:
            found = connection.execute(query.group_by(promotion.c.workflow))
            return {row[0]: row[1] for row in found}

    def mark_aligned(self, workflow: str, seq: int, at: Micros) -> None:
        """Note that the registry's aliases show all moves up to this one."""
        upto = (promotion.c.workflow == workflow) & (promotion.c.seq <= seq) & ALIGNED.is_(None)
        with self._database.write() as connection:
            connection.execute(promotion.update().where(upto).values(aligned_at=at))


def promotion_entry(made: Promotion) -> AuditEntry:
    """How a move stands in the audit log."""
    role = "" if made.alias == "champion" else f" as {made.alias}"
    about = f"{made.workflow} version {made.version}{role}"
    return AuditEntry(made.at, made.promoted_by, made.kind, about, digest(made.lean()))


def proposal_entry(asked: Proposal) -> AuditEntry:
    """How a proposal stands in the audit log."""
    about = f"{asked.workflow} version {asked.version}"
    return AuditEntry(asked.at, asked.asked_by, "proposed", about, digest(asked))


def declined_entry(said: Declined) -> AuditEntry:
    """How the refusal of a proposal stands in the audit log."""
    return AuditEntry(said.at, said.person, "declined", said.proposal, digest(said))


def read_promotion(row: Any) -> Promotion:
    """The promotion back from its row."""
    fields = {name: row[name] for name in Promotion.__struct_fields__}
    gates = msgspec.json.decode(row["gates"], type=dict[str, float])
    return Promotion(**{**fields, "gates": gates})


def read_proposal(row: Any) -> Proposal:
    """The proposal back from its row."""
    return Proposal(**{name: row[name] for name in Proposal.__struct_fields__})


def read_declined(row: Any) -> Declined:
    """The refusal of a proposal, from the proposal's row."""
    return Declined(row["id"], row["settled_by"], row["settled_why"], row["settled_at"])


def _of(workflow: str) -> Select[Any]:
    return select(promotion).where(promotion.c.workflow == workflow)


def _require_newest(connection: Connection, workflow: str, seen: int | None) -> None:
    newest = select(func.max(promotion.c.seq)).where(promotion.c.workflow == workflow)
    found = connection.execute(newest).scalar_one() or 0
    if seen is not None and found != seen:
        raise NotAllowed(
            f"somebody moved an alias of {workflow} just now (entry {found}); look at "
            f"`headway models {workflow}` and decide again"
        )


def _settle(
    connection: Connection, id_: str, status: str, person: str, why: str, at: Micros
) -> None:
    waiting = (proposal.c.id == id_) & (proposal.c.status == "waiting")
    settled = {"status": status, "settled_by": person, "settled_why": why, "settled_at": at}
    if connection.execute(proposal.update().where(waiting).values(settled)).rowcount != 1:
        raise NotAllowed(f"proposal {id_} does not wait: somebody has settled it already")
