"""`headway demo --json` on a fresh home: every claim of the demo holds on the real log."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from headway.demo.bad import bad_inputs
from tests.e2e.command import gone, start, up, usual_ports_taken

pytestmark = [pytest.mark.slow, pytest.mark.timeout(420)]

DEMO_SECONDS = 360.0
REPORTS = 2_259


class Demo:
    """A demo that has run, while another copy came up beside it."""

    def __init__(self, home: Path, beside: Path) -> None:
        process = start(home, "demo", "--json")
        self.processes = _children(process, least=4)
        with up(beside) as other:
            self.other_answered = httpx.get(f"{other.api}/health/live", timeout=30).is_success
            self.other_code = other.end(signal.SIGINT)
        self.stdout, self.stderr = process.communicate(timeout=DEMO_SECONDS)
        self.code = process.returncode
        self.found: dict[str, Any] = json.loads(self.stdout) if self.stdout else {}


def _children(process: subprocess.Popen[str], least: int) -> list[psutil.Process]:
    """What it has started, as soon as that is so much."""
    while process.poll() is None:
        found = psutil.Process(process.pid).children(recursive=True)
        if len(found) >= least:
            return found
        time.sleep(0.1)
    return []


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    homes = tmp_path_factory.mktemp("homes")
    with usual_ports_taken():
        yield Demo(homes / "first", homes / "second")


@pytest.fixture(scope="module")
def found(demo: Demo) -> dict[str, Any]:
    assert demo.found, demo.stderr
    return demo.found


def test_it_exits_with_zero_and_nothing_failed(demo: Demo) -> None:
    assert demo.found.get("failed") == [], demo.stderr[-2_000:]
    assert demo.code == 0


def test_standard_output_is_one_json_object_and_no_more(demo: Demo) -> None:
    assert demo.stdout.count("\n") == 1
    assert isinstance(json.loads(demo.stdout), dict)


def test_progress_is_said_on_standard_error(demo: Demo) -> None:
    assert "Kafka is ready" in demo.stderr
    assert "Traceback" not in demo.stderr


def test_another_copy_came_up_at_the_same_time(demo: Demo) -> None:
    assert demo.other_answered
    assert demo.other_code == 130


def test_nothing_is_left_running(demo: Demo) -> None:
    assert len(demo.processes) >= 4
    assert gone(demo.processes)


def test_every_event_is_accounted_for(found: dict[str, Any]) -> None:
    events = found["events"]
    fates = [events[fate] for fate in ("counted", "late", "duplicate", "rejected")]
    assert events["in"] == sum(fates)
    assert events["counted"] + events["late"] == REPORTS
    assert events["duplicate"] > 0
    assert events["rejected"] == len(bad_inputs("delivery_risk", 0))


def test_the_disturbance_is_said(found: dict[str, Any]) -> None:
    assert "sent twice" in found["disturbed"]
    assert "seed 7" in found["disturbed"]


def test_training_rows_are_what_was_decided_on(found: dict[str, Any]) -> None:
    assert found["parity"]["rows"] >= 1_700
    assert found["parity"]["mismatched_rows"] == 0


def test_http_and_stream_give_the_same_scores(found: dict[str, Any]) -> None:
    decisions = found["decisions"]
    assert decisions["total"] == REPORTS
    assert decisions["http_compared"] >= 100
    assert decisions["http_mismatches"] == 0
    assert sum(decisions["by_band"].values()) == decisions["total"]


def test_a_second_replay_changes_nothing(found: dict[str, Any]) -> None:
    assert found["replay"]["events"] > REPORTS
    assert found["replay"]["changed_decisions"] == 0
    assert found["replay"]["changed_features"] == 0


def test_the_model_is_as_good_as_promised(found: dict[str, Any]) -> None:
    quality = found["quality"]
    assert quality["n"] >= 500
    assert quality["auc"] >= 0.71
    assert 0 < quality["pr_auc"] <= 1
    assert 0 < quality["brier"] < quality["constant_brier"]
    assert 0 <= quality["ece"] < 0.15
    assert found["reference"]["auc"] == 0.716


def test_latency_is_measured(found: dict[str, Any]) -> None:
    latency = found["latency"]
    for way in ("event_to_decision", "http"):
        assert 0 < latency[f"{way}_p50_ms"] <= latency[f"{way}_p99_ms"]


def test_each_bad_input_was_refused_on_the_stream_and_over_http(found: dict[str, Any]) -> None:
    refusals = {refusal["input"]: refusal for refusal in found["refusals"]}
    assert refusals.keys() == bad_inputs("delivery_risk", 0).keys()
    assert all(refusal["stream"] != "NOT REFUSED" for refusal in refusals.values())
    assert all(refusal["http"].startswith("4") for refusal in refusals.values())
    assert refusals["10 MB payload"]["http"] == "413 too-large"


def test_automatic_actions_were_performed(found: dict[str, Any]) -> None:
    assert set(found["actions"]) == {"notify_director", "open_remediation"}


def test_the_report_is_there(found: dict[str, Any]) -> None:
    report = Path(found["report"])
    assert report.suffix == ".html"
    assert report.stat().st_size > 100_000
    assert Path(found["summary"]).is_file()


def test_addresses_and_duration_are_told(found: dict[str, Any]) -> None:
    assert found["api"].startswith("http://127.0.0.1:")
    assert found["mlflow"].startswith("http://127.0.0.1:")
    assert 0 < found["seconds"] < DEMO_SECONDS
    assert found["audit_links"] > found["decisions"]["total"]
