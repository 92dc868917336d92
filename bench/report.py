"""A report over many decisions, in a process of its own: how long it takes, and how much memory."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd

from bench.memory import peak_mib
from monitoring.report import write_report
from monitoring.window import DriftLimits, FalsePositiveBudget, Window

PART = 20_000
"""Rows in memory at once, as `headway report` reads them."""
TRAINING = 10_000


def measure(rows: int = 1_000_000, columns: int = 30) -> dict[str, Any]:
    """Write a report over so many decisions of so many features, a third of which have moved.

    Seconds are from the first import to the last file; the peak is that of the whole process.
    """
    script = f"from bench.report import run; run({rows}, {columns})"
    begun = time.monotonic()
    done = subprocess.run(  # noqa: S603  (our own script)
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return {"rows": rows, "columns": columns, "seconds": time.monotonic() - begun, **found}


def run(rows: int, columns: int) -> None:
    """What the process does: print the peak of its memory, and what the report found."""
    names = tuple(f"feature_{number}" for number in range(columns))
    rng = np.random.default_rng(1)
    with TemporaryDirectory() as folder:
        files = write_report(
            _window(names),
            _frame(rng, names, TRAINING, 0.0),
            _parts(rng, names, rows),
            Path(folder),
        )
        size = files.html.stat().st_size
    used = resource.getrusage(resource.RUSAGE_SELF)
    said = {
        "cpu_seconds": round(used.ru_utime + used.ru_stime, 1),
        "peak_mb": round(peak_mib()),
        "html_mb": round(size / 1e6, 1),
        "judged": files.figures.quality.rows,
        "drifted": len(files.figures.drift.drifted),
    }
    sys.stdout.write(json.dumps(said) + "\n")


def _parts(rng: np.random.Generator, names: tuple[str, ...], rows: int) -> Iterator[pd.DataFrame]:
    for first in range(0, rows, PART):
        yield _frame(rng, names, min(PART, rows - first), 0.5)


def _frame(
    rng: np.random.Generator, names: tuple[str, ...], rows: int, shift: float
) -> pd.DataFrame:
    """Normal features, every third of them shifted; calibrated scores with their outcomes."""
    values = rng.normal(0, 1, (rows, len(names)))
    values[:, ::3] += shift
    frame = pd.DataFrame(values, columns=list(names))
    frame["prediction"] = 1 / (1 + np.exp(-values[:, 0]))
    frame["target"] = (rng.random(rows) < frame["prediction"]).astype(float)
    return frame


def _window(names: tuple[str, ...]) -> Window:
    return Window(
        workflow="bench",
        question="How long does a report take?",
        owner="nobody",
        model_version="1",
        start=datetime(2026, 1, 1, tzinfo=UTC),
        end=datetime(2026, 2, 1, tzinfo=UTC),
        threshold=0.5,
        drift=DriftLimits(share_of_columns=0.5),
        false_positive_budget=FalsePositiveBudget(limit=0.5),
        numeric_columns=names,
    )
