"""A log replayed into files in columns where it can be, and event by event where it must be."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from firm.react import Arrival
from firm.workflow import Workflow
from training.arriving import replay_arrivals
from training.partitions import Parts
from training.replay import Watch
from training.shuffle import NotInColumns
from training.streaming import replay_to_parts


def replay_either_way(
    workflow: Workflow,
    arrivals: Iterable[Arrival],
    folder: Path,
    watch: Watch | None,
    say: Callable[[str], None],
) -> Parts:
    """Replay a log into a folder; `say` is told which way it went, and why.

    The log is gone through again if it turns out on the way that columns cannot answer it.
    """
    try:
        parts = _in_columns(workflow, arrivals, folder, watch)
    except NotInColumns as error:
        say(f"{workflow.slug}: replaying event by event, since {error}")
        return replay_to_parts(workflow, arrivals, folder, watch=watch)
    say(f"{workflow.slug}: replayed in columns, since label, features and log can all be read so")
    return parts


def _in_columns(
    workflow: Workflow, arrivals: Iterable[Arrival], folder: Path, watch: Watch | None
) -> Parts:
    if watch is not None:
        raise NotInColumns("each question is looked at as it is asked, for fairness")
    if iter(arrivals) is arrivals:
        raise NotInColumns("the log can be gone through only once")
    return replay_arrivals(workflow, arrivals, folder)
