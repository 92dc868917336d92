"""The processes of one copy add up their counts, and whichever is asked answers for all."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from headway.metrics import Standing, empty_folder, exposition
from headway.settings import Settings

COUNT = "from headway.metrics import answered; answered('/ping', 200, [0.002])"
SERIES = 'headway_http_request_seconds_count{route="/ping",status="200"}'


def count(folder: Path) -> float:
    told = Standing(
        {"a": 3}, {"action": 2}, 1, {("a", "drift"): 1}, {("erp", "dead"): 4}, {"serve": 0.5}
    )
    text = exposition(told, folder).decode()
    assert 'headway_webhook_messages{status="dead",subscriber="erp"} 4.0' in text
    assert 'headway_worker_silent_seconds{worker="serve"} 0.5' in text
    assert 'headway_stream_lag_records{workflow="a"} 3.0' in text
    assert 'headway_alerts_open{kind="drift",workflow="a"} 1.0' in text
    return sum(float(line.split()[-1]) for line in text.splitlines() if line.startswith(SERIES))


def test_two_processes_add_up_also_when_one_has_ended(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, metrics=empty_folder(tmp_path / "metrics"))
    for times in (1, 2):
        subprocess.run([sys.executable, "-c", COUNT], env=settings.environment(), check=True)  # noqa: S603  (our own program)
        assert count(tmp_path / "metrics") == times


def test_a_copy_that_starts_again_counts_anew(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, metrics=empty_folder(tmp_path))
    subprocess.run([sys.executable, "-c", COUNT], env=settings.environment(), check=True)  # noqa: S603  (our own program)
    assert count(empty_folder(tmp_path)) == 0
