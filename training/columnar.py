"""The log replayed in columns: the rows of `training.replay`, for declarations that can be read.

Where fold and label are said by names (`firm.columns`) and features in words that columns know
(`training.vectors`), no event becomes an object. The log is parted by subject into buckets that fit
into memory; one pass over them gathers what the groups observed, a second one answers.

The log has to be in the order of time, as a system of record exports it: then what a subject knew
at an instant is what stands before it, and what a group knew is what lies in earlier buckets.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa

from firm.columns import Keep, NextRises, NextSays
from firm.workflow import GroupBy, Workflow
from training.folding import ParquetLog
from training.partitions import INSTANT, Parts, PartsWriter
from training.rows import Flags, Floats, Ints
from training.shuffle import MOST_WORDS, NotInColumns, OutOfOrder, Shuffled, shuffle
from training.tallies import Tallies
from training.vectors import Entries, Questions, unsaid


def unread(workflow: Workflow) -> list[str]:
    """What of a declaration can only be called and not be read in columns; nothing if all can."""
    calls = {
        "fold": not isinstance(workflow.fold, Keep),
        "label.settle": not isinstance(workflow.label.settle, NextRises | NextSays),
        "label.estimate": workflow.label.estimate is not None,
        "asks": workflow.asks is not None,
        "observe": workflow.observe is not None,
        "step": workflow.step is not None,
    }
    features = [f"{f.name}: {words}" for f in workflow.features for words in unsaid(f.of)]
    groups = [g.name for g in workflow.groups if len(g.texts) > 3 or g.keeps_values]
    return [*(name for name, call in calls.items() if call), *features, *groups]


def replay_columns(workflow: Workflow, log: Path, folder: Path) -> Parts:
    """Replay a log in Parquet (`id`, `type`, `subject`, `occurred_at`, and the fields of its facts;
    money as a structure of `amount` and `currency`) into the folder, in place of what stood there.

    Raises:
        CannotTrain: the declaration has parts that can only be called, or nothing asks for a score.
        OutOfOrder: an event is older than one before it, and is no repetition.
    """
    require_read(workflow, unread(workflow))
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        shuffled = shuffle(ParquetLog(workflow, log), Path(scratch))
        write_rows(workflow, shuffled, folder)
    return Parts(folder)


def require_read(workflow: Workflow, problems: Sequence[str]) -> None:
    """Raises NotInColumns where anything stands in the way."""
    if problems:
        raise NotInColumns(
            f"{workflow.slug} cannot be replayed in columns for {', '.join(problems)}; "
            "`training.streaming` replays any declaration"
        )


def write_rows(workflow: Workflow, shuffled: Shuffled, folder: Path) -> None:
    """Answer all questions of a log, and write them into the folder."""
    writer = PartsWriter(folder, workflow.feature_names)
    known = _observed(workflow, shuffled)
    for block in _blocks(workflow, shuffled):
        if len(block.asked):
            _write(workflow, block, known, writer)


@dataclass(frozen=True, slots=True)
class _Block:
    """A bucket: its entries, which of them ask, and what became of each."""

    frame: pl.DataFrame
    entries: Entries
    asked: Ints
    judged: Flags
    outcome: Floats
    known_at: Ints

    def key(self, group: GroupBy, place: Ints) -> Ints:
        """To which of a group's keys the entries at these places belong; -1 to none."""
        key, there = np.zeros(len(place), dtype=np.int64), np.full(len(place), True)
        for text in group.texts:
            newest = self.entries.newest(text)[place]
            there &= newest >= 0
            codes = self.entries.texts.get(text, newest)
            key = key * MOST_WORDS + codes[newest]
        return np.where(there, key, -1)


def _observed(workflow: Workflow, shuffled: Shuffled) -> Mapping[str, Tallies]:
    nothing = np.empty(0, dtype=np.int64)
    known = {
        group.name: Tallies(nothing, nothing, np.empty(0), group.grain) for group in workflow.groups
    }
    for block in _blocks(workflow, shuffled) if workflow.groups else ():
        judged = np.flatnonzero(block.judged)
        for group in workflow.groups:
            key = block.key(group, judged)
            here, place = key >= 0, judged[key >= 0]
            seen = block.known_at[place], block.outcome[place]
            known[group.name] = known[group.name].plus(Tallies(key[here], *seen, group.grain))
    return known


