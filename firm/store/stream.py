"""The stream's side: states, offsets and effects of one workflow, one transaction a batch.

Whoever opens a workflow's stream fences off all who opened it before: they may be alive still, or
the database may be finishing what they sent.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import Connection, select

from firm.audit import Chain
from firm.errors import Fenced
from firm.ids import EventId, SubjectId
from firm.react import Effects
from firm.states import States, decode_group, decode_subject
from firm.store.bulk import insert_rows, keep, replace
from firm.store.chains import read_head
from firm.store.dead_letters import DeadLetter
from firm.store.effects import write_effects, write_refused
from firm.store.engine import Database
from firm.store.parts import StorePart
from firm.store.tables import group_state, inbox, stream, stream_offset, subject_state
from firm.workflow import Workflow


class Streams(StorePart):
    """Open the stream of a workflow."""

    def open_stream(self, workflow: Workflow) -> StreamStore:
        """Take over a workflow's stream, with all that is known of it so far."""
        with self._database.write() as connection:
            epoch = _next_epoch(connection, workflow.slug)
            states = _load_states(connection, workflow.slug)
            offsets = _load_offsets(connection, workflow.slug)
            name = f"stream:{workflow.slug}"
            chain = Chain(self._audit_key, name, read_head(connection, name))
        return StreamStore(self._database, workflow.slug, epoch, states, offsets, chain)

    def states(self, workflow: Workflow) -> States:
        """All that is known of a workflow as it is now, without taking its stream over."""
        with self._database.snapshot() as connection:
            return _load_states(connection, workflow.slug)

    def states_of(self, workflow: Workflow, subjects: Collection[SubjectId]) -> States:
        """What is known of some subjects alone, a few thousand at most."""
        ours = subject_state.c.workflow == workflow.slug
        query = select(subject_state.c.blob).where(ours, subject_state.c.subject.in_(subjects))
        with self._database.read() as connection:
            return States(map(decode_subject, connection.execute(query).scalars()))

    def watermark(self, workflow: str) -> int:
        """The time of a workflow's newest event; 0 before the first."""
        query = select(stream.c.watermark).where(stream.c.workflow == workflow)
        with self._database.read() as connection:
            return connection.execute(query).scalar_one_or_none() or 0

    def offset(self, workflow: str, partition: int = 0) -> int:
        """The last record of the log that has been committed; -1 before the first."""
        with self._database.read() as connection:
            return _load_offsets(connection, workflow).get(partition, -1)

    def offsets(self) -> dict[str, int]:
        """The last record of the log that each workflow has committed, for those that have any."""
        query = select(stream_offset.c.workflow, stream_offset.c.last_offset)
        with self._database.read() as connection:
            found = connection.execute(query.where(stream_offset.c.partition == 0))
            return {row.workflow: row.last_offset for row in found}


class StreamStore:
    """One worker's hold on a workflow's stream.

    Attributes:
        states: all that the workflow knows, to be handed to `react`.
        offsets: the last processed offset of each partition; records up to it are to be skipped.
    """

    def __init__(
        self,
        database: Database,
        workflow: str,
        epoch: int,
        states: States,
        offsets: dict[int, int],
        chain: Chain,
    ) -> None:
        self._database = database
        self._workflow = workflow
        self._epoch = epoch
        self._chain = chain
        self._memory_holds = True
        self.states = states
        self.offsets = offsets

    def commit(
        self,
        effects: Effects,
        offsets: Mapping[int, int],
        topic: str,
        refused: Sequence[DeadLetter] = (),
    ) -> None:
        """Write all effects of a batch and the offsets up to which it reaches, or nothing.

        `refused` are the records that never became events; they go to the dead letters.

        Raises:
            Fenced: another worker has taken over, or an earlier commit failed: end this process.
        """
        if not self._memory_holds:
            raise Fenced(
                f"an earlier commit of {self._workflow!r} failed, so its states in memory have run "
                "ahead of the database: end this process; the next one loads them anew"
            )
        self._memory_holds = False
        with self._database.write() as connection:
            self._check_epoch(connection)
            write_refused(connection, self._workflow, refused)
            write_effects(connection, effects, topic, self._chain)
            self._write_place(connection, effects.watermark, offsets)
        self.offsets.update(offsets)
        self._memory_holds = True

    def _check_epoch(self, connection: Connection) -> None:
        ours = select(stream.c.epoch).where(stream.c.workflow == self._workflow)
        epoch = connection.execute(ours.with_for_update()).scalar_one()
        if epoch != self._epoch:
            raise Fenced(
                f"the stream of {self._workflow!r} was taken over (epoch {epoch}, ours is "
                f"{self._epoch}): end this process"
            )

    def _write_place(
        self, connection: Connection, watermark: int, offsets: Mapping[int, int]
    ) -> None:
        place = {"workflow": self._workflow, "epoch": self._epoch, "watermark": watermark}
        insert_rows(connection, stream, [place], replace)
        rows = [
            {"workflow": self._workflow, "partition": partition, "last_offset": offset}
            for partition, offset in offsets.items()
        ]
        insert_rows(connection, stream_offset, rows, replace)


def _next_epoch(connection: Connection, workflow: str) -> int:
    first = [{"workflow": workflow, "epoch": 0, "watermark": 0}]
    insert_rows(connection, stream, first, keep)
    ours = stream.c.workflow == workflow
    connection.execute(stream.update().where(ours).values(epoch=stream.c.epoch + 1))
    epoch: int = connection.execute(select(stream.c.epoch).where(ours)).scalar_one()
    return epoch


def _load_states(connection: Connection, workflow: str) -> States:
    subjects = select(subject_state.c.blob).where(subject_state.c.workflow == workflow)
    groups = select(group_state.c.blob).where(group_state.c.workflow == workflow)
    watermark = select(stream.c.watermark).where(stream.c.workflow == workflow)
    answered = select(inbox.c.event_id).where(
        inbox.c.workflow == workflow, inbox.c.fate == "answered"
    )
    return States(
        map(decode_subject, connection.execute(subjects).scalars()),
        map(decode_group, connection.execute(groups).scalars()),
        connection.execute(watermark).scalar_one_or_none() or 0,
        map(EventId, connection.execute(answered).scalars()),
    )


def _load_offsets(connection: Connection, workflow: str) -> dict[int, int]:
    query = select(stream_offset.c.partition, stream_offset.c.last_offset)
    found = connection.execute(query.where(stream_offset.c.workflow == workflow))
    return {row.partition: row.last_offset for row in found}
