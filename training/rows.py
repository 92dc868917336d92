"""Training rows in columns: what was asked when, with which features, and what became of it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from firm.decision import Asked, Judged
from firm.events import Position
from firm.ids import DecisionId
from firm.time import Micros

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]
UNKNOWN: Micros = np.iinfo(np.int64).max
"""`known_from` of a row whose outcome is not known: later than any cut."""


class Fingerprint(msgspec.Struct, frozen=True):
    """Which rows a model has seen: two sets of rows are the same if their fingerprints are.

    Attributes:
        spans: (partition, first offset, last offset) of the records of the log that asked.
        sha256: hex digest over the canonical bytes of all columns, in the order of the log.
    """

    rows: int
    spans: tuple[tuple[int, int, int], ...]
    sha256: str


class Settled(NamedTuple):
    """An outcome, and from when on it could be learnt from."""

    value: float
    known_from: Micros


@dataclass(frozen=True, slots=True)
class TrainingRows:
    """n questions in the order of the log; every column has n entries.

    Attributes:
        names: the features, in the order of the columns of `features`.
        decision, subject, event: ids (event: of the event that asked).
        as_of: when it was asked, microseconds since 1970.
        features: (n, len(names)), NaN where a value is missing, in the features' declared units.
        outcome: 1.0 or 0.0; NaN while unknown.
        known_from: when the outcome could first be learnt from, microseconds; UNKNOWN before.
        partition, offset: where in the log the event that asked stands.
    """

    names: tuple[str, ...]
    decision: NDArray[np.object_]
    subject: NDArray[np.object_]
    event: NDArray[np.object_]
    as_of: Ints
    features: Floats
    outcome: Floats
    known_from: Ints
    partition: Ints
    offset: Ints

    def __len__(self) -> int:
        return len(self.as_of)

    def where(self, keep: Flags) -> TrainingRows:
        """The rows at which `keep` (n booleans) is true, in the same order."""
        columns = (f.name for f in fields(TrainingRows) if f.name != "names")
        kept = {name: getattr(self, name)[keep] for name in columns}
        return TrainingRows(names=self.names, **kept)

    def replace(self, outcome: Floats, known_from: Ints) -> TrainingRows:
        """The same questions with other answers."""
        return replace(self, outcome=outcome, known_from=known_from)

    def known_at(self, cut: Micros) -> TrainingRows:
        """What may be learnt from at the cut: asked before it, and the outcome known before it."""
        return self.where((self.as_of < cut) & (self.known_from < cut))

    def after(self, cut: Micros) -> TrainingRows:
        """What was asked at the cut or later, with or without an outcome."""
        return self.where(self.as_of >= cut)

    def labelled(self) -> TrainingRows:
        """The rows whose outcome is known by the end of the log."""
        return self.where(self.known_from != UNKNOWN)

    def fingerprint(self) -> Fingerprint:
        """Which rows these are; the same rows give the same on every machine."""
        sha = hashlib.sha256(msgspec.json.encode(self.names))
        for texts in (self.decision, self.subject, self.event):
            sha.update(msgspec.json.encode(texts.tolist()))
        for whole in (self.as_of, self.known_from, self.partition, self.offset):
            sha.update(whole.astype("<i8").tobytes())
        for real in (self.features, self.outcome):
            sha.update(_one_nan(real).astype("<f8").tobytes())
        return Fingerprint(len(self), self._spans(), sha.hexdigest())

    def _spans(self) -> tuple[tuple[int, int, int], ...]:
        spans = []
        for partition in np.unique(self.partition).tolist():
            offsets = self.offset[self.partition == partition]
            spans.append((partition, int(offsets.min()), int(offsets.max())))
        return tuple(spans)


def _one_nan(values: Floats) -> Floats:
    """The values with all NaNs alike and no negative zero: equal numbers, equal bytes."""
    return np.where(np.isnan(values), np.nan, values + 0.0)


class RowsBuilder:
    """Collects questions and what became of them while a log is replayed."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self._names = names
        self._asked: list[tuple[DecisionId, Asked, Position]] = []
        self._settled: dict[DecisionId, Settled] = {}

    def ask(self, decision: DecisionId, asked: Asked, position: Position) -> None:
        """Add a row: what was asked by the record at this position, and the decision's id."""
        self._asked.append((decision, asked, position))

    def judge(self, judged: Judged, watermark: Micros) -> None:
        """Take over an outcome, or take it back.

        An event that came late tells of the past, but nobody knew it before the log had advanced
        to `watermark`: the outcome counts as known from the later of the two.
        """
        if judged.value is None:
            self._settled.pop(judged.decision, None)
        else:
            known_from = max(judged.known_at, watermark)
            self._settled[judged.decision] = Settled(judged.value, known_from)

    def rows(self) -> TrainingRows:
        """All that was collected so far, in columns."""
        decisions = [decision for decision, _, _ in self._asked]
        questions = [asked for _, asked, _ in self._asked]
        positions = [position for _, _, position in self._asked]
        unknown = Settled(np.nan, UNKNOWN)
        settled = [self._settled.get(decision, unknown) for decision in decisions]
        return TrainingRows(
            names=self._names,
            decision=_objects(decisions),
            subject=_objects([asked.subject for asked in questions]),
            event=_objects([asked.cause for asked in questions]),
            as_of=_whole([asked.as_of for asked in questions]),
            features=matrix([asked.row for asked in questions], len(self._names)),
            outcome=np.array([s.value for s in settled], dtype=np.float64),
            known_from=_whole([s.known_from for s in settled]),
            partition=_whole([position.partition for position in positions]),
            offset=_whole([position.offset for position in positions]),
        )


def matrix(rows: Sequence[Sequence[float | None]], width: int) -> Floats:
    """Rows of features as a (len(rows), width) matrix; None becomes NaN."""
    return np.array(rows, dtype=np.float64).reshape(len(rows), width)


def _objects(values: Sequence[Any]) -> NDArray[np.object_]:
    return np.array(values, dtype=np.object_)


def _whole(values: Sequence[int]) -> Ints:
    return np.array(values, dtype=np.int64)