def _blocks(workflow: Workflow, shuffled: Shuffled) -> Iterator[_Block]:
    for frame in shuffled.buckets():
        entries = _entries(frame, shuffled)
        judge, outcome = _settled(workflow, entries)
        asking = [shuffled.types[t] for t in workflow.triggering if t in shuffled.types]
        yield _Block(
            frame=frame,
            entries=entries,
            asked=np.flatnonzero(np.isin(entries.type, asking)),
            judged=~np.isnan(outcome),
            outcome=outcome,
            known_at=entries.at[judge],
        )


def _settled(workflow: Workflow, entries: Entries) -> tuple[Ints, Floats]:
    """For each entry, where the one that judges it stands (-1 if none does), and its outcome."""
    label = workflow.label.settle
    assert isinstance(label, NextRises | NextSays)  # noqa: S101  (`unread` has looked)
    number = entries.numbers.get(label.name, np.full(len(entries.at), np.nan))
    if isinstance(label, NextSays):
        judge = _next(entries, entries.type == entries.types.get(label.type, -1))
        return judge, np.where(judge >= 0, number[judge], np.nan)
    judge = _next(entries, np.full(len(entries.at), True))
    rise = np.where(judge >= 0, number[judge] - number, np.nan)
    return judge, np.where(np.isnan(rise), np.nan, rise > label.by_more_than)


def _entries(frame: pl.DataFrame, shuffled: Shuffled) -> Entries:
    subject, at, id_ = frame["subject"], frame["occurred_at"].to_numpy(), frame["id"]
    begins = (subject != subject.shift()).fill_null(True).to_numpy()
    same = ~begins & (np.diff(at, prepend=-1) == 0)
    if (same & (id_ < id_.shift()).fill_null(False).to_numpy()).any():
        raise OutOfOrder("of events of one subject and instant, one comes before a lesser id")
    return Entries(
        at=at,
        first=np.maximum.accumulate(np.where(begins, np.arange(len(at)), 0)),
        type=frame["type"].to_numpy(),
        numbers={name: frame[name].to_numpy() for name in shuffled.numbers},
        texts={name: frame[name].to_numpy() for name in shuffled.words},
        words={name: list(words) for name, words in shuffled.words.items()},
        types=shuffled.types,
    )


def _next(entries: Entries, judges: Flags) -> Ints:
    """For each entry, where the first later one of its subject that judges stands; -1 if none."""
    count = len(entries.at)
    own = np.where(judges, np.arange(count), count)
    later = np.append(np.minimum.accumulate(own[::-1])[::-1], count)[1:]
    there = later < count
    there[there] = entries.first[later[there]] == entries.first[there]
    return np.where(there, later, -1)


def _write(
    workflow: Workflow, block: _Block, known: Mapping[str, Tallies], writer: PartsWriter
) -> None:
    asked = block.asked
    groups = {group.name: (known[group.name], block.key(group, asked)) for group in workflow.groups}
    questions = Questions(block.entries, asked, groups)
    features = np.empty((len(asked), len(workflow.features)), dtype=np.float32)
    for column, feature in enumerate(workflow.features):
        features[:, column] = questions.answer(feature.of)
    rows = block.frame[asked]
    event = rows["id"].to_arrow().cast(pa.string())
    as_of = pa.array(questions.as_of).cast(INSTANT)
    keys = [
        rows["subject"].to_arrow().cast(pa.string()),
        event,
        as_of,
        pa.nulls(len(asked), pa.string()),
        pa.array(np.zeros(len(asked), dtype=np.int32)),
        rows["offset"].to_arrow(),
    ]
    writer.rows(keys, features)
    judged = block.judged[asked]
    place = asked[judged]
    if len(place):
        known_at = pa.array(block.known_at[place]).cast(INSTANT)
        columns = [event.filter(pa.array(judged)), pa.array(block.outcome[place]), known_at]
        writer.outcomes(columns, as_of.filter(pa.array(judged)))
