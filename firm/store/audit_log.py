"""The chains of the audit log in the database: extend, verify, export."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from sqlalchemy import Connection, Row, Select, select

from firm.audit import GENESIS, AuditEntry, Chain, Head, Link, digest, verify
from firm.errors import AuditBroken
from firm.store.bulk import insert_rows, keep, replace
from firm.store.decisions import decision_row, read_decision
from firm.store.governance import read_verdict
from firm.store.parts import StorePart
from firm.store.promotions import about_promotion, read_promotion
from firm.store.tables import audit_head, audit_link, decision, promotion, verdict

CHUNK = 2_000
