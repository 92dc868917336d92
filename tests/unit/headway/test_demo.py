"""What the demo decides before it starts anything, and what it calls a failure."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from rich.console import Console
from typer.testing import CliRunner

from firm.errors import BadEvent, HeadwayError
from firm.events import Position
from firm.react import Arrival, Batch
from firm.states import States
from firm.time import to_micros
from headway.catalogue import canonicaliser, declared
from headway.cli import app
from headway.demo import result
from headway.demo.bad import UNKNOWN_SUBJECT, bad_inputs
from headway.demo.claims import failures
from headway.demo.logs import LOGS, DemoLog
from headway.demo.run import STOPS, Window, _stops
from headway.demo.show import show
from headway.logs import Outgoing
from headway.progress import Progress

NOW = to_micros(datetime(2026, 1, 1, tzinfo=UTC))
KNOWN = declared()
CANONICAL = canonicaliser(KNOWN)


def scored(workflow: str, **changed: object) -> result.Scored:
    found = result.Scored(
        workflow=workflow,
        events=result.Events(10, 7, 1, 1, 1),
        model=result.Model("1", 100, "2020-01-01", {}),
        parity=result.Parity(10, 0),
        decisions=result.Decisions(10, {}, {}, 100, 0),
        replay=result.Replayed(10, 0, 0),
        quality=result.Judged(100, 0.99, 0.9, 0.1, 0.2, 0.01),
        reference={},
        reference_by="",
        latency=result.Latency(1, 2, 1, 2, ""),
        report="",
        summary="",
    )
    return msgspec.structs.replace(found, **changed)


def whole(log: DemoLog, refused: str = "422 invalid-value", **changed: object) -> result.Result:
    first, *others = [scored(judging.workflow) for judging in log.workflows]
    last = msgspec.structs.replace((others or [first])[-1], **changed)
    kept = [*[first, *others][:-1], last]
    return result.Result(
        **msgspec.structs.asdict(kept[0]),
        log=log.name,
        window="",
        disturbed="",
        refusals=[result.Refusal("NaN", "invalid-value", refused)],
        actions={},
        audit_links=1,
        others=kept[1:],
        api="",
        mlflow="",
        seconds=1,
        failed=[],
    )


@pytest.mark.parametrize("log", LOGS.values(), ids=LOGS)
@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"events": result.Events(11, 7, 1, 1, 1)}, "11 events were sent, 10 are accounted for"),
        ({"parity": result.Parity(10, 1)}, "training rows differ"),
        ({"parity": result.Parity(0, 0)}, "no training row was compared"),
        ({"decisions": result.Decisions(10, {}, {}, 100, 1)}, "HTTP and stream differ"),
        ({"decisions": result.Decisions(10, {}, {}, 99, 0)}, "fewer than 100 answers"),
        ({"replay": result.Replayed(10, 1, 0)}, "changed decisions"),
        ({"replay": result.Replayed(10, 0, 1)}, "changed features"),
        ({"quality": result.Judged(100, 0.5, 0.9, 0.1, 0.2, 0.01)}, "AUC 0.500 is below"),
        ({"quality": result.Judged(100, 0.99, 0.9, 0.2, 0.2, 0.01)}, "no better than the constant"),
    ],
)
def test_what_does_not_hold_for_one_workflow_fails_the_demo(
    log: DemoLog, changed: dict[str, object], said: str
) -> None:
    assert failures(whole(log), log) == []
    (claim,) = failures(whole(log, **changed), log)
    assert claim.startswith(f"{log.workflows[-1].workflow}: ")
    assert said in claim


def test_a_bad_input_that_was_taken_fails_the_demo() -> None:
    log = LOGS["capital_projects"]
    assert failures(whole(log, refused="202 "), log) == ["a bad input was not refused"]


@pytest.mark.parametrize("log", LOGS.values(), ids=LOGS)
def test_every_bad_input_of_a_log_is_bad_for_each_of_its_workflows(log: DemoLog) -> None:
    for judging in log.workflows:
        workflow = KNOWN[judging.workflow]
        for words, payload in bad_inputs(workflow.slug, NOW, log.sample).items():
            try:
                event = CANONICAL.event(payload, NOW)
            except BadEvent:
                assert words != UNKNOWN_SUBJECT
            else:
                batch = Batch(workflow, States())
                batch.take(Arrival(event, Position(0, 1)))
                assert [one.fate for one in batch.received] == ["rejected"], words


@pytest.mark.parametrize("log", LOGS.values(), ids=LOGS)
def test_what_is_spoilt_would_be_taken_as_it_is(log: DemoLog) -> None:
    payload = bad_inputs(log.workflows[0].workflow, NOW, log.sample)["far past"]
    good = payload.replace(b"1890-", b"2020-")
    event = CANONICAL.event(good, NOW)
    assert event.subject == log.sample.subject
    assert all(KNOWN[judging.workflow].folds(event) for judging in log.workflows)


def test_the_replay_stops_at_each_instant_or_at_some_of_many() -> None:
    few = [Outgoing(b"", b"", at) for at in (3, 1, 1, 2)]
    assert _stops(few) == [(1, 2), (2, 3), (3, 4)]
    many = [Outgoing(b"", b"", at) for at in range(600)]
    assert _stops(many) == [(n * 100 - 1, n * 100) for n in range(1, STOPS + 1)]


def test_a_shortened_window_is_said() -> None:
    cut = datetime(2020, 1, 1, tzinfo=UTC)
    events = [Outgoing(b"", b"", to_micros(datetime(2020, 1, day, tzinfo=UTC))) for day in (1, 2)]
    assert Window.of(cut, None).of_events(events) == (events, "the whole log")
    shortened = Window.of(cut, datetime(2020, 1, 2, tzinfo=UTC)).of_events(events)
    assert shortened == (events[:1], "only 1 of its 2 events (--until)")
    both = [Outgoing(key, b"", at) for key in (b"ticket:1", b"ticket:4") for at in (1, 2, 3)]
    of_one, words = Window.of(cut, None, one_of=2).of_events(both)
    assert len({event.key for event in of_one}) == 1
    assert len(of_one) == 3
    assert words == "only 3 of its 6 events (one subject of 2; all: --whole)"
    with pytest.raises(HeadwayError, match="--until must lie after 2020-01-01"):
        Window.of(cut, cut)


def test_there_is_a_demo_for_each_log_of_the_house(tmp_path: Path) -> None:
    folders = {path.parent.name for path in Path("data").glob("*/mapping.toml")}
    assert set(LOGS) == folders
    said = CliRunner().invoke(app, ["demo", "no_such_log"])
    assert said.exit_code == 1
    assert all(name in said.stderr for name in LOGS)


@pytest.mark.parametrize("log", LOGS.values(), ids=LOGS)
def test_addresses_that_answer_no_more_are_said_to(log: DemoLog) -> None:
    def shown(kept: bool) -> str:
        console = Console(file=io.StringIO(), width=120)
        show(msgspec.structs.replace(whole(log), api="http://here"), console, kept)
        assert isinstance(console.file, io.StringIO)
        return console.file.getvalue()

    assert "API http://here/docs\n" in shown(kept=True)
    assert "API http://here/docs (until now; `--keep` leaves it up)\n" in shown(kept=False)
    of_all = "audit chain for all of them: 1 links hold" in shown(kept=False)
    assert of_all == (len(log.workflows) > 1)


def test_what_nobody_watches_is_said_when_it_begins() -> None:
    said = io.StringIO()
    with Progress(Console(file=said)).meanwhile("training"):
        assert said.getvalue() == "· training\n"
