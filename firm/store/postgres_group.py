"""A group of decisions as one statement to PostgreSQL, with its parameters as they are sent.

It writes what `Decisions.record_all` writes, or nothing: the place where the chain of audit entries
ends opens the gate, and does not if it has moved or if one of the decisions is there already.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator, Sequence

from firm.audit import AuditEntry, Chain, Head
from firm.decision import Action, Decision, as_json
from firm.store.pgarray import Bigints, Blobs, Booleans, Floats, PgArray, Texts
from firm.store.rows import action_status

STATEMENT = b"""
WITH seen AS MATERIALIZED (SELECT id, body FROM decision WHERE id = ANY($6::text[])),
head AS (
  UPDATE audit_head SET seq = $2::bigint, hash = $4::bytea, seal = $5::bytea
  WHERE chain = $1::text AND seq = $2::bigint - cardinality($6) AND hash = $3::bytea
    AND NOT EXISTS (SELECT FROM seen)
  RETURNING chain),
given AS MATERIALIZED (
  SELECT * FROM unnest($6, $7::text[], $8::text[], $9::text[], $10::text[], $11::bigint[],
    $12::double precision[], $13::text[], $14::boolean[], $15::text[], $16::bigint[], $17::bytea[],
    $18::text[], $19::bytea[])
  WITH ORDINALITY AS one (id, workflow, subject, cause, origin, as_of, probability, band, late,
    model_version, decided_at, body, digest, hash, place)
  WHERE EXISTS (SELECT FROM head)),
todo AS MATERIALIZED (
  SELECT * FROM unnest($20::text[], $21::text[], $22::text[], $23::text[], $24::text[],
    $25::text[], $26::text[], $27::bigint[], $28::text[], $29::text[])
  WITH ORDINALITY AS one (id, decision, workflow, subject, kind, says, approval, asked_at, status,
    withheld, place)
  WHERE EXISTS (SELECT FROM head)),
decided AS (
  INSERT INTO decision (id, workflow, subject, cause, origin, as_of, probability, band, late,
    model_version, decided_at, body)
  SELECT id, workflow, subject, cause, origin, as_of, probability, band, late, model_version,
    decided_at, body FROM given),
acted AS (
  INSERT INTO action (id, decision, workflow, subject, kind, says, approval, asked_at, status,
    withheld)
  SELECT id, decision, workflow, subject, kind, says, approval, asked_at, status, withheld
  FROM todo),
told AS (
  INSERT INTO outbox (kind, key, about)
  SELECT kind, key, about FROM (
    SELECT 0, place, 'decision', subject, id FROM given UNION ALL
    SELECT 1, place, 'action', subject, id FROM todo WHERE status = 'queued'
  ) AS message (turn, place, kind, key, about) ORDER BY turn, place),
linked AS (
  INSERT INTO audit_link (chain, seq, at, actor, verb, about, digest, hash)
  SELECT $1, $2 - cardinality($6) + place, decided_at, 'model ' || model_version, 'decided', id,
    digest, hash FROM given)
SELECT id, body FROM seen UNION ALL SELECT NULL, NULL FROM head
"""
"""It gives the id and the body of each decision that was there, or a row of nulls: written."""
_BIGINT = struct.Struct("!q").pack


def parameters(
    key: bytes, before: Head, taken: Sequence[Decision], actions: Sequence[Action]
) -> tuple[list[bytes | None], Head]:
    """What goes with the statement, in PostgreSQL's binary form, and where the chain ends then.

    Args:
        key: of the audit chain.
        before: where it ends now.
        taken: decisions with different ids, in the order of these, so that two writers of the same
            decisions cannot wait for each other.
        actions: what follows from them, in the same order.
    """
    bodies = [as_json(one) for one in taken]
    digests = [hashlib.sha256(body).hexdigest() for body in bodies]
    chain = Chain(key, before.chain, before)
    links = chain.extend(
        AuditEntry(one.decided_at, f"model {one.model_version}", "decided", one.id, digest)
        for one, digest in zip(taken, digests, strict=True)
    )
    head = chain.head()
    ends = [head.chain.encode(), _BIGINT(head.seq), before.hash, head.hash, head.seal]
    arrays = [
        *_decisions(taken, bodies),
        Texts(digests),
        Blobs([link.hash for link in links]),
        *_actions(actions),
    ]
    return [*ends, *(array.packed for array in arrays)], head


def _decisions(taken: Sequence[Decision], bodies: Sequence[bytes]) -> Iterator[PgArray]:
    yield Texts([one.id for one in taken])
    yield Texts([one.workflow for one in taken])
    yield Texts([one.subject for one in taken])
    yield Texts([one.cause for one in taken])
    yield Texts([one.origin for one in taken])
    yield Bigints([one.as_of for one in taken])
    yield Floats([one.probability for one in taken])
    yield Texts([one.band for one in taken])
    yield Booleans([one.late for one in taken])
    yield Texts([one.model_version for one in taken])
    yield Bigints([one.decided_at for one in taken])
    yield Blobs(bodies)


def _actions(actions: Sequence[Action]) -> Iterator[PgArray]:
    yield Texts([one.id for one in actions])
    yield Texts([one.decision for one in actions])
    yield Texts([one.workflow for one in actions])
    yield Texts([one.subject for one in actions])
    yield Texts([one.kind for one in actions])
    yield Texts([one.says for one in actions])
    yield Texts([one.approval for one in actions])
    yield Bigints([one.asked_at for one in actions])
    yield Texts([action_status(one) for one in actions])
    yield Texts([one.withheld for one in actions])
