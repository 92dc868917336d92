"""A log that is replayed into files goes in columns where it can, and what is left is the same."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from msgspec.structs import replace

from bench.work_items import WORKFLOW, arrivals, write_log
from firm.events import Event, ScoreRequested
from firm.history import Entry, Values
from firm.ids import EventId
from firm.react import Arrival
from firm.workflow import Workflow
from tests.unit.firm.samples import arriving
from tests.unit.training.small import WORKFLOW as CALLED
from tests.unit.training.small import log as calls
from tests.unit.training.test_columnar import EVERY_WORD, declared, status_reports
from tests.unit.training.test_partitions import disturbed, require_same
from training import arriving as arriving_module
from training import shuffle
from training.either_way import replay_either_way
from training.partitions import Parts
from training.replay import replay_whole
from training.spill import SubjectsOnDisk
from training.streaming import replay_to_parts
from workflows.delivery_risk import WORKFLOW as DELIVERY_RISK


@pytest.fixture
def log(tmp_path: Path) -> list[Arrival]:
    write_log(1_500, tmp_path / "log")
    return list(arrivals(tmp_path / "log"))


def replayed(workflow: Workflow, log: Sequence[Arrival], folder: Path) -> tuple[Parts, str]:
    """The rows, and which way they came."""
    said: list[str] = []
    parts = replay_either_way(workflow, log, folder, None, said.append)
    (words,) = said
    return parts, words


def fold(event: Event) -> Values:
    return WORKFLOW.fold(event)


@pytest.mark.parametrize("workflow", [EVERY_WORD, declared(fold=fold)], ids=["read", "called"])
def test_a_log_in_order_is_replayed_in_columns_whatever_the_fold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workflow: Workflow, log: list[Arrival]
) -> None:
    monkeypatch.setattr(shuffle, "IN_MEMORY", 400)
    monkeypatch.setattr(arriving_module, "BATCH", 130)
    twice = [*log[:700], *log[:500], *log[700:]]
    parts, words = replayed(workflow, twice, tmp_path / "parts")
    assert "replayed in columns" in words
    require_same(parts, replay_whole(workflow, twice))


def test_the_real_status_reports_are_replayed_in_columns(tmp_path: Path) -> None:
    arrived = arriving(*status_reports())
    parts, words = replayed(DELIVERY_RISK, arrived, tmp_path)
    assert words.startswith("delivery_risk: replayed in columns")
    require_same(parts, replay_whole(DELIVERY_RISK, arrived))


def test_the_subjects_left_on_disk_are_those_of_the_other_way(
    tmp_path: Path, log: list[Arrival]
) -> None:
    def histories(parts: Parts) -> dict[str, list[Entry]]:
        on_disk = SubjectsOnDisk(parts.folder)
        return {subject: state.history.entries for subject, state in on_disk.items()}

    ours, _ = replayed(WORKFLOW, log, tmp_path / "ours")
    assert histories(ours) == histories(replay_to_parts(WORKFLOW, log, tmp_path / "theirs"))


def test_what_columns_cannot_answer_is_replayed_event_by_event_and_it_is_said_why(
    tmp_path: Path, log: list[Arrival]
) -> None:
    request = ScoreRequested(workflow=WORKFLOW.slug)
    last = log[-1].event
    asked = replace(last, id=EventId("r"), type=ScoreRequested.type, fact=request)
    requested = arriving(*(arrival.event for arrival in log), asked)
    cases: list[tuple[Workflow, Sequence[Arrival], str]] = [
        (WORKFLOW, disturbed(log), "older than one before it"),
        (WORKFLOW, requested, "is a score.requested"),
        (CALLED, calls(100), "for label.settle"),
    ]
    for number, (workflow, arrived, why) in enumerate(cases):
        parts, words = replayed(workflow, arrived, tmp_path / str(number))
        assert "event by event, since" in words
        assert why in words
        require_same(parts, replay_whole(workflow, arrived))


def test_a_log_that_can_be_gone_through_only_once_is_replayed_event_by_event(
    tmp_path: Path, log: list[Arrival]
) -> None:
    said: list[str] = []
    parts = replay_either_way(WORKFLOW, iter(log), tmp_path, None, said.append)
    assert "only once" in said[0]
    assert parts.count() == 450
