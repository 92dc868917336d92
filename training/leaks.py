"""The leak alarm: a feature that knows the outcome stops training, and is named."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import msgspec
import numpy as np
from sklearn.metrics import roc_auc_score

from firm.errors import CannotTrain
from firm.groups import Group
from firm.history import Entry
from firm.time import DAY, Micros
from firm.vocabulary import Known
from firm.workflow import Row, Workflow
from training.hindsight import hindsight
from training.replay import Replayed
from training.rows import Floats, TrainingRows

GIVES_AWAY = 0.97
"""AUC of one feature alone. No honest one of the real logs here passes .9."""
LEAST_ROWS = 200
LEAST_OF_EACH = 20
"""Rows of the rarer outcome; with fewer, a high AUC may be luck."""
BINS = 20
TRIED_ROWS = 300
"""On how many rows it is tried which features move with a folded value."""


class Leak(msgspec.Struct, frozen=True):
    """A feature that must not be learnt from, and how it was seen."""

    feature: str
    why: str


def require_none(workflow: Workflow, replayed: Replayed, cut: Micros) -> None:
    """Let training go on only if no feature leaks, by all that was in the log before the cut.

    Raises:
        CannotTrain: some leak; each is named.
    """
    found = leaks(workflow, replayed, cut)
    if found:
        named = "; ".join(f"{leak.feature}: {leak.why}" for leak in found)
        raise CannotTrain(
            f"{workflow.slug} has features that know the outcome ({named}): they would be worth "
            "nothing live; leave them out, or fold what stood there at the time"
        )


def leaks(workflow: Workflow, replayed: Replayed, cut: Micros) -> list[Leak]:
    """The features that give the outcome away by themselves, or are made of a value that was filled
    in, or became true, after the instant it is said of; each once."""
    found = {leak.feature: leak for leak in _giving_away(replayed.rows.known_at(cut))}
    known = _tried(replayed, cut)
    for seen in hindsight(replayed.histories(cut)):
        for feature in _made_of(workflow, known, seen.name):
            found.setdefault(feature, Leak(feature, f"made of {seen.name!r}: {seen.why}"))
    return list(found.values())


def _giving_away(rows: TrainingRows) -> Iterator[Leak]:
    positives = int(rows.outcome.sum())
    if len(rows) < LEAST_ROWS or min(positives, len(rows) - positives) < LEAST_OF_EACH:
        return
    for name, values in zip(rows.names, rows.features.T, strict=True):
        auc = _auc_alone(values, rows.outcome)
        if auc > GIVES_AWAY:
            yield Leak(name, f"it alone tells the outcome, with an AUC of {auc:.3f}")


def _auc_alone(values: Floats, outcome: Floats) -> float:
    """The AUC of the outcome's rate in each bin of the values; missing is a bin of its own."""
    there = ~np.isnan(values)
    known = values[there] if there.any() else np.zeros(1)
    edges: Floats = np.unique(np.quantile(known, np.linspace(0, 1, BINS + 1)))
    place = np.where(there, np.searchsorted(edges, values), -1)
    rates = np.empty(len(values))
    for bin_ in np.unique(place):
        rates[place == bin_] = outcome[place == bin_].mean()
    return float(roc_auc_score(outcome, rates))


def _tried(replayed: Replayed, cut: Micros) -> list[Known]:
    rows = replayed.rows.where(replayed.rows.as_of < cut)
    places = np.unique(np.linspace(0, len(rows) - 1, min(TRIED_ROWS, len(rows))).astype(int))
    return [
        Known(int(rows.as_of[i]), replayed.history(rows.subject[i], int(rows.as_of[i])))
        for i in places
    ]


def _made_of(workflow: Workflow, known: Sequence[Known], name: str) -> list[str]:
    """The features that move when the folded value is taken away, or that follow a group that is
    told by it."""
    groups = [group.name for group in workflow.groups if name in group.texts]
    moved = set(_moved(workflow, known, (_without(k, name) for k in known)))
    for group in groups:
        moved |= set(_moved(workflow, known, (_with_group(k, group) for k in known)))
    return [feature for feature in workflow.feature_names if feature in moved]


def _moved(workflow: Workflow, known: Iterable[Known], changed: Iterable[Known]) -> Iterator[str]:
    for one, two in zip(known, changed, strict=True):
        before, after = workflow.row(one), workflow.row(two)
        yield from _differing(workflow, before, after)


def _differing(workflow: Workflow, before: Row, after: Row) -> Iterator[str]:
    for name, one, two in zip(workflow.feature_names, before, after, strict=True):
        if one != two:
            yield name


def _without(known: Known, name: str) -> Known:
    entries = [_blanked(entry, name) for entry in known.entries]
    return Known(known.as_of, entries, known.groups)


def _blanked(entry: Entry, name: str) -> Entry:
    return msgspec.structs.replace(entry, values={**entry.values, name: None})


def _with_group(known: Known, group: str) -> Known:
    """As if the group had been observed a while ago."""
    observed = Group()
    observed.record(known.as_of - 2 * DAY, 1.0)
    return Known(known.as_of, known.entries, {group: observed})
