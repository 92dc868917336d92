"""The vault: who has which protected attribute, in one encrypted file beside everything else.

It is in no database that another part reads. Whoever puts something in has to have the role for it,
and each time that it is opened the audit log is told by whom and what for, never what it holds.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final

import msgspec
from joserfc import jwe
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

from firm.audit import AuditEntry, digest
from firm.decision import Person, as_json
from firm.declared import Role
from firm.errors import HeadwayError, NotAllowed
from firm.fairness import Fairness
from firm.time import Micros
from firm.workflow import Workflow
from headway.parts.locks import waiting_lock
from monitoring.fairness import OnRecord

KEEPERS: frozenset[Role] = frozenset({"hr"})
"""Who may put attributes of real people in, or take them out."""
SIMULATORS: frozenset[Role] = KEEPERS | {"governance_reviewer"}
"""Who may have them simulated: not who trains."""
ALGORITHMS: Final = ("dir", "A256GCM")
JOB = "fairness job"


class NothingOnRecord(HeadwayError):
    """The vault holds nothing for a workflow."""

    kind = "nothing-on-record"


class VaultUnreadable(HeadwayError):
    """The file does not open with this key."""

    kind = "vault-unreadable"


class Kept(msgspec.Struct, frozen=True):
    """What is kept of one workflow: the values by candidate and attribute, or from which seed they
    are simulated."""

    people: dict[str, dict[str, str]] = {}
    simulated: int | None = None


class Vault:
    """Protected attributes, by workflow and candidate.

    Args:
        note: tells the audit log.
    """

    def __init__(self, file: Path, key: bytes, note: Callable[[AuditEntry], None]) -> None:
        self._file = file
        self._key = OctKey.import_key(key)
        self._note = note

    def put(
        self,
        workflow: Workflow,
        people: Mapping[str, Mapping[str, str]],
        person: Person,
        at: Micros,
    ) -> int:
        """Put attributes in, in place of what was there of these candidates; returns of how many
        candidates there are any now.

        Raises:
            NotAllowed: the person lacks the role.
        """
        _require(person, KEEPERS, "put attributes of people into the vault")
        with self._changing():
            kept = self._read()
            before = kept.get(workflow.slug, Kept())
            merged = {**before.people, **{key: dict(values) for key, values in people.items()}}
            self._write({**kept, workflow.slug: Kept(merged)})
        self._tell(at, person.name, "put attributes into the vault", workflow, len(people))
        return len(merged)

    def simulate(self, workflow: Workflow, seed: int, person: Person, at: Micros) -> None:
        """Let them be simulated from a seed, while none are on record.

        Raises:
            NotAllowed: the person lacks the role, or there are real ones.
        """
        _require(person, SIMULATORS, "have attributes simulated")
        with self._changing():
            kept = self._read()
            if kept.get(workflow.slug, Kept()).people:
                raise NotAllowed(
                    f"attributes of real people are on record for {workflow.slug}: simulated ones "
                    "would hide them"
                )
            self._write({**kept, workflow.slug: Kept(simulated=seed)})
        self._tell(at, person.name, "had attributes simulated", workflow, 0)

    def open(self, workflow: Workflow, candidates: Iterable[str], at: Micros) -> OnRecord:
        """The attributes of these candidates, for the fairness job.

        Raises:
            NothingOnRecord: none was ever put in, nor simulated.
            VaultUnreadable: the file was changed, or is of another key.
        """
        kept = self._read().get(workflow.slug)
        if kept is None or workflow.fairness is None:
            raise NothingOnRecord(
                f"no protected attributes are on record for {workflow.slug}: the role hr puts them "
                f"in (`headway vault import {workflow.slug} FILE.csv`), or a reviewer has them "
                f"simulated to try it out (`headway vault simulate {workflow.slug}`)"
            )
        wanted = sorted(set(candidates))
        self._tell(at, JOB, "read the vault", workflow, len(wanted))
        if kept.simulated is not None:
            return _simulated(workflow.fairness, kept.simulated, wanted)
        there = {key: kept.people[key] for key in wanted if key in kept.people}
        return OnRecord(
            "on record",
            {
                one.name: {key: of[one.name] for key, of in there.items() if one.name in of}
                for one in workflow.fairness.attributes
            },
        )

    def _changing(self) -> AbstractContextManager[None]:
        self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        return waiting_lock(self._file.with_suffix(".lock"))

    def _read(self) -> dict[str, Kept]:
        if not self._file.exists():
            return {}
        try:
            opened = jwe.decrypt_compact(
                self._file.read_bytes(), self._key, algorithms=list(ALGORITHMS)
            )
            return msgspec.json.decode(opened.plaintext or b"", type=dict[str, Kept])
        except (JoseError, ValueError, msgspec.MsgspecError) as error:
            raise VaultUnreadable(
                f"the vault {self._file} does not open with this key: it was changed, or belongs "
                "to another copy; put back the file or the key"
            ) from error

    def _write(self, kept: Mapping[str, Kept]) -> None:
        """In one step, readable by its owner alone."""
        header = dict(zip(("alg", "enc"), ALGORITHMS, strict=True))
        sealed = jwe.encrypt_compact(header, as_json(kept), self._key, algorithms=list(ALGORITHMS))
        draft = self._file.with_suffix(f".{secrets.token_hex(4)}")
        draft.touch(mode=0o600)
        draft.write_text(sealed)
        draft.replace(self._file)

    def _tell(self, at: Micros, actor: str, verb: str, workflow: Workflow, count: int) -> None:
        """The digest is of how many: one of the attributes could be found by trying."""
        self._note(AuditEntry(at, actor, verb, workflow.slug, digest(count)))


def _simulated(declared: Fairness, seed: int, candidates: Iterable[str]) -> OnRecord:
    """Values that depend on nothing but the seed, the attribute and the candidate's name."""
    values: dict[str, dict[str, str]] = {}
    for one in declared.attributes:
        values[one.name] = {
            key: one.values[_number(seed, one.name, key) % len(one.values)] for key in candidates
        }
    return OnRecord(f"simulated, seed {seed}", values)


def _number(*parts: object) -> int:
    return int.from_bytes(hashlib.sha256(as_json([str(part) for part in parts])).digest()[:8])


def _require(person: Person, roles: frozenset[Role], to_do: str) -> None:
    if not person.roles & roles:
        raise NotAllowed(
            f"to {to_do} takes one of the roles {sorted(roles)}; {person.name} has "
            f"{sorted(person.roles) or 'none'}"
        )
