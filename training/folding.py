"""The fold of `firm.columns` over a log in Parquet: a batch of events at a time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from firm.columns import Amount, Keep, Stretch
from firm.time import DAY
from firm.workflow import Workflow

KEYS = ("id", "type", "subject", "occurred_at")


@dataclass(frozen=True, slots=True)
class ColumnFold:
    """What a workflow keeps of the fields that a log has; other fields of its facts are missing.

    Attributes:
        kept: what is kept, by the name under which it is.
        texts: the names of the texts; all others are numbers.
    """

    types: tuple[str, ...]
    kept: dict[str, str | Amount | Stretch]
    texts: frozenset[str]

    @classmethod
    def of(cls, workflow: Workflow, schema: pa.Schema) -> ColumnFold:
        """That of a workflow whose fold is a `Keep`, over a log of this schema."""
        assert isinstance(workflow.fold, Keep)  # noqa: S101  (`columnar.unread` has looked)
        kept = {n: k for n, k in workflow.fold.kept.items() if field_of(k) in schema.names}
        texts = frozenset(name for name, one in kept.items() if _is_text(one, schema))
        return cls(tuple(fact.type for fact in workflow.facts), kept, texts)

    @property
    def numbers(self) -> list[str]:
        """The names of the numbers."""
        return [name for name in self.kept if name not in self.texts]

    @property
    def fields(self) -> list[str]:
        """What has to be read of the log."""
        return [*KEYS, *dict.fromkeys(field_of(one) for one in self.kept.values())]

    def fold(self, batch: pa.RecordBatch, offset: int) -> pa.Table:
        """The events that concern the workflow: keys, `offset` in the log, and what is kept."""
        places = pa.array(np.arange(offset, offset + len(batch)))
        found = pa.table([*batch.columns, places], [*batch.schema.names, "offset"])
        found = found.filter(self._taken(batch)).combine_chunks()
        columns = {name: found[name] for name in (*KEYS, "offset")}
        columns |= {name: _kept(one, found) for name, one in self.kept.items()}
        return pa.table(columns)

    def _taken(self, batch: pa.RecordBatch) -> pa.Array:
        """An event with a sum in another currency is rejected, as the fold does when called."""
        taken = pc.is_in(batch["type"], pa.array(self.types))
        for one in self.kept.values():
            if isinstance(one, Amount):
                currency = pc.struct_field(batch[one.field], "currency")
                taken = pc.and_(taken, pc.equal(currency, one.currency).fill_null(True))
        return taken


def field_of(kept: str | Amount | Stretch) -> str:
    """The field of the fact that is kept."""
    return kept if isinstance(kept, str) else kept.field


def _is_text(kept: str | Amount | Stretch, schema: pa.Schema) -> bool:
    if isinstance(kept, str):
        return bool(pa.types.is_string(schema.field(kept).type))
    return isinstance(kept, Stretch)


def _kept(kept: str | Amount | Stretch, events: pa.Table) -> pa.ChunkedArray | pa.Array:
    column = events[field_of(kept)]
    if isinstance(kept, Amount):
        # through a text: the cast from a decimal does not give the nearest float
        return pc.struct_field(column, "amount").cast(pa.string()).cast(pa.float64())
    if isinstance(kept, Stretch):
        return _stretches(kept, column, events["occurred_at"])
    return column if pa.types.is_string(column.type) else _floats(column)


def _floats(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """A column of numbers, flags or dates as `firm.columns.Keep` keeps them."""
    whole = column.cast(pa.int32()) if pa.types.is_date(column.type) else column
    return whole.cast(pa.float64())


def _stretches(kept: Stretch, day: pa.ChunkedArray, occurred_at: pa.ChunkedArray) -> pa.Array:
    to_go = _floats(day).to_numpy() - occurred_at.cast(pa.int64()).to_numpy() / DAY
    place = np.searchsorted(kept.edges, to_go) + 1
    words = pa.array(["-1", *(str(n) for n in range(len(kept.edges) + 1))])
    return words.take(pa.array(np.where(np.isnan(to_go), 0, place)))
